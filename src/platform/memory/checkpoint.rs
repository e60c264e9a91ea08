//! A checkpoint in memory, which can stop what it is given to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::platform::Checkpoint;

/// Every part stands in memory; unfinished ones are always due.
#[derive(Default)]
pub struct MemoryCheckpoint {
    /// What is kept, by name.
    pub kept: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Writes until [`Error::Aborted`]; `None`: never.
    pub stop_after: Cell<Option<usize>>,
    /// Writes so far.
    pub writes: Cell<usize>,
}

impl Checkpoint for MemoryCheckpoint {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.kept.borrow().get(name).cloned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.kept.borrow_mut().insert(name.into(), bytes.to_vec());
        self.writes.set(self.writes.get() + 1);
        if self.stop_after.get().is_some_and(|after| self.writes.get() >= after) { Err(Error::Aborted) } else { Ok(()) }
    }

    fn remove(&self, name: &str) {
        self.kept.borrow_mut().remove(name);
    }

    fn is_due(&self) -> bool {
        true
    }

    fn place(&self) -> String {
        "memory".into()
    }
}
