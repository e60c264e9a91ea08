//! Decoded media to model inputs, against the reference's processors.

mod golden;
mod picture;
