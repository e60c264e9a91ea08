//! Tests of `src/publish`.

mod build;
mod clock;
mod items;
mod ranker;
mod weights;
