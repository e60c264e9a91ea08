//! Tests of `src/train`: right answers on made-up data, goldens, and what is shipped.

mod blend;
mod clip;
mod contract;
mod covered;
mod ear;
mod golden;
mod inverse;
mod linear;
mod ratings;
mod sequence;
mod ship;
mod shipping;
mod tower;
mod tune;
