//! The visitor's history in bytes: the sealed log at rest, one sealed payload, and the plain export file.
//!
//! Sealing and opening payloads is `history::log`; here they are opaque bytes between checked frames.
//!
//! | offset | bytes | log header, written twice (a flipped bit in one copy loses nothing) |
//! | --- | --- | --- |
//! | 0 | 4 | `PLHL` |
//! | 4 | 4 | version, u32 little-endian |
//! | 8 | 16 | file id, random: a rewritten log is another file |
//! | 24 | 4 | check: first bytes of SHA-256 of the 24 before |
//!
//! | offset | bytes | frame |
//! | --- | --- | --- |
//! | 0 | 4 | `PLHE` |
//! | 4 | 8 | sequence number, u64, strictly rising |
//! | 12 | 4 | length n of the sealed payload, u32 |
//! | 16 | 4 | check: first bytes of SHA-256 of file id and the 16 before |
//! | 20 | n | sealed payload, authenticated together with file id and sequence number |

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The log version that this build writes and the newest that it reads.
pub const VERSION: u32 = 1;
/// Bytes of both copies of the header.
pub const HEADER: usize = 2 * HEADER_COPY;
/// Bytes of a frame before its payload.
pub const FRAME: usize = 20;
/// The largest payload a frame may hold; [`crate::history::log`] writes far smaller ones.
pub const MAX_PAYLOAD: usize = 1 << 20;

const HEADER_COPY: usize = 28;
const HEADER_MAGIC: &[u8; 4] = b"PLHL";
const FRAME_MAGIC: &[u8; 4] = b"PLHE";
/// Payloads are padded to a multiple of this, so that their lengths say little about the keys inside.
const PAD: usize = 64;

/// A log's random name: two logs with one id are the same log.
pub type FileId = [u8; 16];

/// What the header of a log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// A log of this build's version.
    Log(FileId),
    /// Neither copy of the header is whole: these bytes are no log any more.
    Damaged,
}

/// One whole frame: its sequence number and where its payload stands in the scanned bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub seq: u64,
    pub payload: Range<usize>,
}

/// What a scan over frames found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    pub frames: Vec<Frame>,
    /// Stretches of bytes between whole frames that are no frames.
    pub damaged: usize,
    /// Offset behind the last whole frame; what follows is a torn tail.
    pub end: usize,
}

fn check(parts: &[&[u8]]) -> [u8; 4] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digest = hash.finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

/// The bytes of a new log's header.
pub fn write_header(id: &FileId) -> Vec<u8> {
    let mut copy = Vec::with_capacity(HEADER_COPY);
    copy.extend_from_slice(HEADER_MAGIC);
    copy.extend_from_slice(&VERSION.to_le_bytes());
    copy.extend_from_slice(id);
    let sum = check(&[&copy]);
    copy.extend_from_slice(&sum);
    copy.repeat(2)
}

/// Reads a log's header from its first [`HEADER`] bytes. `Error::Version` for a log of a newer build.
pub fn read_header(bytes: &[u8]) -> Result<Header> {
    for copy in bytes.chunks(HEADER_COPY).take(2) {
        if copy.len() < HEADER_COPY || &copy[..4] != HEADER_MAGIC || check(&[&copy[..24]]) != copy[24..28] {
            continue;
        }
        let version = u32_at(copy, 4).unwrap_or(0);
        if version > VERSION {
            let what = "The history on this device".to_owned();
            return Err(Error::Version { what, found: u64::from(version), supported: u64::from(VERSION) });
        }
        let mut id = [0; 16];
        id.copy_from_slice(&copy[8..24]);
        return Ok(Header::Log(id));
    }
    Ok(Header::Damaged)
}

/// The bytes of one frame.
pub fn write_frame(id: &FileId, seq: u64, sealed: &[u8]) -> Result<Vec<u8>> {
    let len = u32::try_from(sealed.len()).ok().filter(|_| sealed.len() <= MAX_PAYLOAD);
    let len = len.ok_or_else(|| Error::Internal(format!("a history record of {} bytes is over {MAX_PAYLOAD}", sealed.len())))?;
    let mut bytes = Vec::with_capacity(FRAME + sealed.len());
    bytes.extend_from_slice(FRAME_MAGIC);
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(&len.to_le_bytes());
    let sum = check(&[id, &bytes]);
    bytes.extend_from_slice(&sum);
    bytes.extend_from_slice(sealed);
    Ok(bytes)
}

/// What is authenticated beside a payload, so that frames cannot change places or logs.
pub fn bound(id: &FileId, seq: u64) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(id);
    bytes[16..].copy_from_slice(&seq.to_le_bytes());
    bytes
}

/// Finds the whole frames in `bytes` (a log from some frame's start on). After damage it goes on at the next
/// offset that holds a checked frame head; a frame whose payload runs over the end is the torn tail.
pub fn scan(id: &FileId, bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    let mut in_damage = false;
    while at < bytes.len() {
        match frame_at(id, bytes, at) {
            Some(frame) if frame.payload.end <= bytes.len() => {
                at = frame.payload.end;
                scan.damaged += usize::from(in_damage);
                in_damage = false;
                scan.end = at;
                scan.frames.push(frame);
            }
            _ => {
                in_damage = true;
                at = next_magic(bytes, at + 1);
            }
        }
    }
    scan
}

fn next_magic(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or(&[]);
    rest.windows(4).position(|four| four == FRAME_MAGIC).map_or(bytes.len(), |found| from + found)
}

fn frame_at(id: &FileId, bytes: &[u8], at: usize) -> Option<Frame> {
    let head = bytes.get(at..at.checked_add(FRAME)?)?;
    if &head[..4] != FRAME_MAGIC || check(&[id, &head[..16]]) != head[16..20] {
        return None;
    }
    let mut seq = [0; 8];
    seq.copy_from_slice(&head[4..12]);
    let len = usize::try_from(u32_at(head, 12)?).ok()?;
    let start = at + FRAME;
    (len <= MAX_PAYLOAD).then(|| Frame { seq: u64::from_le_bytes(seq), payload: start..start + len })
}

/// One event as it stands in payloads and in exports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    pub item: String,
    pub event: String,
    /// Milliseconds since 1970-01-01 UTC.
    #[serde(rename = "time")]
    pub at: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// Names the call that recorded it, so that a repeated call is not recorded twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// What the score's terms said of the item in the list that it was met in, against what they said of the list so far.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shown: BTreeMap<String, f32>,
}

/// The plain bytes of one payload: JSON, padded with spaces.
pub fn write_payload(rows: &[EventRow]) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(rows).map_err(|_| Error::Internal("events do not serialize".to_owned()))?;
    bytes.resize(bytes.len().next_multiple_of(PAD), b' ');
    Ok(bytes)
}

/// The events of one payload.
pub fn read_payload(bytes: &[u8]) -> Result<Vec<EventRow>> {
    // The reason is left out on purpose: serde's messages quote the value that they stumbled over.
    serde_json::from_slice(bytes).map_err(|_| Error::corrupt("A history record", "it does not hold events"))
}

/// What `history.export()` gives and `history.import()` takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Export {
    pub format: String,
    pub version: u64,
    pub events: Vec<EventRow>,
}

/// The value of [`Export::format`].
pub const EXPORT_FORMAT: &str = "palate-history";
/// The newest export version.
pub const EXPORT_VERSION: u64 = 1;

/// The text of an export.
pub fn write_export(events: Vec<EventRow>) -> Result<String> {
    let export = Export { format: EXPORT_FORMAT.to_owned(), version: EXPORT_VERSION, events };
    serde_json::to_string(&export).map_err(|_| Error::Internal("events do not serialize".to_owned()))
}

/// Reads an export. The message names line and column, never what stands there.
pub fn read_export(text: &str) -> Result<Vec<EventRow>> {
    let what = "The history file";
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Error::input(format!("{what} is not JSON (line {}, column {}). Pass what export() gave.", error.line(), error.column()))
    })?;
    if value.get("format").and_then(Value::as_str) != Some(EXPORT_FORMAT) {
        return Err(Error::input(format!("{what} has no \"format\": \"{EXPORT_FORMAT}\". Pass what export() gave.")));
    }
    let version = value.get("version").and_then(Value::as_u64).unwrap_or(0);
    if version == 0 || version > EXPORT_VERSION {
        return Err(Error::Version { what: what.to_owned(), found: version, supported: EXPORT_VERSION });
    }
    let rows = value.get("events").and_then(Value::as_array);
    let rows = rows.ok_or_else(|| Error::input(format!("{what} has no list \"events\". Pass what export() gave.")))?;
    let mut events = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let row = EventRow::deserialize(row).map_err(|_| {
            Error::input(format!(
                "{what}: event {index} needs a text \"item\", a text \"event\" and a number \"time\". Correct or remove it."
            ))
        })?;
        events.push(row);
    }
    Ok(events)
}
