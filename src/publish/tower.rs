//! A learned tower as a model pack, and how well a pack finds the texts of pictures or sounds that it never met.
//!
//! Not here: learning (`train::tower`), decoding.

use std::path::Path;

use super::checkpoint::Checkpoint;
use super::model::{ModelManifest, PackDType, write_bytes, write_pack};
use crate::error::{Error, Result};
use crate::fuse::video_text;
use crate::train::tower::passes::Weights;
use crate::train::tower::rank;
use crate::train::tower::start::Start;

/// Writes the tower's pack, in int8 (a film's in half precision), to `out`, as `palate model add` writes packs.
///
/// # Errors
/// As [`write_pack`].
pub fn write(start: &Start, weights: &Weights, name: &str, out: &Path) -> Result<ModelManifest> {
    let checkpoint = Checkpoint {
        name: name.to_string(),
        config: start.config.to_string(),
        tokenizer: None,
        weights: start.file(weights)?,
        encoder: start.encoder.clone(),
        architecture: start.architecture.to_string(),
    };
    if start.architecture == video_text::NAME {
        // It reads vectors, of which no calibration could make some up: half precision needs none.
        let bytes = checkpoint.pack_graph(&start.graph, PackDType::F16)?;
        return write_bytes(checkpoint, &bytes, out);
    }
    write_pack(checkpoint, PackDType::Q8, out)
}

/// How often a picture or a sound finds its own text.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub asked: usize,
    /// Texts that are ranked for each.
    pub texts: usize,
    pub recall_at_1: f64,
    pub recall_at_10: f64,
    pub recall_at_50: f64,
    /// Of recall at 10, 95 % (Wilson 1927).
    pub low: f64,
    pub high: f64,
    pub median_rank: usize,
}

/// Ranks `texts` for the vector of each picture or sound; `own` says which one is its.
///
/// # Errors
/// [`Error::Mismatch`] where the vectors have another length than the texts'.
pub fn find(vectors: &[Vec<f32>], own: &[usize], texts: &[&[f32]]) -> Result<Found> {
    if let Some((vector, text)) = vectors.first().zip(texts.first()).filter(|(vector, text)| vector.len() != text.len()) {
        return Err(Error::Mismatch(format!("The model makes vectors of {} numbers, the text model of {}. Name the text model that it was learned for.", vector.len(), text.len())));
    }
    let mut ranks: Vec<usize> = vectors.iter().zip(own).map(|(seen, &at)| rank(seen, texts[at], texts)).collect();
    ranks.sort_unstable();
    let n = ranks.len().max(1) as f64;
    let recall = |k: usize| ranks.iter().filter(|&&r| r <= k).count() as f64 / n;
    let (p, z2) = (recall(10), 1.96f64 * 1.96);
    let (middle, wide) = ((p + z2 / (2.0 * n)) / (1.0 + z2 / n), (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt() * 1.96 / (1.0 + z2 / n));
    Ok(Found {
        asked: ranks.len(),
        texts: texts.len(),
        recall_at_1: recall(1),
        recall_at_10: p,
        recall_at_50: recall(50),
        low: middle - wide,
        high: middle + wide,
        median_rank: ranks.get(ranks.len() / 2).copied().unwrap_or(0),
    })
}
