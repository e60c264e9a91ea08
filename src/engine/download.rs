//! One content-addressed file: from the store if it is there and verifies, else from the network, resumed where an
//! earlier try broke off.
//!
//! Bytes go to `part-<hash>` as they come, and get their real name when the hash is right: a blob under its real name
//! was whole once.

use super::progress::{OnProgress, Phase, Progress};
use crate::error::{Error, Result};
use crate::format::pack::hex;
use crate::format::pack_manifest::Pieces;
use crate::platform::{Abort, Ask, Body, Clock, Fetch, Piece, Platform, Reply, Seal, Store};

/// Bytes that are kept back before they are appended to the partial blob, at least.
const FLUSH: usize = 4 << 20;
/// Milliseconds between two such appends, at least: what comes fast is stored in one piece.
const FLUSH_PAUSE: f64 = 500.0;
/// Bytes and milliseconds between two steps of progress, at least.
const STEP: usize = 128 * 1024;
const STEP_PAUSE: f64 = 16.0;
/// Room that is made at a time for a file whose size nobody knows, at least.
const MORE: usize = 1 << 20;
/// Room that is made ahead for a file whose size is only claimed so far.
const ROOM: u64 = 64 << 20;
/// Tries without a single new byte before a download is given up.
const FRUITLESS: u32 = 2;

/// What a file must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Prefix of the blob's name: what kind of file it is.
    pub kind: &'static str,
    pub url: String,
    /// Named in errors.
    pub name: String,
    pub sha256: String,
    /// Its size; `None` where only the hash is known.
    pub bytes: Option<u64>,
    /// Largest size that is read when `bytes` is `None`.
    pub most: u64,
    /// Where they are known, what comes is verified by them as it comes; else by `sha256` when it is whole. What is in the store always
    /// is verified by `sha256`.
    pub pieces: Option<Pieces>,
}

impl Wanted {
    /// The blob of the whole file.
    pub fn blob(&self) -> String {
        format!("{}-{}", self.kind, &self.sha256[..32])
    }

    /// The blob of a file on its way.
    pub fn part(&self) -> String {
        format!("part-{}", &self.sha256[..32])
    }

    fn most(&self) -> u64 {
        self.bytes.unwrap_or(self.most)
    }
}

/// Counts over one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traffic {
    /// Requests sent.
    pub requests: u64,
    /// Bytes received.
    pub received: u64,
    /// Bytes read from the store.
    pub stored: u64,
    /// Files that were on the device and did not verify.
    pub damaged: u64,
    /// Why files are kept in memory only, if they are.
    pub unstored: Option<Error>,
}

impl Traffic {
    /// Adds another call's counts.
    pub fn add(&mut self, other: &Traffic) {
        self.requests += other.requests;
        self.received += other.received;
        self.stored += other.stored;
        self.damaged += other.damaged;
        if other.unstored.is_some() {
            self.unstored.clone_from(&other.unstored);
        }
    }
}

/// Whether a device that cannot store files may still use them from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfFull {
    UseMemory,
    Fail,
}

/// One call's way to files.
pub struct Downloads<'a, P: Platform> {
    pub world: &'a P,
    pub abort: &'a Abort,
    pub if_full: IfFull,
    pub traffic: Traffic,
    /// Whether the file under way waits to be stored until it is whole.
    held: bool,
}

impl<'a, P: Platform> Downloads<'a, P> {
    /// For a call that `abort` stops.
    pub fn new(world: &'a P, abort: &'a Abort, if_full: IfFull) -> Self {
        Downloads { world, abort, if_full, traffic: Traffic::default(), held: false }
    }

    /// The file from the store, `None` where it is missing or damaged (it is removed then).
    pub async fn stored(&mut self, wanted: &Wanted) -> Result<Option<Vec<u8>>> {
        let Some(bytes) = self.world.store().read(&wanted.blob()).await? else { return Ok(None) };
        if wanted.bytes.is_none_or(|expected| expected == bytes.len() as u64) && self.fits(&wanted.sha256, &bytes).await? {
            self.traffic.stored += bytes.len() as u64;
            return Ok(Some(bytes));
        }
        self.traffic.damaged += 1;
        self.world.store().remove(&wanted.blob()).await?;
        Ok(None)
    }

    /// The file from the network, verified and stored.
    ///
    /// Errors: `Error::Network` and `Error::Aborted` leave what came so far to be resumed; `Error::NotFound`;
    /// `Error::Corrupt` where size or hash are wrong a second time, asked of the server itself.
    pub async fn fetched(&mut self, wanted: &Wanted, told: OnProgress<'_>) -> Result<Vec<u8>> {
        let bytes = self.verified(wanted, told).await?;
        self.put(wanted, &bytes).await?;
        Ok(bytes)
    }

    /// As [`Downloads::fetched`], but where memory may do, a file that came in one go is not stored: whether that is so.
    ///
    /// Errors: as there.
    pub async fn brought(&mut self, wanted: &Wanted, told: OnProgress<'_>) -> Result<(Vec<u8>, bool)> {
        self.held = self.if_full == IfFull::UseMemory;
        let bytes = self.verified(wanted, told).await;
        let held = std::mem::take(&mut self.held);
        let bytes = bytes?;
        if !held {
            self.put(wanted, &bytes).await?;
        }
        Ok((bytes, held))
    }

    /// The file from the network, its bytes so far in the partial blob unless they are held.
    async fn verified(&mut self, wanted: &Wanted, told: OnProgress<'_>) -> Result<Vec<u8>> {
        match self.transfer(wanted, false, told).await {
            Err(Error::Corrupt { .. }) => self.transfer(wanted, true, told).await,
            other => other,
        }
    }

    /// Gives the partial blob of a verified file its name.
    async fn put(&mut self, wanted: &Wanted, bytes: &[u8]) -> Result<()> {
        let kept = self.world.store().rename(&wanted.part(), &wanted.blob()).await;
        match kept {
            // The partial blob could not be kept (or was cleared meanwhile): one more try in one piece.
            Err(Error::NotFound(_)) if self.traffic.unstored.is_none() => {
                let written = self.world.store().write(&wanted.blob(), bytes).await;
                self.tolerate(written)
            }
            Err(Error::NotFound(_)) => Ok(()),
            other => self.tolerate(other),
        }
    }

    async fn transfer(&mut self, wanted: &Wanted, fresh: bool, told: OnProgress<'_>) -> Result<Vec<u8>> {
        let part = wanted.part();
        if fresh {
            self.world.store().remove(&part).await?;
        }
        let mut bytes = match self.world.store().read(&part).await? {
            Some(bytes) if bytes.len() as u64 <= wanted.most() => bytes,
            Some(_) => {
                self.world.store().remove(&part).await?;
                Vec::new()
            }
            None => Vec::new(),
        };
        // What goes on where it broke is stored as before.
        self.held &= bytes.is_empty();
        let room = wanted.bytes.unwrap_or(0).min(ROOM).saturating_sub(bytes.len() as u64);
        bytes.reserve_exact(usize::try_from(room).unwrap_or(0));
        let mut fruitless = 0;
        let mut verified = 0;
        self.verify(wanted, &bytes, &mut verified).await?;
        let mut whole = wanted.bytes == Some(bytes.len() as u64);
        while !whole {
            self.abort.check()?;
            let before = bytes.len();
            let outcome = self.receive(wanted, fresh, &mut bytes, &mut verified, told).await;
            match &outcome {
                Ok(()) => whole = wanted.bytes.is_none_or(|expected| expected == bytes.len() as u64),
                Err(Error::Network(_)) => {}
                Err(error) => return Err(error.clone()),
            }
            fruitless = if bytes.len() > before { 0 } else { fruitless + 1 };
            if !whole && fruitless >= FRUITLESS {
                outcome?;
                return Err(Error::corrupt(&wanted.name, format!("it ends after {} of {} bytes", bytes.len(), wanted.most())));
            }
        }
        if wanted.pieces.is_none() {
            self.check(wanted, &wanted.sha256, &bytes).await?;
        }
        Ok(bytes)
    }

    /// Verifies the pieces of `bytes` that are whole now, from number `verified` on.
    async fn verify(&self, wanted: &Wanted, bytes: &[u8], verified: &mut usize) -> Result<()> {
        let Some(pieces) = &wanted.pieces else { return Ok(()) };
        while let Some(hash) = pieces.sha256.get(*verified) {
            let from = *verified * pieces.bytes as usize;
            let to = (from + pieces.bytes as usize).min(wanted.most() as usize);
            let Some(piece) = bytes.get(from..to) else { break };
            self.check(wanted, hash, piece).await?;
            *verified += 1;
        }
        Ok(())
    }

    /// `Error::Corrupt` for bytes of a file that have not the hash that they should; what was stored of it is removed then.
    async fn check(&self, wanted: &Wanted, hash: &str, bytes: &[u8]) -> Result<()> {
        if self.fits(hash, bytes).await? {
            return Ok(());
        }
        self.world.store().remove(&wanted.part()).await?;
        Err(Error::corrupt(&wanted.name, format!("the SHA-256 of {} bytes is not {hash}", bytes.len())))
    }

    /// One request: appends what it brings to `bytes`, of which `verified` pieces are verified, and to the partial blob.
    async fn receive(&mut self, wanted: &Wanted, fresh: bool, bytes: &mut Vec<u8>, verified: &mut usize, told: OnProgress<'_>) -> Result<()> {
        self.traffic.requests += 1;
        let ask = Ask { url: &wanted.url, from: bytes.len() as u64, fresh };
        let Reply { from, mut body } = self.world.fetch().get(ask, self.abort).await?;
        if from != bytes.len() as u64 {
            bytes.clear();
            *verified = 0;
            self.world.store().remove(&wanted.part()).await?;
            if from != 0 {
                return Err(Error::Network(format!("The server sent another part of {} than asked for. Try again.", wanted.name)));
            }
        }
        let (mut flushed, mut said) = (bytes.len(), bytes.len());
        let start = self.world.clock().now();
        let (mut flushed_at, mut said_at) = (start, start - STEP_PAUSE);
        let mut outcome = Ok(());
        loop {
            match body.chunk().await {
                Ok(Some(piece)) => {
                    let size = piece.size();
                    if bytes.len() as u64 + size as u64 > wanted.most() {
                        self.world.store().remove(&wanted.part()).await?;
                        return Err(Error::corrupt(&wanted.name, format!("it has more than {} bytes", wanted.most())));
                    }
                    self.traffic.received += size as u64;
                    if bytes.capacity() - bytes.len() < size {
                        // Not twice as much: what is reserved and not needed stays reserved as long as the file is in use.
                        bytes.reserve_exact(size.max(bytes.len() / 8).max(MORE));
                    }
                    piece.append_to(bytes);
                    self.verify(wanted, bytes, verified).await?;
                    let due = || bytes.len() - said >= STEP && self.world.clock().now() - said_at >= STEP_PAUSE;
                    if wanted.bytes == Some(bytes.len() as u64) || due() {
                        (said, said_at) = (bytes.len(), self.world.clock().now());
                        told(Progress { phase: Phase::Index, loaded: said as u64, total: wanted.bytes.unwrap_or(0) });
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
            if bytes.len() - flushed >= FLUSH && self.world.clock().now() - flushed_at >= FLUSH_PAUSE {
                self.held = false;
                self.keep(wanted, &bytes[flushed..]).await?;
                flushed = bytes.len();
                flushed_at = self.world.clock().now();
            }
        }
        self.held &= outcome.is_ok();
        if flushed < bytes.len() && !self.held {
            self.keep(wanted, &bytes[flushed..]).await?;
        }
        outcome
    }

    async fn keep(&mut self, wanted: &Wanted, piece: &[u8]) -> Result<()> {
        if self.traffic.unstored.is_some() {
            return Ok(());
        }
        let kept = self.world.store().append(&wanted.part(), piece).await.map(|_| ());
        if kept.is_err() {
            // A partial blob with a hole would never verify.
            let _ = self.world.store().remove(&wanted.part()).await;
        }
        self.tolerate(kept)
    }

    /// Turns a full or denied store into a note where memory may do instead.
    pub fn tolerate(&mut self, outcome: Result<()>) -> Result<()> {
        match outcome {
            Err(error @ (Error::Quota(_) | Error::Storage(_))) if self.if_full == IfFull::UseMemory => {
                self.traffic.unstored = Some(error);
                Ok(())
            }
            other => other,
        }
    }

    async fn fits(&self, hash: &str, bytes: &[u8]) -> Result<bool> {
        Ok(hex(&self.world.seal().sha256(bytes).await?) == hash)
    }

    /// A small file as it is on the server now, at most `most` bytes.
    pub async fn small(&mut self, url: &str, name: &str, most: usize) -> Result<Vec<u8>> {
        self.traffic.requests += 1;
        let Reply { mut body, .. } = self.world.fetch().get(Ask { url, from: 0, fresh: true }, self.abort).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.chunk().await? {
            if bytes.len() + piece.size() > most {
                return Err(Error::corrupt(name, format!("it has more than {most} bytes")));
            }
            self.traffic.received += piece.size() as u64;
            piece.append_to(&mut bytes);
        }
        Ok(bytes)
    }
}

/// The address of `file` beside `url` (which may have a query; the answer has none).
pub fn beside(url: &str, file: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    match path.rfind('/') {
        Some(slash) => format!("{}{file}", &path[..=slash]),
        None => file.to_owned(),
    }
}
