//! Tests of `src/format`.

mod forgery;
mod manifest;
mod ranker;
mod shard;
mod space;
