//! A checkpoint as files of a folder, written aside and renamed.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::folder::Folder;
use crate::error::Result;
use crate::platform::Checkpoint;

/// Unfinished parts are kept so often.
const EVERY: Duration = Duration::from_secs(30);
/// How names of its files end.
const ENDING: &str = ".kept";
/// Largest file that is read.
const MOST: u64 = 1 << 36;

/// Files `NAME.kept` of one folder. Where they can't be written, the run goes on without and `note` hears why, once.
pub struct FolderCheckpoint<'a> {
    folder: Folder,
    last: Cell<Instant>,
    note: &'a dyn Fn(&str),
    failed: Cell<bool>,
}

impl<'a> FolderCheckpoint<'a> {
    /// In a folder that need not exist yet.
    pub fn new(path: impl Into<PathBuf>, note: &'a dyn Fn(&str)) -> Self {
        Self { folder: Folder::new(path), last: Cell::new(Instant::now()), note, failed: Cell::new(false) }
    }

    /// Removes everything of it, the folder too where nothing else is in it.
    pub fn clear(&self) {
        let ours = |name: &String| name.ends_with(ENDING) || name.contains(ENDING) && name.ends_with(".tmp");
        for name in self.folder.names().unwrap_or_default().iter().filter(|name| ours(name)) {
            let _ = self.folder.remove(name);
        }
        let _ = std::fs::remove_dir(self.folder.path());
    }
}

impl Checkpoint for FolderCheckpoint<'_> {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.folder.read(&format!("{name}{ENDING}"), MOST).ok()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match self.folder.write(&format!("{name}{ENDING}"), bytes) {
            Err(error) if !self.failed.replace(true) => {
                (self.note)(&format!("what is finished can't be kept for a run that is stopped: {error}"));
            }
            _ => {}
        }
        self.last.set(Instant::now());
        Ok(())
    }

    fn remove(&self, name: &str) {
        let _ = self.folder.remove(&format!("{name}{ENDING}"));
    }

    fn is_due(&self) -> bool {
        self.last.get().elapsed() >= EVERY
    }

    fn place(&self) -> String {
        self.folder.path().display().to_string()
    }
}
