//! Numbers in, numbers out: nothing here knows what they mean.

pub mod scan;
pub mod simd;
