//! The manifest: the small JSON file that names an index's shards, their hashes and the models that made the vectors.
//!
//! Not here: what stands inside a shard ([`super::shard`]), and fetching or storing either.
//!
//! ```json
//! {
//!   "format": "palate-index",
//!   "version": 1,
//!   "items": 9742,
//!   "models": {"text": {"name": "minilm", "sha256": "…", "dim": 384}},
//!   "shards": [{"kind": "items", "file": "items-0123456789abcdef.safetensors", "sha256": "…", "bytes": 1, "items": 2436}],
//!   "fields": {"title": {"type": "text", "items": 9742}},
//!   "attribution": "…",
//!   "signature": "…"
//! }
//! ```
//!
//! `models`, `fields`, `attribution` and `signature` may be missing; `file` of a model is a path beside the manifest.
//! Members that this build does not know are kept. A signature stands last and covers every byte before it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::digest::{is_hex, is_sha256, sha256};
use super::pack::ModelId;
use super::signature::{SIGNATURE_DIGITS, with_signature};
use crate::error::{Error, Result};

/// The newest manifest version that this build reads and the one that it writes.
pub const VERSION: u64 = 1;
/// The value of `format`.
pub const FORMAT: &str = "palate-index";
/// The manifest's file name.
pub const FILE: &str = "manifest.json";
/// Largest manifest read, in bytes: some hundred thousand shards.
pub const MAX_BYTES: usize = 64 << 20;
/// Largest shard, in bytes; the writer stays far below.
pub const MAX_SHARD_BYTES: u64 = 1 << 30;
/// Longest vector.
pub const MAX_DIM: usize = 65_536;

const WHAT: &str = "the manifest";
/// The space that another model's vectors may be of.
const TEXT_SPACE: &str = "text";

/// A model that made vectors of this index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub id: ModelId,
    /// Length of its vectors.
    pub dim: usize,
    /// Where its pack lies, relative to the manifest, if it is served beside the index.
    pub file: Option<String>,
    /// Whether its vectors are of the space of the text model's: then the shards hold none of its own, and its queries rank the
    /// items' texts. In the file `"space": "text"`.
    pub in_text_space: bool,
}

/// What a shard holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Keys, vectors and metadata of items ([`super::shard`]).
    Items,
    /// Matrices of the ranker.
    Ranker,
    /// The model that joins modalities ([`super::pack`]), so that queries can be compared with the items.
    Fusion,
    /// The Transformer that reads films ([`super::pack`]).
    Film,
    /// A kind of a later version: kept, not read.
    Other(String),
}

impl Kind {
    /// The word in the file.
    pub fn as_str(&self) -> &str {
        match self {
            Kind::Items => "items",
            Kind::Ranker => "ranker",
            Kind::Fusion => "fusion",
            Kind::Film => "film",
            Kind::Other(word) => word,
        }
    }

    fn from_str(word: &str) -> Self {
        let known = [Kind::Items, Kind::Ranker, Kind::Fusion, Kind::Film].into_iter().find(|kind| kind.as_str() == word);
        known.unwrap_or_else(|| Kind::Other(word.to_string()))
    }
}

/// One file of the index, named by its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    pub kind: Kind,
    /// File name beside the manifest, without any folder.
    pub file: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// Items in it.
    pub items: u32,
    /// Members that this build does not know.
    pub extra: Map<String, Value>,
}

impl Shard {
    /// The entry for `bytes`, with its content-addressed name `<kind>-<first 16 hex of sha256>.safetensors`.
    pub fn of(kind: Kind, bytes: &[u8], items: u32) -> Self {
        let sha256 = sha256(bytes);
        let file = format!("{}-{}.safetensors", kind.as_str(), &sha256[..16]);
        Self { kind, file, sha256, bytes: bytes.len() as u64, items, extra: Map::new() }
    }

    /// Checks that `bytes` are this shard.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the size or the hash differs.
    pub fn verify(&self, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 != self.bytes {
            return Err(Error::corrupt(&self.file, format!("it has {} bytes, the manifest says {}", bytes.len(), self.bytes)));
        }
        let found = sha256(bytes);
        if found != self.sha256 {
            return Err(Error::corrupt(&self.file, format!("its SHA-256 is {found}, the manifest says {}", self.sha256)));
        }
        Ok(())
    }
}

/// A metadata field that some items have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// `text`, `number` (all of them) or `json` (lists, objects, mixed).
    pub kind: FieldKind,
    /// How many items have it.
    pub items: u32,
}

/// What a metadata field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Number,
    Json,
}

impl FieldKind {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldKind::Text => "text",
            FieldKind::Number => "number",
            FieldKind::Json => "json",
        }
    }
}

/// A manifest as a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// Items in all shards of kind `items` together.
    pub items: u32,
    /// By modality (`text`, later `image`, `audio`).
    pub models: BTreeMap<String, Model>,
    /// In the order that defines ordinals.
    pub shards: Vec<Shard>,
    pub fields: BTreeMap<String, Field>,
    /// Whom to thank for the data: a page that shows the items must show it.
    pub attribution: Option<String>,
    /// Ed25519 signature, 128 hex digits, of the bytes before it (see [`super::signature`]).
    pub signature: Option<String>,
    /// Members that this build does not know.
    pub extra: Map<String, Value>,
}

impl Manifest {
    /// Parses a manifest.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for bytes that are no manifest or contradict themselves, [`Error::Version`] for a newer one.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_BYTES {
            return Err(corrupt(format!("it has {} bytes, at most {MAX_BYTES} are read", bytes.len())));
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|e| corrupt(format!("it is not JSON ({e})")))?;
        let Value::Object(mut top) = value else {
            return Err(corrupt("it is not a JSON object"));
        };
        match top.remove("format") {
            Some(Value::String(format)) if format == FORMAT => {}
            Some(other) => return Err(corrupt(format!("its format is {other}, expected \"{FORMAT}\""))),
            None => return Err(corrupt(format!("it has no \"format\", expected \"{FORMAT}\""))),
        }
        let version = take_count(&mut top, WHAT, "version")?;
        if version == 0 || version > VERSION {
            return Err(Error::Version { what: WHAT.into(), found: version, supported: VERSION });
        }
        let items = take_u32(&mut top, WHAT, "items")?;
        let mut models = BTreeMap::new();
        for (modality, value) in take_object(&mut top, "models")? {
            let model = parse_model(&modality, value)?;
            models.insert(modality, model);
        }
        let mut shards = Vec::new();
        match top.remove("shards") {
            Some(Value::Array(list)) => {
                for (at, value) in list.into_iter().enumerate() {
                    shards.push(parse_shard(at, value)?);
                }
            }
            _ => return Err(corrupt("\"shards\" is missing or no list")),
        }
        let mut fields = BTreeMap::new();
        for (name, value) in take_object(&mut top, "fields")? {
            let field = parse_field(&name, value)?;
            fields.insert(name, field);
        }
        let attribution = take_optional_text(&mut top, WHAT, "attribution")?;
        let signature = take_optional_text(&mut top, WHAT, "signature")?;
        if let Some(signature) = &signature
            && (signature.len() != SIGNATURE_DIGITS || !is_hex(signature))
        {
            return Err(corrupt(format!("its signature is not {SIGNATURE_DIGITS} lower-case hex digits")));
        }
        let manifest = Self { items, models, shards, fields, attribution, signature, extra: top };
        manifest.check()?;
        Ok(manifest)
    }

    /// What the parts say about each other.
    fn check(&self) -> Result<()> {
        let total: u64 = self.shards_of(&Kind::Items).map(|s| u64::from(s.items)).sum();
        if total != u64::from(self.items) {
            return Err(corrupt(format!("its item shards hold {total} items, \"items\" says {}", self.items)));
        }
        let mut seen = BTreeSet::new();
        for shard in &self.shards {
            if !seen.insert(&shard.file) {
                return Err(corrupt(format!("it names {} twice", shard.file)));
            }
        }
        Ok(())
    }

    /// The shards of one kind, in order.
    pub fn shards_of<'a>(&'a self, kind: &'a Kind) -> impl Iterator<Item = &'a Shard> {
        self.shards.iter().filter(move |s| s.kind == *kind)
    }

    /// The manifest's bytes, without a signature where none is set: the same manifest always gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Written by hand for a fixed, readable order: one member a line, one shard a line.
        let mut lines = vec![format!("\"format\": \"{FORMAT}\""), format!("\"version\": {VERSION}"), format!("\"items\": {}", self.items)];
        let models = self.models.iter().map(|(modality, m)| {
            let mut value = json!({"name": m.id.name, "sha256": m.id.sha256, "dim": m.dim});
            if let Some(file) = &m.file {
                value["file"] = json!(file);
            }
            if m.in_text_space {
                value["space"] = json!(TEXT_SPACE);
            }
            (modality.clone(), value)
        });
        lines.push(format!("\"models\": {}", Value::Object(models.collect())));
        let shards: Vec<String> = self.shards.iter().map(|s| format!("\n    {}", shard_line(s))).collect();
        let close = if shards.is_empty() { "" } else { "\n  " };
        lines.push(format!("\"shards\": [{}{close}]", shards.join(",")));
        let fields = self.fields.iter().map(|(name, f)| (name.clone(), json!({"type": f.kind.as_str(), "items": f.items})));
        lines.push(format!("\"fields\": {}", Value::Object(fields.collect())));
        if let Some(attribution) = &self.attribution {
            lines.push(format!("\"attribution\": {}", json!(attribution)));
        }
        let extra: BTreeMap<&String, &Value> = self.extra.iter().collect();
        lines.extend(extra.into_iter().map(|(name, value)| format!("{}: {value}", json!(name))));
        let unsigned = format!("{{\n  {}\n}}\n", lines.join(",\n  "));
        match &self.signature {
            Some(signature) => with_signature(unsigned.as_bytes(), signature),
            None => unsigned.into_bytes(),
        }
    }
}

fn shard_line(shard: &Shard) -> String {
    let mut line = format!(
        "{{\"kind\": {}, \"file\": {}, \"sha256\": {}, \"bytes\": {}, \"items\": {}",
        json!(shard.kind.as_str()),
        json!(shard.file),
        json!(shard.sha256),
        shard.bytes,
        shard.items
    );
    let extra: BTreeMap<&String, &Value> = shard.extra.iter().collect();
    for (name, value) in extra {
        line += &format!(", {}: {value}", json!(name));
    }
    line + "}"
}

fn corrupt(detail: impl Into<String>) -> Error {
    Error::corrupt(WHAT, detail)
}

fn parse_model(modality: &str, value: Value) -> Result<Model> {
    let what = format!("model \"{modality}\"");
    let Value::Object(mut map) = value else {
        return Err(corrupt(format!("{what} is no object")));
    };
    let id = ModelId { name: take_text(&mut map, &what, "name")?, sha256: take_sha256(&mut map, &what)? };
    let dim = take_count(&mut map, &what, "dim")?;
    if dim == 0 || dim > MAX_DIM as u64 {
        return Err(corrupt(format!("{what} has vectors of {dim} numbers, 1 to {MAX_DIM} are read")));
    }
    let file = take_optional_text(&mut map, &what, "file")?;
    let in_text_space = match take_optional_text(&mut map, &what, "space")?.as_deref() {
        None => false,
        Some(TEXT_SPACE) => true,
        Some(other) => return Err(corrupt(format!("{what} makes vectors of the space {other:?}, expected \"{TEXT_SPACE}\" or none"))),
    };
    Ok(Model { id, dim: dim as usize, file, in_text_space })
}

fn parse_shard(at: usize, value: Value) -> Result<Shard> {
    let what = format!("shard {at}");
    let Value::Object(mut map) = value else {
        return Err(corrupt(format!("{what} is no object")));
    };
    let file = take_text(&mut map, &what, "file")?;
    // A name, never a path: a manifest cannot reach outside its folder.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if file.is_empty() || file.len() > 200 || file.starts_with('.') || !file.bytes().all(plain) {
        return Err(corrupt(format!("{what} has the file name {file:?}, expected letters, digits, '-', '_' and '.'")));
    }
    let kind = Kind::from_str(&take_text(&mut map, &what, "kind")?);
    let sha256 = take_sha256(&mut map, &what)?;
    let bytes = take_count(&mut map, &what, "bytes")?;
    if bytes > MAX_SHARD_BYTES {
        return Err(corrupt(format!("{what} has {bytes} bytes, at most {MAX_SHARD_BYTES} are read")));
    }
    let items = take_u32(&mut map, &what, "items")?;
    Ok(Shard { kind, file, sha256, bytes, items, extra: map })
}

fn parse_field(name: &str, value: Value) -> Result<Field> {
    let what = format!("field {name:?}");
    let Value::Object(mut map) = value else {
        return Err(corrupt(format!("{what} is no object")));
    };
    let kind = match take_text(&mut map, &what, "type")?.as_str() {
        "text" => FieldKind::Text,
        "number" => FieldKind::Number,
        // Whatever a later version adds is readable as JSON.
        _ => FieldKind::Json,
    };
    Ok(Field { kind, items: take_u32(&mut map, &what, "items")? })
}

fn take_object(map: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>> {
    match map.remove(name) {
        None => Ok(Map::new()),
        Some(Value::Object(inner)) => Ok(inner),
        Some(_) => Err(corrupt(format!("\"{name}\" is no object"))),
    }
}

fn take_text(map: &mut Map<String, Value>, what: &str, name: &str) -> Result<String> {
    take_optional_text(map, what, name)?.ok_or_else(|| corrupt(format!("\"{name}\" of {what} is missing")))
}

fn take_optional_text(map: &mut Map<String, Value>, what: &str, name: &str) -> Result<Option<String>> {
    match map.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(corrupt(format!("\"{name}\" of {what} is no text"))),
    }
}

fn take_sha256(map: &mut Map<String, Value>, what: &str) -> Result<String> {
    let text = take_text(map, what, "sha256")?;
    if !is_sha256(&text) {
        return Err(corrupt(format!("\"sha256\" of {what} is not 64 lower-case hex digits")));
    }
    Ok(text)
}

fn take_count(map: &mut Map<String, Value>, what: &str, name: &str) -> Result<u64> {
    map.remove(name)
        .and_then(|value| value.as_u64())
        .ok_or_else(|| corrupt(format!("\"{name}\" of {what} is missing or no whole number")))
}

fn take_u32(map: &mut Map<String, Value>, what: &str, name: &str) -> Result<u32> {
    let value = take_count(map, what, name)?;
    u32::try_from(value).map_err(|_| corrupt(format!("\"{name}\" of {what} is {value}, at most {} are read", u32::MAX)))
}
