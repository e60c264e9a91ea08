//! Tests of `src/publish`.

mod build;
mod items;
mod ranker;
mod weights;
