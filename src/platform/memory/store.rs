//! A store in memory that several "tabs" may share, and that can be told to fill up, to deny or to tear a write.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::error::{Error, Result};
use crate::platform::store::{Store, check_name};

#[derive(Default)]
struct Disk {
    blobs: RefCell<BTreeMap<String, Vec<u8>>>,
    held: RefCell<BTreeSet<String>>,
    waiting: RefCell<Vec<Waker>>,
    news: Cell<u64>,
    quota: Cell<Option<u64>>,
    denied: Cell<bool>,
    tear_after: Cell<Option<usize>>,
}

/// One view of the store. A clone is another view of the same bytes: what a second tab has.
pub struct MemoryStore {
    disk: Rc<Disk>,
    heard: Cell<u64>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self { disk: self.disk.clone(), heard: Cell::new(self.disk.news.get()) }
    }
}

impl MemoryStore {
    /// An empty store without limits.
    pub fn new() -> Self {
        Self { disk: Rc::default(), heard: Cell::new(0) }
    }

    /// Allows `bytes` in all from now on, `None` for no limit.
    pub fn set_quota(&self, bytes: Option<u64>) {
        self.disk.quota.set(bytes);
    }

    /// Denies every access while `denied`.
    pub fn set_denied(&self, denied: bool) {
        self.disk.denied.set(denied);
    }

    /// The next append writes only its first `bytes` bytes and fails: a process that dies in the middle.
    pub fn tear_next_append(&self, bytes: usize) {
        self.disk.tear_after.set(Some(bytes));
    }

    /// Every byte at rest, blob after blob.
    pub fn at_rest(&self) -> Vec<u8> {
        self.disk.blobs.borrow().values().flatten().copied().collect()
    }

    fn check(&self, name: &str) -> Result<()> {
        check_name(name)?;
        if self.disk.denied.get() {
            return Err(Error::Storage("Storage is denied. Allow the site to store data, or open with store: 'memory'.".to_owned()));
        }
        Ok(())
    }

    fn check_room(&self, added: usize, removed: usize) -> Result<()> {
        let Some(quota) = self.disk.quota.get() else { return Ok(()) };
        let used: usize = self.disk.blobs.borrow().values().map(Vec::len).sum();
        if (used + added).saturating_sub(removed) as u64 > quota {
            return Err(Error::Quota("The device has no room left. Free some space and call again.".to_owned()));
        }
        Ok(())
    }
}

/// The exclusive right to one name of a [`MemoryStore`].
pub struct MemoryLock {
    disk: Rc<Disk>,
    name: String,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.held.borrow_mut().remove(&self.name);
        for waker in self.disk.waiting.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}

impl Store for MemoryStore {
    type Lock = MemoryLock;

    async fn peek(&self, name: &str, from: u64, most: u64) -> Result<Option<(u64, Vec<u8>)>> {
        self.check(name)?;
        let blobs = self.disk.blobs.borrow();
        let Some(bytes) = blobs.get(name) else { return Ok(None) };
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len() - from);
        Ok(Some((bytes.len() as u64, bytes[from..from + most].to_vec())))
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.check(name)?;
        let old = self.disk.blobs.borrow().get(name).map_or(0, Vec::len);
        self.check_room(bytes.len(), old)?;
        self.disk.blobs.borrow_mut().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn append(&self, name: &str, bytes: &[u8]) -> Result<u64> {
        self.check(name)?;
        self.check_room(bytes.len(), 0)?;
        let mut blobs = self.disk.blobs.borrow_mut();
        let blob = blobs.entry(name.to_owned()).or_default();
        if let Some(kept) = self.disk.tear_after.take() {
            blob.extend_from_slice(&bytes[..kept.min(bytes.len())]);
            return Err(Error::Storage("The write was cut off. Call again.".to_owned()));
        }
        blob.extend_from_slice(bytes);
        Ok(blob.len() as u64)
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.check(from)?;
        self.check(to)?;
        let mut blobs = self.disk.blobs.borrow_mut();
        let bytes = blobs.remove(from).ok_or_else(|| Error::NotFound(format!("The store has no {from}. Write it first.")))?;
        blobs.insert(to.to_owned(), bytes);
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<()> {
        self.check(name)?;
        self.disk.blobs.borrow_mut().remove(name);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.check("list")?;
        Ok(self.disk.blobs.borrow().keys().cloned().collect())
    }

    async fn lock(&self, name: &str) -> Result<MemoryLock> {
        check_name(name)?;
        std::future::poll_fn(|context| {
            if self.disk.held.borrow_mut().insert(name.to_owned()) {
                Poll::Ready(())
            } else {
                self.disk.waiting.borrow_mut().push(context.waker().clone());
                Poll::Pending
            }
        })
        .await;
        Ok(MemoryLock { disk: self.disk.clone(), name: name.to_owned() })
    }

    fn announce(&self) {
        let news = self.disk.news.get() + 1;
        self.disk.news.set(news);
        if self.heard.get() + 1 == news {
            self.heard.set(news);
        }
    }

    fn heard(&self) -> bool {
        let news = self.disk.news.get();
        self.heard.replace(news) != news
    }
}
