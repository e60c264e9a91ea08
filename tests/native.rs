//! Every native test, as one binary: topics in the order of the storeys.

/// One suite for every adapter of the outside world.
mod platform;
/// Each op on every instruction set of this processor against plain loops in f64.
mod ops;
/// The sealed log: crashes, flipped bits, two tabs, forgetting.
mod history;
/// Scores, reasons, rules, variety.
mod rank;
/// Encoders against their reference frameworks.
mod encode;
/// One open session over twins of the outside world: open, resume, swap, lists, history.
mod engine;
