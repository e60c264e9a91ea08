//! An item shard: keys, int8 vectors and metadata of some thousand items, as one safetensors file.
//!
//! Not here: several shards together (`index::catalog`), and who makes the vectors.
//!
//! | tensor | type | shape | holds |
//! | --- | --- | --- | --- |
//! | `vectors` | I8 | `[n, dim]` | rows that have unit length times `scales` |
//! | `scales` | F32 | `[n]` | one a row, 0 for an item without a vector |
//! | `keys.bytes`, `keys.offsets` | U8, U32 | `[*]`, `[n + 1]` | the keys, strictly ascending by their bytes |
//! | `hashes` | U32 | `[n, 2]` | low and high half of the hash of what was encoded |
//! | `meta.F.numbers` | F64 | `[n]` | field F where it has only numbers; NaN: absent |
//! | `meta.F.bytes`, `meta.F.offsets` | U8, U32 | `[*]`, `[n + 1]` | field F as JSON texts; empty: absent |
//!
//! Vectors of further modalities (pictures) stand beside them, see [`super::space`].
//!
//! Metadata: `format` = "palate-shard", `version` = "1", `kind` = "items", `bucket`, `buckets` (every key of the shard
//! hashes to that bucket of so many), `model` (name), `model.sha256`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value};

use super::digest::bucket;
use super::manifest::MAX_DIM;
use super::pack::ModelId;
use super::space::{self, Embedded, Models, Space};
use super::tensors::{DType, Part, Tensor, TensorFile, write};
use crate::error::{Error, Result};

/// The newest shard version that this build reads and the one that it writes.
pub const VERSION: u64 = 1;
/// Integers up to here are exact as f64.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One item as it goes into a shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub key: String,
    /// `[dim]`, see [`crate::math::scan::quantize_row`].
    pub vector: Vec<i8>,
    pub scale: f32,
    /// Of what was encoded: an item whose hash is unchanged keeps its vector.
    pub hash: u64,
    pub metadata: Map<String, Value>,
    /// Its vectors of further modalities.
    pub others: BTreeMap<String, Embedded>,
}

/// Texts end to end.
#[derive(Debug, Clone)]
struct Texts {
    bytes: Tensor,
    offsets: Vec<u32>,
}

impl Texts {
    fn parse(file: &TensorFile, what: &str, name: &str, n: usize) -> Result<Self> {
        let bytes = file.typed(&format!("{name}.bytes"), DType::U8)?;
        let offsets = file.u32s(&format!("{name}.offsets"))?;
        let corrupt = |detail: String| Error::corrupt(what, format!("{name}: {detail}"));
        if offsets.len() != n + 1 {
            return Err(corrupt(format!("{} offsets for {n} items", offsets.len())));
        }
        let text = std::str::from_utf8(bytes.bytes()).map_err(|e| corrupt(format!("not UTF-8 at byte {}", e.valid_up_to())))?;
        if offsets[0] != 0 || offsets[n] as usize != text.len() {
            return Err(corrupt(format!("offsets go from {} to {}, expected 0 to {}", offsets[0], offsets[n], text.len())));
        }
        for (at, pair) in offsets.windows(2).enumerate() {
            if pair[0] > pair[1] || !text.is_char_boundary(pair[0] as usize) {
                return Err(corrupt(format!("offset {} of item {at} is out of order or inside a character", pair[0])));
            }
        }
        Ok(Self { bytes, offsets })
    }

    fn get(&self, row: usize) -> &str {
        let (start, end) = (self.offsets[row] as usize, self.offsets[row + 1] as usize);
        // Checked when parsed, so the default is never taken.
        std::str::from_utf8(&self.bytes.bytes()[start..end]).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }
}

#[derive(Debug, Clone)]
enum Column {
    Numbers(Vec<f64>),
    Json(Texts),
}

/// A parsed shard that shares its bytes; every size, offset and text of it is checked.
#[derive(Debug, Clone)]
pub struct ItemShard {
    model: ModelId,
    dim: usize,
    bucket: u32,
    buckets: u32,
    vectors: Tensor,
    scales: Vec<f32>,
    hashes: Vec<u32>,
    keys: Texts,
    columns: BTreeMap<String, Column>,
    spaces: BTreeMap<String, Space>,
}

impl ItemShard {
    /// Parses a shard; `what` names the file in errors.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for bytes that are no item shard, [`Error::Version`] for a newer one.
    pub fn parse(bytes: impl Into<Arc<Vec<u8>>>, what: &str) -> Result<Self> {
        let file = TensorFile::parse(bytes, what)?;
        let corrupt = |detail: String| Error::corrupt(what, detail);
        let meta = |name: &str| file.metadata().get(name).ok_or_else(|| corrupt(format!("its metadata has no {name}")));
        let number = |name: &str| -> Result<u64> {
            meta(name)?.parse().map_err(|_| corrupt(format!("its metadata has no number {name}")))
        };
        let format = meta("format")?;
        if format != "palate-shard" || meta("kind")? != "items" {
            return Err(corrupt(format!("its format is {format:?}, expected \"palate-shard\" of kind \"items\"")));
        }
        let version = number("version")?;
        if version == 0 || version > VERSION {
            return Err(Error::Version { what: what.into(), found: version, supported: VERSION });
        }
        let narrow = |value: u64| u32::try_from(value).map_err(|_| corrupt(format!("{value} is no bucket")));
        let (at, buckets) = (narrow(number("bucket")?)?, narrow(number("buckets")?)?);
        if !buckets.is_power_of_two() || at >= buckets {
            return Err(corrupt(format!("it is bucket {at} of {buckets}, expected one of a power of two")));
        }
        let model = ModelId { name: meta("model")?.clone(), sha256: meta("model.sha256")?.clone() };

        let vectors = file.typed("vectors", DType::I8)?;
        let &[n, dim] = vectors.shape.as_slice() else {
            return Err(corrupt(format!("its vectors have the shape {:?}, expected [items, dim]", vectors.shape)));
        };
        if dim == 0 || dim > MAX_DIM || u32::try_from(n).is_err() {
            return Err(corrupt(format!("its vectors have the shape {:?}, expected 1 to {MAX_DIM} numbers each", vectors.shape)));
        }
        let scales = file.f32s("scales")?;
        let hashes = file.u32s("hashes")?;
        if scales.len() != n || hashes.len() != 2 * n {
            return Err(corrupt(format!("{} scales and {} hash halves for {n} items", scales.len(), hashes.len())));
        }
        if let Some(at) = scales.iter().position(|s| !(0.0..=1.0).contains(s)) {
            return Err(corrupt(format!("scale {at} is {}, expected 0 to 1", scales[at])));
        }
        let keys = Texts::parse(&file, what, "keys", n)?;
        for row in 0..n {
            // Ascending keys that all belong to this bucket: no key can stand twice in an index.
            if keys.get(row).is_empty() || row > 0 && keys.get(row - 1) >= keys.get(row) {
                return Err(corrupt(format!("key {row} is empty or not above the one before")));
            }
            if bucket(keys.get(row), buckets) != at {
                return Err(corrupt(format!("key {row} does not belong to bucket {at} of {buckets}")));
            }
        }
        let columns = parse_columns(&file, what, n)?;
        let spaces = Space::parse_all(&file, what, n)?;
        Ok(Self { model, dim, bucket: at, buckets, vectors, scales, hashes, keys, columns, spaces })
    }

    /// Items in it.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it holds no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Which bucket this is, of how many.
    pub fn bucket(&self) -> (u32, u32) {
        (self.bucket, self.buckets)
    }

    /// The model that made the vectors.
    pub fn model(&self) -> &ModelId {
        &self.model
    }

    /// The key of a row.
    pub fn key(&self, row: usize) -> &str {
        self.keys.get(row)
    }

    /// The row of a key.
    pub fn row(&self, key: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.key(middle).cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    /// All vectors, `[n, dim]` int8 as raw bytes.
    pub fn vectors(&self) -> &[u8] {
        self.vectors.bytes()
    }

    /// `[n]`.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The vectors of a further modality.
    pub fn space(&self, modality: &str) -> Option<&Space> {
        self.spaces.get(modality)
    }

    /// The hash of what was encoded for a row.
    pub fn hash(&self, row: usize) -> u64 {
        u64::from(self.hashes[2 * row]) | u64::from(self.hashes[2 * row + 1]) << 32
    }

    /// Names of the metadata fields that some item has.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// One metadata field of a row.
    pub fn field(&self, row: usize, name: &str) -> Option<Value> {
        match self.columns.get(name)? {
            Column::Numbers(values) => number_value(values[row]),
            Column::Json(texts) => match texts.get(row) {
                "" => None,
                text => serde_json::from_str(text).ok(),
            },
        }
    }

    /// All metadata of a row.
    pub fn metadata(&self, row: usize) -> Map<String, Value> {
        self.columns.keys().filter_map(|name| Some((name.clone(), self.field(row, name)?))).collect()
    }

    /// A row as it went in.
    pub fn to_row(&self, row: usize) -> Row {
        let vector = self.vectors()[row * self.dim..(row + 1) * self.dim].iter().map(|&b| b as i8).collect();
        let others = self.spaces.iter().filter_map(|(modality, space)| Some((modality.clone(), space.to_row(row)?))).collect();
        Row { key: self.key(row).to_string(), vector, scale: self.scales[row], hash: self.hash(row), metadata: self.metadata(row), others }
    }
}

fn parse_columns(file: &TensorFile, what: &str, n: usize) -> Result<BTreeMap<String, Column>> {
    let mut columns = BTreeMap::new();
    for name in file.names().filter_map(|name| name.strip_prefix("meta.")) {
        if let Some(field) = name.strip_suffix(".numbers") {
            let values = file.f64s(&format!("meta.{name}"))?;
            if values.len() != n {
                return Err(Error::corrupt(what, format!("field {field:?} has {} numbers for {n} items", values.len())));
            }
            columns.insert(field.to_string(), Column::Numbers(values));
        } else if let Some(field) = name.strip_suffix(".bytes") {
            let texts = Texts::parse(file, what, &format!("meta.{field}"), n)?;
            for row in 0..n {
                let text = texts.get(row);
                if !text.is_empty() && serde_json::from_str::<IgnoredAny>(text).is_err() {
                    return Err(Error::corrupt(what, format!("field {field:?} of item {row} is not JSON")));
                }
            }
            columns.insert(field.to_string(), Column::Json(texts));
        }
    }
    Ok(columns)
}

/// The bytes of a shard. `rows` are sorted here; the same rows always give the same bytes. `others` are the models of further
/// modalities.
///
/// # Errors
/// [`Error::Input`] where a key stands twice or belongs to another bucket, or a vector has another length than `dim`.
pub fn write_items(model: &ModelId, dim: usize, (at, buckets): (u32, u32), mut rows: Vec<Row>, others: &Models) -> Result<Vec<u8>> {
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    for (place, row) in rows.iter().enumerate() {
        if row.vector.len() != dim {
            return Err(Error::input(format!("an item's vector has {} numbers, expected {dim}. Encode all with one model.", row.vector.len())));
        }
        if place > 0 && rows[place - 1].key == row.key {
            return Err(Error::input(format!("the key {:?} stands twice. Give every item a key of its own.", row.key)));
        }
        if row.key.is_empty() || bucket(&row.key, buckets) != at {
            return Err(Error::Internal(format!("a key was dealt to bucket {at} of {buckets} wrongly")));
        }
    }
    let n = rows.len();
    let vectors: Vec<i8> = rows.iter().flat_map(|r| r.vector.iter().copied()).collect();
    let scales: Vec<f32> = rows.iter().map(|r| r.scale).collect();
    let hashes: Vec<u32> = rows.iter().flat_map(|r| [r.hash as u32, (r.hash >> 32) as u32]).collect();
    let mut parts = vec![Part::i8("vectors", &[n, dim], &vectors), Part::f32("scales", &[n], &scales), Part::u32("hashes", &[n, 2], &hashes)];
    push_texts(&mut parts, "keys", rows.iter().map(|r| r.key.clone()))?;
    let names: std::collections::BTreeSet<&String> = rows.iter().flat_map(|r| r.metadata.keys()).collect();
    for name in names {
        let cells = || rows.iter().map(|r| r.metadata.get(name).filter(|v| !v.is_null()));
        if cells().all(|cell| cell.is_none_or(|v| exact_number(v).is_some())) {
            let numbers: Vec<f64> = cells().map(|cell| cell.and_then(exact_number).unwrap_or(f64::NAN)).collect();
            if numbers.iter().any(|v| !v.is_nan()) {
                parts.push(Part::f64(format!("meta.{name}.numbers"), &[n], &numbers));
            }
        } else {
            push_texts(&mut parts, &format!("meta.{name}"), cells().map(|cell| cell.map_or(String::new(), Value::to_string)))?;
        }
    }
    let metadata = [
        ("format", "palate-shard"),
        ("version", &VERSION.to_string()),
        ("kind", "items"),
        ("bucket", &at.to_string()),
        ("buckets", &buckets.to_string()),
        ("model", &model.name),
        ("model.sha256", &model.sha256),
    ];
    let mut metadata: BTreeMap<String, String> = metadata.map(|(k, v)| (k.to_string(), v.to_string())).into();
    for (modality, model) in others {
        let of_all: Vec<Option<&Embedded>> = rows.iter().map(|row| row.others.get(modality)).collect();
        space::push(&mut parts, &mut metadata, modality, model, &of_all)?;
    }
    write(&parts, &metadata)
}

fn push_texts(parts: &mut Vec<Part<'_>>, name: &str, texts: impl Iterator<Item = String>) -> Result<()> {
    let mut bytes = Vec::new();
    let mut offsets = vec![0u32];
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        let end = u32::try_from(bytes.len())
            .map_err(|_| Error::input(format!("the texts of {name} pass 4 GiB in one shard. Leave that field out of the metadata.")))?;
        offsets.push(end);
    }
    parts.push(Part { name: format!("{name}.bytes"), dtype: DType::U8, shape: vec![bytes.len()], bytes: bytes.into() });
    parts.push(Part::u32(format!("{name}.offsets"), &[offsets.len()], &offsets));
    Ok(())
}

/// A JSON number that f64 holds exactly.
fn exact_number(value: &Value) -> Option<f64> {
    let number = value.as_number()?;
    let double = number.as_f64().filter(|v| v.is_finite())?;
    (number.is_f64() || double.abs() <= EXACT).then_some(double)
}

fn number_value(value: f64) -> Option<Value> {
    if value.is_finite() && value.fract() == 0.0 && value.abs() <= EXACT {
        return Some(Value::Number(Number::from(value as i64)));
    }
    Number::from_f64(value).map(Value::Number)
}
