//! Getting bytes by URL, as a trait: whole or from an offset, in chunks, abortable.
//!
//! Verification, retries and resuming are in `engine::sync`; this trait only moves bytes.

use super::Abort;
use crate::error::Result;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Absolute URL (or path, natively).
    pub url: &'a str,
    /// First byte wanted; a server may ignore it, see [`Reply::from`].
    pub from: u64,
    /// Do not trust any cache on the way: ask the server itself.
    pub fresh: bool,
}

/// The start of an answer.
pub struct Reply<B> {
    /// Offset of the first byte that `body` gives: `Ask::from`, or 0 where the server ignored it.
    pub from: u64,
    /// The bytes, in order.
    pub body: B,
}

/// The bytes of an answer as they arrive.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs Send futures")]
pub trait Body {
    type Piece: Piece;

    /// The next piece, `None` at the end. A broken connection is `Error::Network`, an abort `Error::Aborted`.
    async fn chunk(&mut self) -> Result<Option<Self::Piece>>;
}

/// Some bytes of an answer, wherever the platform has them.
pub trait Piece {
    /// How many they are.
    fn size(&self) -> usize;

    /// Copies them behind `bytes`.
    fn append_to(self, bytes: &mut Vec<u8>);
}

impl Piece for Vec<u8> {
    fn size(&self) -> usize {
        self.len()
    }

    fn append_to(mut self, bytes: &mut Vec<u8>) {
        bytes.append(&mut self);
    }
}

/// A source of bytes. `Error::NotFound` where the URL has nothing, `Error::Network` where it cannot be reached.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs Send futures")]
pub trait Fetch {
    type Body: Body;

    /// Starts the transfer; errors never hold more of the URL than its last path segment.
    async fn get(&self, ask: Ask<'_>, abort: &Abort) -> Result<Reply<Self::Body>>;
}

/// The last path segment of a URL: enough to say which file failed, and nothing of its query.
pub fn name_of(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}
