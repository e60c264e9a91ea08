//! The small JSON file beside a model pack: which file it is, how large, its hash, and the hashes of its pieces.
//!
//! Not here: what stands inside the pack ([`super::pack`]), and the index's own manifest ([`super::manifest`]).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest::{is_sha256, sha256};
use super::pack::{ModelId, VERSION};
use crate::error::{Error, Result};

/// The manifest's file name.
pub const FILE: &str = "manifest.json";
/// Largest manifest read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Largest pack read, in bytes.
pub const MAX_PACK_BYTES: u64 = 2 << 30;

/// Bytes of a piece. A browser copies what it digests, and small copies cost half as much as one of a whole pack; what is downloaded is
/// digested while the rest is on its way besides.
const PIECE: usize = 1 << 19;
/// Sizes of pieces that are read.
const PIECES: std::ops::RangeInclusive<u64> = 1 << 16..=1 << 26;

const WHAT: &str = "the model's manifest";

/// The pieces of a file, so that it can be verified as it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces {
    /// Of each piece but the last, which has what is left.
    pub bytes: u64,
    /// SHA-256 of each, lower-case hex.
    pub sha256: Vec<String>,
}

impl Pieces {
    /// The pieces of a file.
    pub fn of(file: &[u8]) -> Self {
        Self { bytes: PIECE as u64, sha256: file.chunks(PIECE).map(sha256).collect() }
    }

    /// Whether they can be those of a file of so many bytes.
    fn fit(&self, bytes: u64) -> bool {
        PIECES.contains(&self.bytes) && self.sha256.len() as u64 == bytes.div_ceil(self.bytes) && self.sha256.iter().all(|hash| is_sha256(hash))
    }
}

/// A pack as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackManifest {
    pub id: ModelId,
    /// File name beside the manifest, without any folder.
    pub file: String,
    pub bytes: u64,
    /// Length of the model's vectors.
    pub dim: usize,
    /// `None` in manifests of before there were any.
    pub pieces: Option<Pieces>,
}

impl PackManifest {
    /// Parses a manifest. `Error::Corrupt` for bytes that are none, `Error::Version` for a newer one.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let corrupt = |detail: &str| Error::corrupt(WHAT, detail);
        let value: Value = serde_json::from_slice(bytes).map_err(|_| corrupt("it is not JSON"))?;
        if value.get("format").and_then(Value::as_str) != Some("palate-model") {
            return Err(corrupt("it has no \"format\": \"palate-model\""));
        }
        let version = value.get("version").and_then(Value::as_u64).unwrap_or(0);
        if version == 0 || version > VERSION {
            return Err(Error::Version { what: WHAT.into(), found: version, supported: VERSION });
        }
        let text = |name: &str| {
            value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| corrupt(&format!("it has no text \"{name}\"")))
        };
        let (name, sha256, file) = (text("name")?, text("sha256")?, text("file")?);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if file.is_empty() || file.len() > 200 || file.starts_with('.') || !file.bytes().all(plain) {
            return Err(corrupt("its \"file\" is no plain file name"));
        }
        if !is_sha256(&sha256) {
            return Err(corrupt("its \"sha256\" is not 64 lower-case hex digits"));
        }
        let bytes = value.get("bytes").and_then(Value::as_u64).filter(|&bytes| bytes > 0 && bytes <= MAX_PACK_BYTES);
        let bytes = bytes.ok_or_else(|| corrupt(&format!("its \"bytes\" is no number from 1 to {MAX_PACK_BYTES}")))?;
        let dim = value.get("dim").and_then(Value::as_u64).and_then(|dim| usize::try_from(dim).ok()).filter(|&dim| dim > 0);
        let dim = dim.ok_or_else(|| corrupt("its \"dim\" is no positive number"))?;
        let pieces: Option<Pieces> = value.get("pieces").map(Pieces::deserialize).transpose().map_err(|_| corrupt("its \"pieces\" are no hashes"))?;
        if pieces.as_ref().is_some_and(|pieces| !pieces.fit(bytes)) {
            return Err(corrupt("its \"pieces\" are not those of a file of its \"bytes\""));
        }
        Ok(Self { id: ModelId { name, sha256 }, file, bytes, dim, pieces })
    }
}
