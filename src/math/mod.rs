//! Numbers in, numbers out.

pub mod rng;
pub mod scan;
pub mod simd;
