//! The sealed append-only log of events: one file that several tabs share, and that survives a crash in any write.
//!
//! Frames and headers are laid out in `format::history`. What the events mean is in [`super::weights`].
//!
//! Everything runs under the store's lock: first the bytes that others appended are read, then ours are added. So a
//! torn tail that is found there is the trace of a crash, never another tab's write on its way, and is cut off.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::event::Event;
use crate::error::{Error, Result};
use crate::format::history::{self as format, FRAME, FileId, HEADER, Header};
use crate::platform::{Seal, Store};

/// The blob that holds the log.
pub const BLOB: &str = "history.log";
/// Where a log goes whose header is beyond reading: nothing is thrown away.
pub const DAMAGED_BLOB: &str = "history.damaged";
/// The name of the lock.
const LOCK: &str = "history";
/// Events of one frame at most.
const BATCH: usize = 128;
/// Most events kept; beyond it a rewrite drops the oldest passive ones first.
pub const MAX_EVENTS: usize = 50_000;
/// What a rewrite keeps when there are too many.
const KEPT_EVENTS: usize = 45_000;
/// Rewrite when there are this many frames more than their events need.
const LOOSE_FRAMES: usize = 16_384;
/// How many of the last events are searched for a repeated call.
const CALLS: usize = 512;

/// What a log lost and found since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// Records that do not open: a flipped bit, another key, a place changed.
    pub records: usize,
    /// Bytes of torn tails that were cut off.
    pub torn_bytes: u64,
    /// The header was beyond reading; the bytes are kept as [`DAMAGED_BLOB`].
    pub header: bool,
}

#[derive(Default)]
struct State {
    id: Option<FileId>,
    /// The header's bytes as they stand in the file, one copy of which may be damaged.
    head: Vec<u8>,
    /// Bytes of the log that are read.
    len: u64,
    next: u64,
    frames: usize,
    events: Rc<Vec<Event>>,
    damage: Damage,
}

/// An open log.
pub struct Log {
    state: RefCell<State>,
    version: Cell<u64>,
}

/// The outcome of reading frames.
struct Tail {
    events: Vec<Event>,
    frames: usize,
    next: u64,
    damaged: usize,
    end: u64,
    torn: u64,
}

impl Log {
    /// Reads the log of `store`, or starts with an empty one (no byte is written before the first event).
    ///
    /// Errors: `Error::Version` for a log of a newer build, and what the store gives.
    pub async fn open<S: Store, K: Seal>(store: &S, seal: &K) -> Result<Log> {
        let log = Log { state: RefCell::default(), version: Cell::new(0) };
        let _lock = store.lock(LOCK).await?;
        log.catch_up(store, seal).await?;
        Ok(log)
    }

    /// The events in the order of the log, as they are now: what is added or forgotten later does not change them, and is not held up
    /// by a list that waits for a device meanwhile.
    pub fn events(&self) -> Rc<Vec<Event>> {
        Rc::clone(&self.state.borrow().events)
    }

    /// What was found damaged so far.
    pub fn damage(&self) -> Damage {
        self.state.borrow().damage
    }

    /// Bytes at rest.
    pub fn bytes(&self) -> u64 {
        self.state.borrow().len
    }

    /// Rises whenever the events change.
    pub fn version(&self) -> u64 {
        self.version.get()
    }

    /// Reads what other tabs wrote since.
    pub async fn refresh<S: Store, K: Seal>(&self, store: &S, seal: &K) -> Result<()> {
        let _lock = store.lock(LOCK).await?;
        self.catch_up(store, seal).await
    }

    /// Adds events; when this returns `Ok` they are at rest. Events of a call that is in the log already are left out.
    ///
    /// Errors: what the store gives (`Error::Quota`, `Error::Storage`); the log is then as before.
    pub async fn append<S: Store, K: Seal>(&self, store: &S, seal: &K, events: Vec<Event>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let _lock = store.lock(LOCK).await?;
        // The common case is that nobody else wrote: then one look and one write are a single step of the store.
        if !self.append_to_known(store, seal, &events).await? {
            self.catch_up(store, seal).await?;
            if !self.append_to_known(store, seal, &events).await? {
                return Err(Error::Storage("The history changed outside its lock. Reload the page and call again.".to_owned()));
            }
        }
        self.compact_if_needed(store, seal).await
    }

    /// Appends behind what is known of the file; `false` where the file is another one by now.
    async fn append_to_known<S: Store, K: Seal>(&self, store: &S, seal: &K, events: &[Event]) -> Result<bool> {
        let (id, head, len, next) = {
            let state = self.state.borrow();
            (state.id, state.head.clone(), state.len, state.next)
        };
        let events: Vec<Event> = events.iter().filter(|event| !self.has_call(event)).cloned().collect();
        let (frames, (id, head), new_len) = match id {
            // Repeats of a call must be looked for in what others wrote too.
            Some(id) => {
                let mut bytes = Vec::new();
                let frames = write_frames(seal, &id, next, &events, &mut bytes).await?;
                let appended = store.append_to(BLOB, len, &head, &bytes).await;
                match self.or_cut(store, len, appended).await? {
                    Some(new_len) => (frames, (id, head), new_len),
                    None => return Ok(false),
                }
            }
            None => {
                if store.len(BLOB).await?.is_some() {
                    return Ok(false);
                }
                let id = seal.random()?;
                let head = format::write_header(&id);
                let mut bytes = head.clone();
                let frames = write_frames(seal, &id, next, &events, &mut bytes).await?;
                let appended = store.append(BLOB, &bytes).await.map(Some);
                match self.or_cut(store, len, appended).await? {
                    Some(new_len) => (frames, (id, head), new_len),
                    None => return Ok(false),
                }
            }
        };
        if events.is_empty() {
            return Ok(true);
        }
        {
            let mut state = self.state.borrow_mut();
            state.id = Some(id);
            state.head = head;
            state.len = new_len;
            state.next = next + frames as u64;
            state.frames += frames;
            Rc::make_mut(&mut state.events).extend(events);
        }
        self.changed();
        store.announce();
        Ok(true)
    }

    /// Cuts off what a failed append may have left; if that fails too, the next catch-up does it.
    async fn or_cut<S: Store>(&self, store: &S, len: u64, appended: Result<Option<u64>>) -> Result<Option<u64>> {
        if appended.is_err() {
            let _ = cut(store, len).await;
        }
        appended
    }

    /// Keeps only the events that `keep` wants. Returns how many went.
    pub async fn retain<S: Store, K: Seal>(&self, store: &S, seal: &K, keep: impl Fn(&Event) -> bool) -> Result<usize> {
        self.edit(store, seal, |events| events.extract_if(.., |event| !keep(event)).count()).await
    }

    /// Forgets what events were shown with, and so what was learned from that; the events stay. Returns of how many.
    pub async fn clear_shown<S: Store, K: Seal>(&self, store: &S, seal: &K) -> Result<usize> {
        let change = |events: &mut Vec<Event>| events.iter_mut().map(|event| usize::from(!std::mem::take(&mut event.shown).is_empty())).sum();
        self.edit(store, seal, change).await
    }

    /// Rewrites the log in one atomic step under a new id, so that what went is gone from the file.
    async fn edit<S: Store, K: Seal>(&self, store: &S, seal: &K, change: impl FnOnce(&mut Vec<Event>) -> usize) -> Result<usize> {
        let _lock = store.lock(LOCK).await?;
        self.catch_up(store, seal).await?;
        let mut events = self.events().to_vec();
        let changed = change(&mut events);
        self.rewrite(store, seal, events).await?;
        Ok(changed)
    }

    /// Forgets everything, also records that could not be read and a log that was set aside.
    pub async fn clear<S: Store, K: Seal>(&self, store: &S, seal: &K) -> Result<usize> {
        let _lock = store.lock(LOCK).await?;
        self.catch_up(store, seal).await?;
        let gone = self.state.borrow().events.len();
        self.rewrite(store, seal, Vec::new()).await?;
        store.remove(DAMAGED_BLOB).await?;
        self.state.borrow_mut().damage = Damage::default();
        Ok(gone)
    }

    fn changed(&self) {
        self.version.set(self.version.get() + 1);
    }

    fn has_call(&self, event: &Event) -> bool {
        let Some(call) = &event.call else { return false };
        let state = self.state.borrow();
        state.events.iter().rev().take(CALLS).any(|old| old.call.as_ref() == Some(call) && old.item == event.item)
    }

    /// Brings the state up to the file, under the lock.
    async fn catch_up<S: Store, K: Seal>(&self, store: &S, seal: &K) -> Result<()> {
        let (id, known) = {
            let state = self.state.borrow();
            (state.id, state.len)
        };
        let Some((len, head)) = store.peek(BLOB, 0, HEADER as u64).await? else {
            // Whoever removed the file (the visitor, by the browser's own menu) wanted it gone.
            if id.is_some() {
                *self.state.borrow_mut() = State::default();
                self.changed();
            }
            return Ok(());
        };
        let found = match format::read_header(&head)? {
            Header::Log(found) if len >= HEADER as u64 => found,
            _ => return self.set_aside(store, len).await,
        };
        let same = id == Some(found) && len >= known;
        if same && len == known {
            return Ok(());
        }
        let from = if same { known } else { HEADER as u64 };
        let next = if same { self.state.borrow().next } else { 0 };
        let bytes = store.peek(BLOB, from, u64::MAX).await?.map(|(_, bytes)| bytes).unwrap_or_default();
        let tail = read_frames(seal, &found, next, &bytes).await?;
        let end = from + tail.end;
        if tail.torn > 0 {
            cut(store, end).await?;
        }
        let mut state = self.state.borrow_mut();
        if !same {
            *state = State { damage: state.damage, ..State::default() };
        }
        state.id = Some(found);
        state.head = head;
        state.len = end;
        state.next = tail.next;
        state.frames += tail.frames;
        Rc::make_mut(&mut state.events).extend(tail.events);
        state.damage.records += tail.damaged;
        state.damage.torn_bytes += tail.torn;
        drop(state);
        self.changed();
        Ok(())
    }

    /// Puts a file whose header is beyond reading out of the way; one that ends inside its header is a crash's trace.
    async fn set_aside<S: Store>(&self, store: &S, len: u64) -> Result<()> {
        let torn = len < HEADER as u64;
        if torn {
            store.remove(BLOB).await?;
        } else {
            store.rename(BLOB, DAMAGED_BLOB).await?;
        }
        let mut state = self.state.borrow_mut();
        let mut damage = state.damage;
        damage.header |= !torn;
        damage.torn_bytes += if torn { len } else { 0 };
        *state = State { damage, ..State::default() };
        drop(state);
        self.changed();
        Ok(())
    }

    async fn compact_if_needed<S: Store, K: Seal>(&self, store: &S, seal: &K) -> Result<()> {
        let (events, frames) = (self.events().len(), self.state.borrow().frames);
        if events <= MAX_EVENTS && frames <= events / BATCH + LOOSE_FRAMES {
            return Ok(());
        }
        let mut kept = self.events().to_vec();
        if kept.len() > MAX_EVENTS {
            drop_oldest(&mut kept, KEPT_EVENTS);
        }
        // The events are at rest already: a device too full for the rewrite keeps the long log.
        match self.rewrite(store, seal, kept).await {
            Err(Error::Quota(_)) => Ok(()),
            other => other,
        }
    }

    async fn rewrite<S: Store, K: Seal>(&self, store: &S, seal: &K, events: Vec<Event>) -> Result<()> {
        let id = seal.random()?;
        let head = format::write_header(&id);
        let mut bytes = head.clone();
        let frames = write_frames(seal, &id, 0, &events, &mut bytes).await?;
        store.write(BLOB, &bytes).await?;
        {
            let mut state = self.state.borrow_mut();
            let damage = state.damage;
            *state = State { id: Some(id), head, len: bytes.len() as u64, next: frames as u64, frames, events: Rc::new(events), damage };
        }
        self.changed();
        store.announce();
        Ok(())
    }
}

async fn cut<S: Store>(store: &S, len: u64) -> Result<()> {
    let Some(mut bytes) = store.read(BLOB).await? else { return Ok(()) };
    if bytes.len() as u64 <= len {
        return Ok(());
    }
    if len == 0 {
        return store.remove(BLOB).await;
    }
    bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    store.write(BLOB, &bytes).await
}

/// Seals `events` in frames of [`BATCH`] behind `bytes`; returns the number of frames.
async fn write_frames<K: Seal>(seal: &K, id: &FileId, next: u64, events: &[Event], bytes: &mut Vec<u8>) -> Result<usize> {
    let mut seq = next;
    for batch in events.chunks(BATCH) {
        let rows: Vec<_> = batch.iter().map(Event::row).collect();
        let sealed = seal.seal(&format::bound(id, seq), &format::write_payload(&rows)?).await?;
        bytes.extend_from_slice(&format::write_frame(id, seq, &sealed)?);
        seq += 1;
    }
    Ok(usize::try_from(seq - next).unwrap_or(0))
}

/// Opens the frames in `bytes`; a record that does not open or stands out of order is counted and skipped.
async fn read_frames<K: Seal>(seal: &K, id: &FileId, next: u64, bytes: &[u8]) -> Result<Tail> {
    let scan = format::scan(id, bytes);
    let torn = (bytes.len() - scan.end) as u64;
    let mut tail = Tail { events: Vec::new(), frames: 0, next, damaged: scan.damaged, end: scan.end as u64, torn };
    for frame in scan.frames {
        if frame.seq < tail.next {
            tail.damaged += 1;
            continue;
        }
        tail.frames += 1;
        tail.next = frame.seq + 1;
        let rows = match seal.open(&format::bound(id, frame.seq), &bytes[frame.payload]).await {
            Ok(plain) => format::read_payload(&plain),
            Err(error @ Error::Corrupt { .. }) => Err(error),
            Err(error) => return Err(error),
        };
        match rows {
            // What was checked when it was recorded may be odd now (a clock set back): time is not checked again.
            Ok(rows) => {
                for row in rows {
                    match Event::checked(row, f64::MAX) {
                        Ok(event) => tail.events.push(event),
                        Err(_) => tail.damaged += 1,
                    }
                }
            }
            Err(_) => tail.damaged += 1,
        }
    }
    Ok(tail)
}

/// Drops events down to `limit`: the oldest views, clicks and dwells first, then the oldest others.
fn drop_oldest(events: &mut Vec<Event>, limit: usize) {
    let mut excess = events.len().saturating_sub(limit);
    events.retain(|event| {
        let drop = excess > 0 && !event.kind.is_act();
        excess -= usize::from(drop);
        !drop
    });
    let excess = events.len().saturating_sub(limit);
    events.drain(..excess);
}

/// Bytes that a single event of `payload` plain bytes takes at rest.
pub const fn record_bytes(payload: usize) -> usize {
    FRAME + crate::platform::seal::OVERHEAD + payload
}
