//! All items of an index in memory: keys, ordinals, vectors, metadata, and the exact scan.
//!
//! Not here: candidates of the ranker (`rank`), and where the shards' bytes come from.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::format::digest::{bucket, keys_hash};
use crate::format::manifest::{Kind, Manifest, Model};
use crate::format::pack::ModelId;
use crate::format::shard::ItemShard;
use crate::format::space::Models;
use crate::math::scan::{Query, scan, scan_many};
use super::recent::Recent;

/// The modality whose model makes the vectors that are ranked with.
pub const TEXT: &str = "text";
/// The modality of what items look like.
pub const IMAGE: &str = "image";
/// The same of sounds.
pub const AUDIO: &str = "audio";
/// The modalities beside the one that lists are ranked by that have models of their own to be fetched.
pub const MEDIA: [&str; 2] = [IMAGE, AUDIO];
/// The modality of films, whose model reads vectors of the image model's and comes with the index.
pub const VIDEO: &str = "video";
/// The name of the model that joins modalities, where the ranking vectors are its.
pub const FUSION: &str = "fusion";

/// An open catalog. An ordinal is an item's place: shards in the manifest's order, rows by key.
#[derive(Debug, Clone)]
pub struct Catalog {
    model: Model,
    text: Model,
    /// Models of further modalities whose vectors all shards have.
    others: Models,
    shards: Vec<ItemShard>,
    /// First ordinal of each shard, and the number of items: `[shards + 1]`.
    starts: Vec<u32>,
    /// Shard of each bucket; `u32::MAX` where a bucket is empty.
    buckets: Vec<u32>,
    recent: Recent,
}

impl Catalog {
    /// Opens the item shards, one entry of `bytes` for each of `manifest.shards_of(&Kind::Items)`, in that order.
    ///
    /// Everything in them is checked but their hashes, which [`crate::format::manifest::Shard::verify`] checks once,
    /// when the bytes come in.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where a shard is damaged or the shards and the manifest contradict each other,
    /// [`Error::Mismatch`] where vectors of two models meet, [`Error::Version`] for a newer shard.
    pub fn open(manifest: &Manifest, bytes: Vec<Arc<Vec<u8>>>) -> Result<Self> {
        let wanted: Vec<_> = manifest.shards_of(&Kind::Items).collect();
        if wanted.len() != bytes.len() {
            return Err(Error::Internal(format!("{} item shards were given, the manifest has {}", bytes.len(), wanted.len())));
        }
        let text = match manifest.models.get(TEXT) {
            Some(model) => model.clone(),
            None => return Err(Error::corrupt("the manifest", "it names no text model")),
        };
        let fusion = manifest.models.get(FUSION);
        let beside = |name: &str| MEDIA.contains(&name) || name == VIDEO || name == TEXT && fusion.is_some();
        let mut others = manifest.models.clone();
        others.retain(|name, _| beside(name));
        if let Some((name, other)) = others.iter().find(|(_, other)| other.in_text_space && other.dim != text.dim) {
            let (of, texts) = (other.dim, text.dim);
            return Err(Error::corrupt("the manifest", format!("its {name} model makes vectors of {of} numbers in a space of {texts}")));
        }
        let model = fusion.unwrap_or(&text).clone();
        let mut shards = Vec::with_capacity(wanted.len());
        let mut starts = vec![0u32];
        let mut buckets: Vec<u32> = Vec::new();
        for (entry, bytes) in wanted.into_iter().zip(bytes) {
            let shard = ItemShard::parse(bytes, &entry.file)?;
            check((shard.model(), shard.dim()), &model, &entry.file)?;
            for (modality, model) in others.iter().filter(|(_, model)| !model.in_text_space) {
                let missing = || Error::corrupt(&entry.file, format!("it has no {modality} vectors, of which the manifest names the model"));
                let space = shard.space(modality).ok_or_else(missing)?;
                check((&space.model, space.dim), model, &entry.file)?;
            }
            if shard.len() != entry.items as usize {
                return Err(Error::corrupt(&entry.file, format!("it holds {} items, the manifest says {}", shard.len(), entry.items)));
            }
            let (at, of) = shard.bucket();
            if buckets.is_empty() {
                // Bounded by the manifest, not by a number in a shard: most buckets of a real index are not empty.
                if of as usize > 64 * (manifest.shards.len() + 1) {
                    return Err(Error::corrupt(&entry.file, format!("it is one of {of} buckets in an index of {} shards", manifest.shards.len())));
                }
                buckets = vec![u32::MAX; of as usize];
            }
            if buckets.len() != of as usize || buckets[at as usize] != u32::MAX {
                return Err(Error::corrupt(&entry.file, format!("bucket {at} of {of} stands twice or beside another division")));
            }
            buckets[at as usize] = shards.len() as u32;
            // The manifest's own total is checked, so this cannot pass u32.
            starts.push(starts[shards.len()] + entry.items);
            shards.push(shard);
        }
        Ok(Self { model, text, others, shards, starts, buckets, recent: Recent::default() })
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.starts[self.shards.len()] as usize
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of a vector.
    pub fn dim(&self) -> usize {
        self.model.dim
    }

    /// The model that made the vectors that are ranked by: the fusion where there is one, else the text model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model that texts are encoded with.
    pub fn text_model(&self) -> &Model {
        &self.text
    }

    /// Whether the vectors that are ranked by join several modalities.
    pub fn is_fused(&self) -> bool {
        self.others.contains_key(TEXT)
    }

    /// An item's vector of a modality (text or a further one), `[dim]` of that modality; `None` for an item without.
    pub fn embedding(&self, modality: &str, ordinal: u32) -> Option<Vec<f32>> {
        if modality == TEXT && !self.is_fused() {
            return self.has_vector(ordinal).then(|| self.vector(ordinal));
        }
        let (shard, row) = self.place(ordinal)?;
        let row = shard.space(modality)?.to_row(row)?;
        Some(row.vector.iter().map(|&v| f32::from(v) * row.scale).collect())
    }

    /// Shard and row of an ordinal.
    pub fn place(&self, ordinal: u32) -> Option<(&ItemShard, usize)> {
        let shard = self.starts.partition_point(|&start| start <= ordinal).checked_sub(1)?;
        Some((self.shards.get(shard)?, (ordinal - self.starts[shard]) as usize))
    }

    /// The key of an item; empty for an ordinal past the end.
    pub fn key(&self, ordinal: u32) -> &str {
        self.place(ordinal).map_or("", |(shard, row)| shard.key(row))
    }

    /// Hash of all keys in the order of their ordinals: what is stored by ordinal names the catalog that it is for.
    pub fn keys_hash(&self) -> u64 {
        keys_hash(self.shards.iter().flat_map(|shard| (0..shard.len()).map(|row| shard.key(row))))
    }

    /// The ordinal of a key, if there is such an item.
    pub fn ordinal(&self, key: &str) -> Option<u32> {
        if self.buckets.is_empty() {
            return None;
        }
        let shard = self.buckets[bucket(key, self.buckets.len() as u32) as usize] as usize;
        Some(self.starts[shard.min(self.shards.len())] + self.shards.get(shard)?.row(key)? as u32)
    }

    /// An item's metadata; empty for an ordinal past the end.
    pub fn item(&self, ordinal: u32) -> Map<String, Value> {
        self.place(ordinal).map(|(shard, row)| shard.metadata(row)).unwrap_or_default()
    }

    /// One metadata field of an item.
    pub fn field(&self, ordinal: u32, name: &str) -> Option<Value> {
        let (shard, row) = self.place(ordinal)?;
        shard.field(row, name)
    }

    /// An item's vector, unit length, `[dim]`; zeros for an item without one or an ordinal past the end.
    pub fn vector(&self, ordinal: u32) -> Vec<f32> {
        let mut vector = vec![0.0; self.dim()];
        if let Some((shard, row)) = self.place(ordinal) {
            let scale = shard.scales()[row];
            let bytes = &shard.vectors()[row * self.dim()..(row + 1) * self.dim()];
            for (value, &byte) in vector.iter_mut().zip(bytes) {
                *value = f32::from(byte as i8) * scale;
            }
        }
        vector
    }

    /// Whether an item has a vector (items without any text have none and score 0).
    pub fn has_vector(&self, ordinal: u32) -> bool {
        self.place(ordinal).is_some_and(|(shard, row)| shard.scales()[row] > 0.0)
    }

    /// Writes the cosine of `query` (`[dim]`, any length but zero) with every item to `scores` (`[len]`).
    ///
    /// Exact over the stored rows; the same scores on every device.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where the query has another dimension, [`Error::Internal`] where `scores` has another length.
    pub fn scan(&self, query: &[f32], scores: &mut [f32]) -> Result<()> {
        self.scan_rows(query, &self.model, scores, |shard| Some((shard.vectors(), shard.scales())))
    }

    /// The model of a further modality ([`MEDIA`], [`VIDEO`]), if the index has its vectors.
    pub fn other_model(&self, modality: &str) -> Option<&Model> {
        self.others.get(modality)
    }

    /// Whether an item has a vector that queries of a further modality rank: one of its own, or its text's where the modality's
    /// model shares that space.
    pub fn has_other(&self, modality: &str, ordinal: u32) -> bool {
        if self.others.get(modality).is_some_and(|model| model.in_text_space) {
            return self.has_vector(ordinal);
        }
        self.place(ordinal).is_some_and(|(shard, row)| shard.space(modality).is_some_and(|space| space.scales()[row] > 0.0))
    }

    /// As [`Catalog::scan`], over the vectors that queries of a further modality rank (see [`Catalog::has_other`]).
    ///
    /// # Errors
    /// As [`Catalog::scan`]; [`Error::Input`] where the index has no such vectors.
    pub fn scan_other(&self, modality: &str, query: &[f32], scores: &mut [f32]) -> Result<()> {
        let model = self.others.get(modality);
        let model = model.ok_or_else(|| Error::input(format!("The index has no {modality} vectors. Build it with --{modality}-model.")))?;
        if model.in_text_space {
            return self.scan(query, scores);
        }
        self.scan_rows(query, model, scores, |shard| shard.space(modality).map(|space| (space.vectors(), space.scales())))
    }

    fn scan_rows<'a>(&'a self, query: &[f32], model: &Model, scores: &mut [f32], rows: impl Fn(&'a ItemShard) -> Option<(&'a [u8], &'a [f32])>) -> Result<()> {
        check_query(query, model)?;
        if scores.len() != self.len() {
            return Err(Error::Internal(format!("{} scores for {} items", scores.len(), self.len())));
        }
        let query = Query::new(query);
        for (shard, start) in self.shards.iter().zip(&self.starts) {
            let start = *start as usize;
            if let Some((vectors, scales)) = rows(shard) {
                scan(vectors, scales, &query, &mut scores[start..start + shard.len()]);
            }
        }
        Ok(())
    }

    /// The cosines of several queries with every item, `[len]` each: as [`Catalog::scan`], but what was asked for lately is not
    /// scanned again, and the others are scanned together.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where a query has another dimension.
    pub fn cosines(&self, queries: &[&[f32]]) -> Result<Vec<Arc<Vec<f32>>>> {
        queries.iter().try_for_each(|query| check_query(query, &self.model))?;
        let queries: Vec<Query> = queries.iter().map(|query| Query::new(query)).collect();
        let mut found: Vec<Option<Arc<Vec<f32>>>> = queries.iter().map(|query| self.recent.get(query)).collect();
        let missing: Vec<Query> = queries.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(query, _)| query.clone()).collect();
        let mut scores = vec![vec![0f32; self.len()]; missing.len()];
        for (shard, start) in self.shards.iter().zip(&self.starts) {
            let start = *start as usize;
            let mut parts: Vec<&mut [f32]> = scores.iter_mut().map(|scores| &mut scores[start..start + shard.len()]).collect();
            scan_many(shard.vectors(), shard.scales(), &missing, &mut parts);
        }
        let mut scanned = missing.into_iter().zip(scores.into_iter().map(Arc::new));
        for found in found.iter_mut().filter(|found| found.is_none()) {
            if let Some((query, cosines)) = scanned.next() {
                self.recent.keep(query, cosines.clone());
                *found = Some(cosines);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Whether [`Catalog::cosines`] has kept those of `query`.
    pub fn remembers(&self, query: &Query) -> bool {
        self.recent.get(query).is_some()
    }

    /// Makes cosines of the sums of products of `query` with every item's numbers (`[len]`), wherever those were made, and keeps them as
    /// if they had been scanned.
    pub fn remember(&self, query: Query, sums: &[i32]) -> Arc<Vec<f32>> {
        let cosines = Arc::new(self.cosines_of(&query, sums));
        self.recent.keep(query, cosines.clone());
        cosines
    }

    /// The same without keeping them.
    pub fn cosines_of(&self, query: &Query, sums: &[i32]) -> Vec<f32> {
        let scales = self.shards.iter().flat_map(|shard| shard.scales());
        sums.iter().zip(scales).map(|(&sum, &scale)| query.score(sum, scale)).collect()
    }

    /// The `k` best of `scores` (`[len]`), best first, of the items that `keep` allows; ties in the order of their keys.
    ///
    /// NaN and negative infinity are never listed.
    pub fn top_k(&self, scores: &[f32], k: usize, mut keep: impl FnMut(u32) -> bool) -> Vec<(u32, f32)> {
        let k = k.min(self.len());
        let mut heap: BinaryHeap<Worst<'_>> = BinaryHeap::with_capacity(k + 1);
        if k == 0 {
            return Vec::new();
        }
        let mut floor = f32::NEG_INFINITY;
        for (ordinal, &score) in scores.iter().enumerate().take(self.len()) {
            let ordinal = ordinal as u32;
            let full = heap.len() == k;
            if score.is_nan() || score == f32::NEG_INFINITY || full && score < floor || !keep(ordinal) {
                continue;
            }
            // Plus zero makes -0 and 0 the same score.
            heap.push(Worst { score: score + 0.0, ordinal, catalog: self });
            if full {
                heap.pop();
            }
            if heap.len() == k {
                floor = heap.peek().map_or(floor, |worst| worst.score);
            }
        }
        heap.into_sorted_vec().into_iter().map(|entry| (entry.ordinal, entry.score)).collect()
    }

    /// The shards, in order, with their first ordinals.
    pub fn shards(&self) -> impl Iterator<Item = (u32, &ItemShard)> {
        self.starts.iter().copied().zip(&self.shards)
    }
}

fn check((found, dim): (&ModelId, usize), model: &Model, what: &str) -> Result<()> {
    if found.sha256 != model.id.sha256 || dim != model.dim {
        return Err(Error::Mismatch(format!(
            "{what} has {} numbers a vector from the model {:?} ({}), the manifest says {} from {:?} ({}). Build the index again with one model.",
            dim,
            found.name,
            found.sha256,
            model.dim,
            model.id.name,
            model.id.sha256
        )));
    }
    Ok(())
}

/// A candidate in a heap whose top is the worst one: lowest score, then last key.
struct Worst<'a> {
    score: f32,
    ordinal: u32,
    catalog: &'a Catalog,
}

impl Ord for Worst<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = || self.catalog.key(self.ordinal).cmp(other.catalog.key(other.ordinal));
        other.score.total_cmp(&self.score).then_with(by_key)
    }
}

impl PartialOrd for Worst<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Worst<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Worst<'_> {}

/// Whether a query can be compared with a model's vectors.
fn check_query(query: &[f32], model: &Model) -> Result<()> {
    if query.len() == model.dim {
        return Ok(());
    }
    Err(Error::Mismatch(format!(
        "The query has {} numbers, the index's vectors have {}. Encode it with the model {:?}.",
        query.len(),
        model.dim,
        model.id.name
    )))
}
