//! Tests of `src/format`.

mod forgery;
mod manifest;
mod pack_manifest;
mod ranker;
mod shard;
mod space;
