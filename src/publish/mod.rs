//! Items in, index out: what the publisher's command line does, without the command line.

pub mod build;
pub mod items;
pub mod model;
pub mod table;
