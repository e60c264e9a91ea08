//! Tests of `src/evaluate` and of the interactions that it is fed.

mod golden;
mod interactions;
mod lists;
mod metrics;
mod split;
