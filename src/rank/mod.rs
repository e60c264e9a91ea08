//! Decides what the user sees: score terms over the history, their blend, and what happens to the list afterwards.

pub mod neighbors;
pub mod popularity;
pub mod sparse;
pub mod terms;
