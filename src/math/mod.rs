//! Numbers in, numbers out.

pub mod rng;
pub mod stats;
pub mod topk;
