//! Numbers in, numbers out: nothing here knows what they mean.

pub mod cubic;
pub mod hex;
pub mod rng;
pub mod scan;
pub mod simd;
pub mod sort;
pub mod stats;
pub mod topk;
pub mod vector;
