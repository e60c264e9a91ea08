//! Decides what the user sees.

pub mod learned;
