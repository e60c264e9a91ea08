//! Packs that are in use before they are stored.
//!
//! To store a pack takes a browser as long as to open it. What came in one go is opened at once, and stored piece by piece when nobody
//! waits; what a session that ends before has not stored goes on where it stopped at the next visit.

use std::cell::RefCell;
use std::sync::Arc;

use super::download::Wanted;
use super::session::Session;
use crate::error::Result;
use crate::platform::{Platform, Store};

/// Bytes that are stored at a time: a call that comes meanwhile waits for them.
const PIECE: usize = 2 << 20;

/// The packs of a session that are to be stored.
#[derive(Default)]
pub struct Unsaved(RefCell<Vec<File>>);

struct File {
    part: String,
    blob: String,
    bytes: Arc<Vec<u8>>,
    stored: usize,
}

impl Unsaved {
    /// Whether everything is stored.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Takes a verified file.
    pub(super) fn add(&self, wanted: &Wanted, bytes: Arc<Vec<u8>>) {
        self.0.borrow_mut().push(File { part: wanted.part(), blob: wanted.blob(), bytes, stored: 0 });
    }

    /// Stores the next piece of a file; a file that was given up by others meanwhile is left to them.
    ///
    /// Errors: what the store says; the file is then not tried again.
    pub async fn store_piece<P: Platform>(&self, world: &P) -> Result<()> {
        let Some(mut file) = self.0.borrow_mut().pop() else { return Ok(()) };
        let store = world.store();
        let _lock = store.lock(&file.part).await?;
        let end = file.bytes.len().min(file.stored + PIECE);
        let piece = &file.bytes[file.stored..end];
        let is_ours = match file.stored {
            // What a broken download left is shorter, or another tab's.
            0 if store.len(&file.blob).await?.is_some() => false,
            0 => store.write(&file.part, piece).await.map(|()| true)?,
            at => store.append_to(&file.part, at as u64, &[], piece).await?.is_some(),
        };
        file.stored = end;
        match is_ours {
            true if end < file.bytes.len() => self.0.borrow_mut().push(file),
            true => store.rename(&file.part, &file.blob).await?,
            false => {}
        }
        Ok(())
    }
}

impl<P: Platform> Session<P> {
    /// Whether something that is in use is still to be stored.
    pub fn is_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Stores the next piece of it; where the device is full the report says so, and it is fetched again at the next visit.
    pub async fn store_piece(&self) {
        if let Err(error) = self.unsaved.store_piece(&self.world).await {
            self.costs.borrow_mut().traffic.unstored = Some(error);
        }
    }
}
