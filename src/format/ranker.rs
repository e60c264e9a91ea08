//! The ranker shard: what the publisher trained, by the ordinals of the index's items, as one safetensors file.
//!
//! Not here: what the numbers mean for a score (`rank::learned`), and who learns them (`train`).
//!
//! | tensor | type | shape | holds |
//! | --- | --- | --- | --- |
//! | `popularity` | U32 | `[items]` | people who met each item |
//! | `gains` | F32 | `[terms]` | the weight of each term in the sum |
//! | `taus` | F32 | `[terms]` | events after which an event counts 1/e; 0: it does not fade |
//! | `T.gaps` | U8 | `[*]` | rows, pairs: the columns of each row's entries, see [`super::gaps`] |
//! | `T.values`, `T.scales` | I8, F32 | `[entries]`, `[items]` | rows, pairs: weights, times the scale of their row |
//! | `T.base` | F32 | `[items]` or `[0]` | rows: what every row holds of a column besides its entries |
//! | `T.heights` | F32 | `[items]` | pairs: what the entries of each column are multiplied by too |
//! | `T.vectors`, `T.scales` | I8, F32 | `[items, dim]`, `[items]` | factors, sequence: an item's vector, times its scale |
//! | `T.gram` | F32 | `[dim, dim]` | factors: V'V of these vectors |
//! | `T.fold` | F32 | `[3]` | factors: alpha0, lambda, nu of the fold-in |
//! | `clock.groups`, `clock.bias` | U8, F32 | `[items]`, `[8, groups]` | see [`super::clock`]; may be missing |
//! | `T.blocks`, `T.sizes` | F32, U32 | `[*]`, `[4]` | sequence: parameters; heads, blocks, window, hidden |
//!
//! Rows are a sparse `[items, items]` matrix. Pairs are one that is symmetric but for a factor of each column, of which only what
//! lies above the diagonal is held: int8 q at (i, j) is q scale_i height_j in row i, and q scale_j height_i in row j.
//!
//! Version 1 had no pairs, and held columns as `T.offsets` (U32, `[items + 1]`: where each item's entries start) and `T.columns` (U8,
//! `[entries, width]`: little-endian ordinals, ascending in a row; width 2, 3 above 65,536 items). It is still read.
//!
//! Metadata: `format` = "palate-shard", `version` = "2", `kind` = "ranker", `users`, `keys` (hash of all keys in the order
//! of their ordinals, hex: ties the shard to its items), `scale` ("raw" or "deviation"), `unit` (how far the
//! sum of the best items stands above the mean after one event), `terms` ("name:kind" each, by commas; kinds are popularity, rows, pairs, factors, sequence).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::clock::Clock;
use super::gaps;
use super::tensors::{DType, Part, TensorFile, write as write_tensors};
use crate::error::{Error, Result};

/// The newest ranker version that this build reads and the one that it writes.
pub const VERSION: u64 = 2;
/// Largest magnitude of a scale, gain or base: far above any that is learned, far below what overflows a sum.
const MOST: f32 = 1e6;
const MAX_TERMS: usize = 16;
const MAX_DIM: usize = 1024;

/// A trained ranker as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranker {
    /// Hash of the catalog's keys, see [`super::digest::keys_hash`].
    pub keys: u64,
    /// People that it was learned from.
    pub users: u32,
    /// People who met each item, `[items]`.
    pub popularity: Vec<u32>,
    /// Whether each term is divided by the deviation of its own scores.
    pub by_deviation: bool,
    /// How far the tenth best item's sum stands above the mean after one event, above 0.
    pub unit: f32,
    pub terms: Vec<Trained>,
    /// What the time of the week says, where it taught something.
    pub clock: Option<Clock>,
}

/// One addend.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    pub name: String,
    pub gain: f32,
    /// Infinite: the past does not fade.
    pub tau: f32,
    pub weights: Weights,
}

/// What a term was learned to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Weights {
    /// The shard's own `popularity`.
    Popularity,
    Rows(Rows),
    Pairs(Pairs),
    Factors(Factors),
    Sequence(Sequence),
}

/// A sparse `[items, items]` matrix, see the table above.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    pub offsets: Vec<u32>,
    pub columns: Vec<u32>,
    pub values: Vec<i8>,
    pub scales: Vec<f32>,
    pub base: Vec<f32>,
}

/// What lies above the diagonal of a matrix that is symmetric but for a factor of each column, see the table above.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    pub offsets: Vec<u32>,
    pub columns: Vec<u32>,
    pub values: Vec<i8>,
    pub scales: Vec<f32>,
    pub heights: Vec<f32>,
}

/// Item factors and the constants of the fold-in.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    pub dim: usize,
    pub values: Vec<i8>,
    pub scales: Vec<f32>,
    pub gram: Vec<f32>,
    pub alpha0: f32,
    pub lambda: f32,
    pub nu: f32,
}

/// A sequence encoder. How many parameters its sizes need is checked where the layout is known (`rank::learned`).
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub dim: usize,
    /// Heads, blocks, window, hidden.
    pub sizes: [usize; 4],
    pub table: Vec<i8>,
    pub scales: Vec<f32>,
    pub blocks: Vec<f32>,
}

impl Weights {
    fn kind(&self) -> &'static str {
        match self {
            Weights::Popularity => "popularity",
            Weights::Rows(_) => "rows",
            Weights::Pairs(_) => "pairs",
            Weights::Factors(_) => "factors",
            Weights::Sequence(_) => "sequence",
        }
    }
}

/// Bytes of one ordinal in version 1.
fn width(items: usize) -> usize {
    if items <= 1 << 16 { 2 } else { 3 }
}

/// Names of terms are also names of tensors.
fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

struct Parser<'a> {
    file: TensorFile,
    what: &'a str,
    items: usize,
}

impl Ranker {
    /// Parses a ranker shard; `what` names the file in errors. Every size, ordinal and number is checked.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for bytes that are no ranker shard, [`Error::Version`] for a newer one.
    pub fn parse(bytes: impl Into<Arc<Vec<u8>>>, what: &str) -> Result<Self> {
        let file = TensorFile::parse(bytes, what)?;
        let corrupt = |detail: String| Error::corrupt(what, detail);
        let metadata = file.metadata().clone();
        let meta = |name: &str| metadata.get(name).map(String::as_str).ok_or_else(|| corrupt(format!("its metadata has no {name}")));
        if meta("format")? != "palate-shard" || meta("kind")? != "ranker" {
            return Err(corrupt("its format is not \"palate-shard\" of kind \"ranker\"".into()));
        }
        let number = |name: &str| meta(name)?.parse::<u64>().map_err(|_| corrupt(format!("its metadata has no number {name}")));
        let version = number("version")?;
        if version == 0 || version > VERSION {
            return Err(Error::Version { what: what.into(), found: version, supported: VERSION });
        }
        let users = u32::try_from(number("users")?).map_err(|_| corrupt("its metadata has no number users".into()))?;
        let keys = u64::from_str_radix(meta("keys")?, 16).map_err(|_| corrupt("its metadata has no hash keys".into()))?;
        let by_deviation = match meta("scale")? {
            "raw" => false,
            "deviation" => true,
            other => return Err(corrupt(format!("its scale is {other:?}, expected raw or deviation"))),
        };
        let unit: f32 = meta("unit")?.parse().map_err(|_| corrupt("its metadata has no number unit".into()))?;
        if !(unit > 0.0 && unit <= MOST) {
            return Err(corrupt(format!("its unit is {unit}, expected above 0 and up to {MOST}")));
        }
        let popularity = file.u32s("popularity")?;
        if let Some(at) = popularity.iter().position(|&count| count > users) {
            return Err(corrupt(format!("{} of {users} people met item {at}", popularity[at])));
        }
        let names: Vec<&str> = meta("terms")?.split(',').filter(|t| !t.is_empty()).collect();
        let clock = Clock::parse(&file, popularity.len(), what)?;
        let parser = Parser { items: popularity.len(), file, what };
        if names.len() > MAX_TERMS || parser.items >= 1 << 24 {
            return Err(corrupt(format!("{} terms over {} items, at most {MAX_TERMS} and 16,777,215", names.len(), parser.items)));
        }
        let gains = parser.numbers("gains", names.len(), 0.0)?;
        let taus = parser.numbers("taus", names.len(), 0.0)?;
        let mut seen = BTreeSet::new();
        let mut terms = Vec::with_capacity(names.len());
        for (at, entry) in names.into_iter().enumerate() {
            let (name, kind) = entry.split_once(':').unwrap_or((entry, ""));
            if !is_name(name) || !seen.insert(name) {
                return Err(corrupt(format!("term {at} has the name {name:?}, which is none or stands twice")));
            }
            let weights = match kind {
                "popularity" => Weights::Popularity,
                "rows" => Weights::Rows(parser.rows(name, version)?),
                "pairs" => Weights::Pairs(parser.pairs(name)?),
                "factors" => Weights::Factors(parser.factors(name)?),
                "sequence" => Weights::Sequence(parser.sequence(name)?),
                other => return Err(corrupt(format!("the term {name} is of the unknown kind {other:?}"))),
            };
            let tau = if taus[at] == 0.0 { f32::INFINITY } else { taus[at] };
            terms.push(Trained { name: name.into(), gain: gains[at], tau, weights });
        }
        Ok(Self { keys, users, popularity, by_deviation, unit, terms, clock })
    }
}

impl Parser<'_> {
    fn corrupt<T>(&self, detail: String) -> Result<T> {
        Err(Error::corrupt(self.what, detail))
    }

    /// `count` numbers from `least` to [`MOST`].
    fn numbers(&self, name: &str, count: usize, least: f32) -> Result<Vec<f32>> {
        let values = self.file.f32s(name)?;
        if values.len() != count {
            return self.corrupt(format!("{name} holds {} numbers, expected {count}", values.len()));
        }
        match values.iter().position(|v| !(least..=MOST).contains(v)) {
            Some(at) => self.corrupt(format!("{name} holds {} at {at}, expected {least} to {MOST}", values[at])),
            None => Ok(values),
        }
    }

    /// int8 rows and their scales; the length of a row.
    fn vectors(&self, term: &str) -> Result<(usize, Vec<i8>, Vec<f32>)> {
        let name = format!("{term}.vectors");
        let tensor = self.file.typed(&name, DType::I8)?;
        match *tensor.shape.as_slice() {
            [items, dim] if items == self.items && (1..=MAX_DIM).contains(&dim) => {
                let values = tensor.bytes().iter().map(|&b| b as i8).collect();
                Ok((dim, values, self.numbers(&format!("{term}.scales"), items, 0.0)?))
            }
            _ => self.corrupt(format!("{name} has the shape {:?}, expected [{}, 1 to {MAX_DIM}]", tensor.shape, self.items)),
        }
    }

    fn rows(&self, term: &str, version: u64) -> Result<Rows> {
        let values = self.values(term)?;
        let (offsets, columns) = if version == 1 { self.ordinals(term, values.len())? } else { self.gaps(term, false, values.len())? };
        let scales = self.numbers(&format!("{term}.scales"), self.items, 0.0)?;
        let base = format!("{term}.base");
        let count = if self.file.typed(&base, DType::F32)?.is_empty() { 0 } else { self.items };
        Ok(Rows { offsets, columns, values, scales, base: self.numbers(&base, count, -MOST)? })
    }

    fn pairs(&self, term: &str) -> Result<Pairs> {
        let values = self.values(term)?;
        let (offsets, columns) = self.gaps(term, true, values.len())?;
        let numbers = |part: &str| self.numbers(&format!("{term}.{part}"), self.items, 0.0);
        Ok(Pairs { offsets, columns, values, scales: numbers("scales")?, heights: numbers("heights")? })
    }

    /// int8 weights of entries.
    fn values(&self, term: &str) -> Result<Vec<i8>> {
        Ok(self.file.typed(&format!("{term}.values"), DType::I8)?.bytes().iter().map(|&b| b as i8).collect())
    }

    /// Offsets and columns of `entries`; `upper`: above the diagonal only.
    fn gaps(&self, term: &str, upper: bool, entries: usize) -> Result<(Vec<u32>, Vec<u32>)> {
        let stored = self.file.typed(&format!("{term}.gaps"), DType::U8)?;
        match gaps::read(stored.bytes(), self.items, upper).filter(|(_, columns)| columns.len() == entries) {
            Some(read) => Ok(read),
            None => self.corrupt(format!("{term}.gaps do not lead to {entries} entries among {} items", self.items)),
        }
    }

    /// Offsets and columns as version 1 held them.
    fn ordinals(&self, term: &str, entries: usize) -> Result<(Vec<u32>, Vec<u32>)> {
        let offsets = self.file.u32s(&format!("{term}.offsets"))?;
        let stored = self.file.typed(&format!("{term}.columns"), DType::U8)?;
        let width = width(self.items);
        if stored.shape != [entries, width] {
            return self.corrupt(format!("{term}.columns has the shape {:?}, expected [{entries}, {width}]", stored.shape));
        }
        let ordinal = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |value, &byte| value << 8 | u32::from(byte));
        let columns: Vec<u32> = stored.bytes().chunks_exact(width).map(ordinal).collect();
        let whole = offsets.len() == self.items + 1 && offsets.first() == Some(&0) && offsets.last().is_some_and(|&end| end as usize == columns.len());
        if !whole || offsets.windows(2).any(|pair| pair[0] > pair[1]) {
            return self.corrupt(format!("{term}.offsets do not lead from 0 to {} in {} steps", columns.len(), self.items));
        }
        for pair in offsets.windows(2) {
            let row = &columns[pair[0] as usize..pair[1] as usize];
            if row.windows(2).any(|two| two[0] >= two[1]) || row.last().is_some_and(|&last| last as usize >= self.items) {
                return self.corrupt(format!("{term}.columns are out of order, or name an item past {}", self.items));
            }
        }
        Ok((offsets, columns))
    }

    fn factors(&self, term: &str) -> Result<Factors> {
        let (dim, values, scales) = self.vectors(term)?;
        let gram = self.numbers(&format!("{term}.gram"), dim * dim, f32::MIN)?;
        let fold = self.numbers(&format!("{term}.fold"), 3, 0.0)?;
        if fold[1] == 0.0 || fold[2] > 4.0 {
            return self.corrupt(format!("{term}.fold holds lambda {} and nu {}, expected above 0 and up to 4", fold[1], fold[2]));
        }
        Ok(Factors { dim, values, scales, gram, alpha0: fold[0], lambda: fold[1], nu: fold[2] })
    }

    fn sequence(&self, term: &str) -> Result<Sequence> {
        let (dim, table, scales) = self.vectors(term)?;
        let sizes = self.file.u32s(&format!("{term}.sizes"))?;
        let &[heads, blocks, window, hidden] = sizes.as_slice() else {
            return self.corrupt(format!("{term}.sizes holds {} numbers, expected 4", sizes.len()));
        };
        let fits = heads >= 1 && dim % heads as usize == 0 && (1..=16).contains(&blocks) && (1..=1000).contains(&window) && (1..=8192).contains(&hidden);
        if !fits {
            return self.corrupt(format!("{term}.sizes {sizes:?} describe no encoder of dimension {dim}"));
        }
        let parameters = self.file.typed(&format!("{term}.blocks"), DType::F32)?.len();
        let blocks_values = self.numbers(&format!("{term}.blocks"), parameters, -MOST)?;
        let sizes = [heads, blocks, window, hidden].map(|size| size as usize);
        Ok(Sequence { dim, sizes, table, scales, blocks: blocks_values })
    }
}

/// The bytes of a ranker shard; the same ranker always gives the same bytes.
///
/// # Errors
/// [`Error::Internal`] where parts do not fit together, as [`Ranker::parse`] would find.
pub fn write(ranker: &Ranker) -> Result<Vec<u8>> {
    let items = ranker.popularity.len();
    let of = |value: fn(&Trained) -> f32| ranker.terms.iter().map(value).collect::<Vec<f32>>();
    let taus = of(|t| if t.tau.is_finite() { t.tau } else { 0.0 });
    let count = ranker.terms.len();
    let mut parts = vec![
        Part::u32("popularity", &[items], &ranker.popularity),
        Part::f32("gains", &[count], &of(|t| t.gain)),
        Part::f32("taus", &[count], &taus),
    ];
    parts.extend(ranker.clock.iter().flat_map(Clock::parts));
    for term in &ranker.terms {
        let name = |part: &str| format!("{}.{part}", term.name);
        match &term.weights {
            Weights::Popularity => {}
            Weights::Rows(rows) => {
                let gaps = gaps::write(&rows.offsets, &rows.columns, false);
                parts.push(Part { name: name("gaps"), dtype: DType::U8, shape: vec![gaps.len()], bytes: gaps.into() });
                parts.push(Part::i8(name("values"), &[rows.values.len()], &rows.values));
                parts.push(Part::f32(name("scales"), &[rows.scales.len()], &rows.scales));
                parts.push(Part::f32(name("base"), &[rows.base.len()], &rows.base));
            }
            Weights::Pairs(pairs) => {
                let gaps = gaps::write(&pairs.offsets, &pairs.columns, true);
                parts.push(Part { name: name("gaps"), dtype: DType::U8, shape: vec![gaps.len()], bytes: gaps.into() });
                parts.push(Part::i8(name("values"), &[pairs.values.len()], &pairs.values));
                parts.push(Part::f32(name("scales"), &[pairs.scales.len()], &pairs.scales));
                parts.push(Part::f32(name("heights"), &[pairs.heights.len()], &pairs.heights));
            }
            Weights::Factors(f) => {
                parts.push(Part::i8(name("vectors"), &[items, f.dim], &f.values));
                parts.push(Part::f32(name("scales"), &[f.scales.len()], &f.scales));
                parts.push(Part::f32(name("gram"), &[f.dim, f.dim], &f.gram));
                parts.push(Part::f32(name("fold"), &[3], &[f.alpha0, f.lambda, f.nu]));
            }
            Weights::Sequence(s) => {
                parts.push(Part::i8(name("vectors"), &[items, s.dim], &s.table));
                parts.push(Part::f32(name("scales"), &[s.scales.len()], &s.scales));
                parts.push(Part::f32(name("blocks"), &[s.blocks.len()], &s.blocks));
                parts.push(Part::u32(name("sizes"), &[4], &s.sizes.map(|size| size as u32)));
            }
        }
    }
    let terms: Vec<String> = ranker.terms.iter().map(|t| format!("{}:{}", t.name, t.weights.kind())).collect();
    let metadata = BTreeMap::from(
        [
            ("format", "palate-shard".into()),
            ("version", VERSION.to_string()),
            ("kind", "ranker".into()),
            ("keys", format!("{:016x}", ranker.keys)),
            ("users", ranker.users.to_string()),
            ("scale", if ranker.by_deviation { "deviation".into() } else { String::from("raw") }),
            ("unit", ranker.unit.to_string()),
            ("terms", terms.join(",")),
        ]
        .map(|(name, value): (&str, String)| (name.to_string(), value)),
    );
    let bytes = write_tensors(&parts, &metadata)?;
    match Ranker::parse(bytes.clone(), "the ranker") {
        Ok(same) if same == *ranker => Ok(bytes),
        Ok(_) => Err(Error::Internal("a ranker does not read back as it was written".into())),
        Err(error) => Err(Error::Internal(format!("a ranker was put together wrongly: {error}"))),
    }
}
