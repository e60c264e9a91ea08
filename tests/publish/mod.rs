//! Tests of `src/publish`.

mod build;
mod clean;
mod clock;
mod items;
mod quantize;
mod ranker;
mod resume;
mod weights;
