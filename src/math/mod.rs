//! Numbers in, numbers out.

pub mod scan;
pub mod simd;
