//! Items in, index out: what the publisher's command line does.

pub mod model;
