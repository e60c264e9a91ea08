//! Bytes to values and back: the only room that knows offsets, magic numbers and versions.
//!
//! Every file palate ships is a safetensors container ([`tensors`]), so that other tools can read it too.

pub mod pack;
pub mod tensors;
