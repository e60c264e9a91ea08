//! Tests of `src/publish`.

mod build;
mod items;
mod ranker;
