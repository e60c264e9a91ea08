//! Decoded media to model inputs, against the reference's processors.

mod audio;
mod golden;
mod picture;
mod square;
