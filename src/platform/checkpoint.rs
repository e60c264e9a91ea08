//! Where a long computation keeps what it has finished, so that a run that was stopped can go on.
//!
//! Not here: what the bytes mean, and whom they belong to (`train::kept`).

use crate::error::Result;

/// Named bytes, each there whole or not at all.
pub trait Checkpoint {
    /// What is kept under `name`; `None` where there is nothing, or nothing that can be read.
    fn read(&self, name: &str) -> Option<Vec<u8>>;

    /// Keeps `bytes` in place of what `name` had.
    ///
    /// # Errors
    /// What is to stop the computation; a place that can't be written to need not.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// Drops what `name` has.
    fn remove(&self, name: &str);

    /// Whether so much was done since the last time that where an unfinished part stands is worth keeping.
    fn is_due(&self) -> bool;

    /// Where it is, for messages.
    fn place(&self) -> String;
}

/// Keeps nothing.
pub struct Nowhere;

impl Checkpoint for Nowhere {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn write(&self, _: &str, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn remove(&self, _: &str) {}

    fn is_due(&self) -> bool {
        false
    }

    fn place(&self) -> String {
        String::new()
    }
}
