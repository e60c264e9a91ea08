//! The catalog in memory: what is recommended, and the exact scan over it.
//!
//! Fetching, verifying and storing the shards is the engine's business; their bytes are `format`'s.

pub mod build;
pub mod catalog;
pub mod recent;

pub use catalog::Catalog;
