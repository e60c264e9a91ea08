//! Decoded media to model inputs, pure: pictures so far. Decoding is the browser's, or the command line's.

pub mod image;
pub mod picture;
pub mod resize;

pub use picture::Picture;
