//! Every native test, as one binary: topics in the order of the storeys.

/// The tree against the house rules: storeys, doors, lengths, names.
mod architecture;
/// What tests share: a seeded generator, an encoder without a model, catalogs.
mod catalogs;
/// One suite for every adapter of the outside world.
mod platform;
/// Bytes to values and back: damaged, cut, forged and newer files are errors, never panics.
mod format;
/// Decoded media to model inputs, bit for bit as the reference does it.
mod preprocess;
/// Each op on every instruction set of this processor against plain loops in f64.
mod ops;
/// The catalog in memory: keys, ordinals, the exact scan and the k best.
mod index;
/// The sealed log: crashes, flipped bits, two tabs, forgetting.
mod history;
/// Scores, reasons, rules, variety.
mod rank;
/// Encoders against their reference frameworks.
mod encode;
/// Several modalities as one vector: the graph, learning it, indexes ranked by it.
mod fuse;
/// One open session over twins of the outside world: open, resume, swap, lists, history.
mod engine;
/// Items and interactions in, index out: bad rows, deltas, builds that stop in the middle, the ranker.
mod publish;
/// Ranking metrics against hand-worked values and ranx, protocols that never leak, interactions in.
mod evaluate;
/// Methods on a checkerboard, against NumPy, and what shipping them costs.
mod train;
/// The publisher's command line: exit codes, messages, results as JSON.
mod cli;
