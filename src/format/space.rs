//! Vectors of further modalities in an item shard, each a space of its own beside the vectors that lists are ranked by.
//!
//! | tensor | type | shape | holds |
//! | --- | --- | --- | --- |
//! | `vectors.M` | I8 | `[n, dim of M]` | rows of modality M that have unit length times `scales.M` |
//! | `scales.M` | F32 | `[n]` | one a row, 0 for an item without |
//! | `hashes.M` | U32 | `[n, 2]` | low and high half of the hash of what was encoded |
//!
//! Metadata: `model.M` (name), `model.M.sha256`. A reader that knows no M passes them over.

use std::collections::BTreeMap;

use super::manifest::{MAX_DIM, Model};
use super::pack::ModelId;
use super::tensors::{DType, Part, Tensor, TensorFile};
use crate::error::{Error, Result};

/// Models by modality.
pub type Models = BTreeMap<String, Model>;

/// One item's vector of one modality.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// `[dim]`, see [`crate::math::scan::quantize_row`].
    pub vector: Vec<i8>,
    pub scale: f32,
    /// Of what was encoded: an item whose hash is unchanged keeps its vector.
    pub hash: u64,
}

/// One modality's vectors of a shard, checked.
#[derive(Debug, Clone)]
pub struct Space {
    pub model: ModelId,
    pub dim: usize,
    vectors: Tensor,
    scales: Vec<f32>,
    hashes: Vec<u32>,
}

impl Space {
    /// All spaces of a shard of `n` items; `what` names the file in errors.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for sizes or scales that cannot be.
    pub fn parse_all(file: &TensorFile, what: &str, n: usize) -> Result<BTreeMap<String, Self>> {
        let modalities = file.names().filter_map(|name| name.strip_prefix("vectors."));
        modalities.map(|modality| Ok((modality.to_string(), Self::parse(file, what, n, modality)?))).collect()
    }

    fn parse(file: &TensorFile, what: &str, n: usize, modality: &str) -> Result<Self> {
        let corrupt = |detail: String| Error::corrupt(what, format!("its {modality} vectors: {detail}"));
        let meta = |name: String| file.metadata().get(&name).cloned().ok_or_else(|| corrupt(format!("its metadata has no {name}")));
        let model = ModelId { name: meta(format!("model.{modality}"))?, sha256: meta(format!("model.{modality}.sha256"))? };
        let vectors = file.typed(&format!("vectors.{modality}"), DType::I8)?;
        let &[rows, dim] = vectors.shape.as_slice() else {
            return Err(corrupt(format!("they have the shape {:?}, expected [items, dim]", vectors.shape)));
        };
        if rows != n || dim == 0 || dim > MAX_DIM {
            return Err(corrupt(format!("they have the shape {:?} for {n} items, expected 1 to {MAX_DIM} numbers each", vectors.shape)));
        }
        let (scales, hashes) = (file.f32s(&format!("scales.{modality}"))?, file.u32s(&format!("hashes.{modality}"))?);
        if scales.len() != n || hashes.len() != 2 * n {
            return Err(corrupt(format!("{} scales and {} hash halves for {n} items", scales.len(), hashes.len())));
        }
        if let Some(at) = scales.iter().position(|s| !(0.0..=1.0).contains(s)) {
            return Err(corrupt(format!("scale {at} is {}, expected 0 to 1", scales[at])));
        }
        Ok(Self { model, dim, vectors, scales, hashes })
    }

    /// All vectors, `[n, dim]` int8 as raw bytes.
    pub fn vectors(&self) -> &[u8] {
        self.vectors.bytes()
    }

    /// `[n]`, 0 for an item without a vector.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// A row as it went in; `None` for an item without.
    pub fn to_row(&self, row: usize) -> Option<Embedded> {
        let scale = self.scales[row];
        let vector = self.vectors()[row * self.dim..(row + 1) * self.dim].iter().map(|&b| b as i8).collect();
        let hash = u64::from(self.hashes[2 * row]) | u64::from(self.hashes[2 * row + 1]) << 32;
        (scale > 0.0).then_some(Embedded { vector, scale, hash })
    }
}

/// Adds a modality's tensors and metadata; `rows` has an entry an item.
///
/// # Errors
/// [`Error::Input`] where a vector has another length than the model's.
pub fn push(parts: &mut Vec<Part<'_>>, metadata: &mut BTreeMap<String, String>, modality: &str, model: &Model, rows: &[Option<&Embedded>]) -> Result<()> {
    let (n, dim) = (rows.len(), model.dim);
    let (mut vectors, mut scales, mut hashes) = (Vec::with_capacity(n * dim), Vec::with_capacity(n), Vec::with_capacity(2 * n));
    for row in rows {
        match row {
            Some(row) if row.vector.len() != dim => {
                let found = row.vector.len();
                return Err(Error::input(format!("an item's {modality} vector has {found} numbers, expected {dim}. Encode all with one model.")));
            }
            Some(row) => {
                vectors.extend(&row.vector);
                scales.push(row.scale);
                hashes.extend([row.hash as u32, (row.hash >> 32) as u32]);
            }
            None => {
                vectors.resize(vectors.len() + dim, 0);
                scales.push(0.0);
                hashes.extend([0, 0]);
            }
        }
    }
    parts.push(Part::i8(format!("vectors.{modality}"), &[n, dim], &vectors));
    parts.push(Part::f32(format!("scales.{modality}"), &[n], &scales));
    parts.push(Part::u32(format!("hashes.{modality}"), &[n, 2], &hashes));
    metadata.insert(format!("model.{modality}"), model.id.name.clone());
    metadata.insert(format!("model.{modality}.sha256"), model.id.sha256.clone());
    Ok(())
}
