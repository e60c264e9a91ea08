//! Every native test, as one binary: topics in the order of the storeys.

/// Each op on every instruction set of this processor against plain loops in f64.
mod ops;
/// Encoders against their reference frameworks.
mod encode;
/// What tests share: a seeded generator, an encoder without a model, catalogs.
mod catalogs;
/// Bytes to values and back: damaged, cut, forged and newer files are errors, never panics.
mod format;
/// The catalog in memory: keys, ordinals, the exact scan and the k best.
mod index;
/// Items in, index out: bad rows, deltas, builds that stop in the middle.
mod publish;
