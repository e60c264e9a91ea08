//! Bytes to values and back: the only room that knows offsets, magic numbers and versions.
//!
//! Every file palate ships is a safetensors container ([`tensors`]), so that other tools can read it too; the one
//! exception is [`manifest`], a small JSON file that names the others and their hashes.

pub mod clock;
pub mod digest;
pub mod gaps;
pub mod history;
pub mod joint;
pub mod manifest;
pub mod pack;
pub mod pack_manifest;
pub mod ranker;
pub mod shard;
pub mod space;
pub mod signature;
pub mod tensors;
