//! Every native test, as one binary: topics in the order of the storeys.

/// Each op on every instruction set of this processor against plain loops in f64.
mod ops;
/// Encoders against their reference frameworks.
mod encode;
