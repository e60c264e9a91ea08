<<<<<<< HEAD
//! Numbers in, numbers out.

pub mod scan;
=======
//! Numbers in, numbers out: nothing here knows what they mean.

>>>>>>> main
pub mod simd;
