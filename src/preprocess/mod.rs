//! Decoded media to model inputs, pure: pictures and sounds. Decoding is the browser's, or the command line's.

pub mod audio;
pub mod fourier;
pub mod image;
pub mod mel;
pub mod picture;
pub mod resample;
pub mod resize;
pub mod sound;
pub mod square;

pub use picture::Picture;
pub use sound::Sound;
