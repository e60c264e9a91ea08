//! Decides what the user sees: score terms over the history, their blend, and what happens to the list afterwards.

pub mod blend;
pub mod clusters;
pub mod content;
pub mod factors;
pub mod neighbors;
pub mod popularity;
pub mod sequence;
pub mod sparse;
pub mod terms;
