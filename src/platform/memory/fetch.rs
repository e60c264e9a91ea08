//! A web server in memory: it counts requests and can be told to break.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::platform::fetch::name_of;
use crate::platform::{Abort, Ask, Body, Fetch, Reply};

#[derive(Default)]
struct Server {
    files: RefCell<BTreeMap<String, Rc<Vec<u8>>>>,
    requests: RefCell<Vec<(String, u64)>>,
    served: Cell<u64>,
    down: Cell<bool>,
    ignores_ranges: Cell<bool>,
    break_after: Cell<Option<u64>>,
    abort_after: Cell<Option<u64>>,
}

/// Cheap to clone; every clone is the same server.
#[derive(Clone, Default)]
pub struct MemoryFetch {
    server: Rc<Server>,
}

impl MemoryFetch {
    /// A server with nothing on it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves `bytes` under `url` from now on.
    pub fn serve(&self, url: &str, bytes: Vec<u8>) {
        self.server.files.borrow_mut().insert(url.to_owned(), Rc::new(bytes));
    }

    /// Serves nothing under `url` any more.
    pub fn drop(&self, url: &str) {
        self.server.files.borrow_mut().remove(url);
    }

    /// Unreachable while `down`.
    pub fn set_down(&self, down: bool) {
        self.server.down.set(down);
    }

    /// Answers every range request from byte 0 while `ignores`.
    pub fn set_ignores_ranges(&self, ignores: bool) {
        self.server.ignores_ranges.set(ignores);
    }

    /// Breaks the connection once, after `bytes` more bytes.
    pub fn break_after(&self, bytes: u64) {
        self.server.break_after.set(Some(bytes));
    }

    /// Triggers the asker's own abort token once, after `bytes` more bytes.
    pub fn abort_after(&self, bytes: u64) {
        self.server.abort_after.set(Some(bytes));
    }

    /// Every request so far: URL and first byte asked for.
    pub fn requests(&self) -> Vec<(String, u64)> {
        self.server.requests.borrow().clone()
    }

    /// Bytes sent so far.
    pub fn served(&self) -> u64 {
        self.server.served.get()
    }
}

/// An answer of [`MemoryFetch`], in chunks of 1,000 bytes.
pub struct MemoryBody {
    server: Rc<Server>,
    bytes: Rc<Vec<u8>>,
    at: usize,
    name: String,
    abort: Abort,
}

/// Counts `sent` down from a one-shot limit; true when the limit is reached.
fn reached(limit: &Cell<Option<u64>>, sent: u64) -> bool {
    match limit.get() {
        Some(left) if left <= sent => {
            limit.set(None);
            true
        }
        Some(left) => {
            limit.set(Some(left - sent));
            false
        }
        None => false,
    }
}

impl Body for MemoryBody {
    type Piece = Vec<u8>;

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.abort.check()?;
        let end = (self.at + 1000).min(self.bytes.len());
        if self.at >= end {
            return Ok(None);
        }
        let piece = self.bytes[self.at..end].to_vec();
        if reached(&self.server.abort_after, piece.len() as u64) {
            self.abort.abort();
        }
        if reached(&self.server.break_after, piece.len() as u64) {
            return Err(Error::Network(format!("The connection broke while {} was on its way. Try again.", self.name)));
        }
        self.at = end;
        self.server.served.set(self.server.served.get() + piece.len() as u64);
        Ok(Some(piece))
    }
}

impl Fetch for MemoryFetch {
    type Body = MemoryBody;

    async fn get(&self, ask: Ask<'_>, abort: &Abort) -> Result<Reply<MemoryBody>> {
        abort.check()?;
        let name = name_of(ask.url).to_owned();
        self.server.requests.borrow_mut().push((ask.url.to_owned(), ask.from));
        if self.server.down.get() {
            return Err(Error::Network(format!("{name} cannot be reached. Try again when the network is back.")));
        }
        let bytes = self.server.files.borrow().get(ask.url).cloned();
        let bytes = bytes.ok_or_else(|| Error::NotFound(format!("The server has no {name}. Check the address.")))?;
        let from = if self.server.ignores_ranges.get() || ask.from > bytes.len() as u64 { 0 } else { ask.from };
        let at = usize::try_from(from).map_err(|_| Error::Internal("an offset does not fit".to_owned()))?;
        let body = MemoryBody { server: self.server.clone(), bytes, at, name, abort: abort.clone() };
        Ok(Reply { from, body })
    }
}
