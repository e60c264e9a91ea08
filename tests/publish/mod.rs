//! Tests of `src/publish`.

mod build;
mod clock;
mod items;
mod quantize;
mod ranker;
mod weights;
