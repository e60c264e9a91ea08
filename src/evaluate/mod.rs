//! Says how good a ranking was. Pure: interactions and scores in, numbers out.

pub mod dataset;
pub mod judge;
pub mod keys;
pub mod lists;
pub mod metrics;
pub mod report;
pub mod rows;
pub mod split;
