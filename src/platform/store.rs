//! Named blobs that outlive the session, as a trait.
//!
//! Names are `[a-z0-9._-]`, at most 120 characters; what they mean is up to the caller.

use crate::error::{Error, Result};

/// A flat store of blobs, shared by every tab of the origin (or every process that opens the folder).
///
/// Errors: `Error::Quota` when the device is full, `Error::Storage` when storage is denied or fails.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs Send futures")]
pub trait Store {
    /// Held while an exclusive section runs; dropping it lets the next one in.
    type Lock;

    /// The blob's length in bytes and at most `most` of its bytes from offset `from` on (none when it is shorter),
    /// as of one moment; `None` where there is no such blob.
    async fn peek(&self, name: &str, from: u64, most: u64) -> Result<Option<(u64, Vec<u8>)>>;

    /// Replaces (or creates) the blob. A crash leaves the old bytes or the new ones, never a mixture.
    async fn write(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// Adds bytes at the end (creates the blob) and returns its new length. A crash may leave a prefix of `bytes`;
    /// what was there before stays.
    async fn append(&self, name: &str, bytes: &[u8]) -> Result<u64>;

    /// As [`Store::append`], but only if the blob has exactly `len` bytes and begins with `head`; `None` where it does
    /// not. The caller holds a lock under which every other append and replacement is made.
    async fn append_to(&self, name: &str, len: u64, head: &[u8], bytes: &[u8]) -> Result<Option<u64>> {
        match self.peek(name, 0, head.len() as u64).await? {
            Some((found, start)) if found == len && start == head => self.append(name, bytes).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Gives the blob another name, replacing what had it. `Error::NotFound` where there is no such blob.
    async fn rename(&self, from: &str, to: &str) -> Result<()>;

    /// Removes the blob; one that does not exist is fine.
    async fn remove(&self, name: &str) -> Result<()>;

    /// Every name, sorted.
    async fn list(&self) -> Result<Vec<String>>;

    /// Waits for the exclusive right to `name` among everybody who shares this store.
    async fn lock(&self, name: &str) -> Result<Self::Lock>;

    /// Tells the others who share this store that something changed.
    fn announce(&self);

    /// Whether another one announced a change since the last time this was asked.
    fn heard(&self) -> bool;

    /// The whole blob.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.peek(name, 0, u64::MAX).await?.map(|(_, bytes)| bytes))
    }

    /// The blob's length in bytes.
    async fn len(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.peek(name, 0, 0).await?.map(|(len, _)| len))
    }
}

/// Refuses names outside `[a-z0-9._-]{1,120}` (and `.`-only ones), which no adapter could keep alike.
pub fn check_name(name: &str) -> Result<()> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 120 || name.starts_with('.') || !name.bytes().all(legal) {
        return Err(Error::Internal(format!("a blob name of {} bytes is not [a-z0-9._-]{{1,120}}", name.len())));
    }
    Ok(())
}
