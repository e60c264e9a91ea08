//! Items and interactions in, index out.

pub mod interaction_columns;
pub mod interactions;
pub mod item_features;
