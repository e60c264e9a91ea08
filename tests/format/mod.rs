//! Tests of `src/format`.

mod manifest;
mod ranker;
mod shard;
