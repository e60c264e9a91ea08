//! Tests of `src/format`.

mod manifest;
mod shard;
