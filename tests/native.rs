//! The one native test binary: a list of what is tested.

/// What tests share: a seeded generator, an encoder without a model, catalogs.
mod catalogs;
/// Bytes to values and back: damaged, cut, forged and newer files are errors, never panics.
mod format;
/// The catalog in memory: keys, ordinals, the exact scan and the k best.
mod index;
/// Items in, index out: bad rows, deltas, builds that stop in the middle.
mod publish;
