//! Packs that are in use before they are stored.
//!
//! To store a pack takes a browser as long as to open it. What came in one go is opened at once, and stored piece by piece
//! afterwards; what a session that ends before has not stored goes on where it stopped at the next visit.

use std::cell::RefCell;
use std::sync::Arc;

use super::download::Wanted;
use super::session::Session;
use crate::error::Result;
use crate::platform::{Platform, Store};

/// Bytes that are stored at a time: a call that comes meanwhile waits for them.
const PIECE: usize = 2 << 20;

/// The lock of a platform's store.
pub type LockOf<P> = <<P as Platform>::Store as Store>::Lock;

/// The packs of a session that are to be stored, each with the exclusive right to its partial blob.
pub struct Unsaved<L>(RefCell<Vec<File<L>>>);

struct File<L> {
    part: String,
    blob: String,
    bytes: Arc<Vec<u8>>,
    stored: usize,
    _lock: L,
}

impl<L> Default for Unsaved<L> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<L> Unsaved<L> {
    /// Whether everything is stored.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Takes a verified file, and the lock under which it was fetched: other tabs wait until it is stored.
    pub(super) fn add(&self, wanted: &Wanted, bytes: Arc<Vec<u8>>, lock: L) {
        self.0.borrow_mut().push(File { part: wanted.part(), blob: wanted.blob(), bytes, stored: 0, _lock: lock });
    }

    /// Stores the next piece of a file.
    ///
    /// Errors: what the store says; the file is then not tried again, and its partial blob is removed.
    pub async fn store_piece<P: Platform>(&self, world: &P) -> Result<()>
    where
        P::Store: Store<Lock = L>,
    {
        let Some(mut file) = self.0.borrow_mut().pop() else { return Ok(()) };
        let store = world.store();
        let end = file.bytes.len().min(file.stored + PIECE);
        let piece = &file.bytes[file.stored..end];
        let stored = match file.stored {
            // What a damaged download left goes.
            0 => store.write(&file.part, piece).await.map(|()| true),
            at => store.append_to(&file.part, at as u64, &[], piece).await.map(|len| len.is_some()),
        };
        match stored {
            // Somebody cleared the site's data: the next visit fetches the file again.
            Ok(false) => Ok(()),
            Ok(true) if end < file.bytes.len() => {
                file.stored = end;
                self.0.borrow_mut().push(file);
                Ok(())
            }
            Ok(true) => store.rename(&file.part, &file.blob).await,
            Err(error) => {
                let _ = store.remove(&file.part).await;
                Err(error)
            }
        }
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
