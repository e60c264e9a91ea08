//! Catalogs that tests share: a seeded generator, an encoder that needs no model, items made up and real.

pub mod animated;
pub mod checkpoint;
pub mod crowd;
pub mod seeded;
pub mod sounds;

use std::path::PathBuf;
use std::sync::Arc;

use palate::format::manifest::{Manifest, Model};
use palate::format::pack::ModelId;
use palate::format::shard::Row;
use palate::index::{Catalog, build};
use palate::publish::build::EncodeText;
use palate::publish::items::Item;
use serde_json::{Map, Value, json};

/// SplitMix64 (Steele, Lea, Flood 2014): all that a test needs of chance.
pub struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Uniform in `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Uniform in `-1..1`.
    pub fn signed(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn vector(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| self.signed()).collect()
    }
}

/// Hashed bag of words: deterministic, and texts that share words are near each other.
pub struct Words {
    pub dim: usize,
    pub name: &'static str,
    /// Fails after so many texts, as a stopped build does.
    pub budget: std::cell::Cell<usize>,
}

impl Words {
    pub fn new(dim: usize) -> Self {
        Self { dim, name: "words", budget: std::cell::Cell::new(usize::MAX) }
    }
}

pub fn model(name: &str, dim: usize) -> Model {
    let sha256 = palate::format::digest::sha256(name.as_bytes());
    Model { id: ModelId { name: name.into(), sha256 }, dim, file: None, in_text_space: false }
}

impl EncodeText for Words {
    fn model(&self) -> Model {
        model(self.name, self.dim)
    }

    fn encode(&self, texts: &[&str]) -> palate::Result<Vec<Vec<f32>>> {
        let left = self.budget.get();
        if left < texts.len() {
            return Err(palate::Error::Device("the encoder was stopped".into()));
        }
        self.budget.set(left - texts.len());
        Ok(texts.iter().map(|text| self.one(text)).collect())
    }
}

impl Words {
    pub fn one(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0f32; self.dim];
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
            let hash = palate::format::digest::key_hash(&word.to_lowercase());
            vector[(hash % self.dim as u64) as usize] += if hash >> 63 == 0 { 1.0 } else { -1.0 };
        }
        let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|v| *v /= norm);
        } else {
            vector[0] = 1.0;
        }
        vector
    }
}

/// Rows with awkward keys and metadata, the same for the same seed.
pub fn rows(seed: u64, n: usize, dim: usize) -> Vec<Row> {
    let mut chance = Seeded(seed);
    let endings = ["", "é", "漢字", "🦊", " with space", "\u{1}", "\"quoted\"", "/../x"];
    (0..n)
        .map(|at| {
            let mut metadata = Map::new();
            metadata.insert("title".into(), json!(format!("item {at} {}", endings[chance.below(endings.len())])));
            if chance.below(3) > 0 {
                metadata.insert("price".into(), [json!(at), json!(at as f64 + 0.25), json!(-0.5)][chance.below(3)].clone());
            }
            if chance.below(4) == 0 {
                metadata.insert("tags".into(), json!(["a", {"b": [1, null, "漢"]}]));
            }
            if chance.below(5) == 0 {
                metadata.insert("mixed.bytes".into(), [json!(1), json!("one"), json!(true)][chance.below(3)].clone());
            }
            let vector = if chance.below(20) == 0 { Vec::new() } else { chance.vector(dim) };
            let key = format!("k{at}{}", endings[chance.below(endings.len())]);
            build::row(&key, &vector, dim, chance.next(), metadata)
        })
        .collect()
}

/// An index of rows in memory: its manifest and its shards' bytes.
pub fn index(rows: Vec<Row>, dim: usize) -> (Manifest, Vec<Arc<Vec<u8>>>) {
    let mut files = Vec::new();
    let manifest = build::build(model("words", dim), rows, |_, bytes| {
        files.push(Arc::new(bytes));
        Ok(())
    });
    (manifest.expect("the rows are good"), files)
}

pub fn catalog(rows: Vec<Row>, dim: usize) -> Catalog {
    let (manifest, files) = index(rows, dim);
    Catalog::open(&manifest, files).expect("the index is good")
}

/// An item from a JSON object.
pub fn item(value: Value) -> Item {
    let Value::Object(map) = value else { panic!("an item is an object") };
    Item::from_row(map).expect("the item is good")
}

/// The folder of shared data, if it is there; otherwise says what is skipped.
pub fn shared(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PALATE_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("data").join(what);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}
