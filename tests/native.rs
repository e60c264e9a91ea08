//! The one native test binary.

/// One open session over twins of the outside world: open, resume, swap, lists, history.
mod engine;
/// The sealed log: crashes, flipped bits, two tabs, forgetting.
mod history;
/// One suite for every adapter of the outside world.
mod platform;
/// Scores, reasons, rules, variety.
mod rank;
