//! Every native test, as one binary: topics in the order of the storeys.

/// What tests share: a seeded generator, an encoder without a model, catalogs.
mod catalogs;
/// Bytes to values and back: damaged, cut, forged and newer files are errors, never panics.
mod format;
/// Each op on every instruction set of this processor against plain loops in f64.
mod ops;
/// The catalog in memory: keys, ordinals, the exact scan and the k best.
mod index;
/// Encoders against their reference frameworks.
mod encode;
/// Items in, index out: bad rows, deltas, builds that stop in the middle.
mod publish;
