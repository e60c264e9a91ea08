//! Architectures: one file each, weights to a graph. No I/O, no backend; quantized or not is a dtype.

pub mod bert;
