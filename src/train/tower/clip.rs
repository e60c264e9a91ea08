//! Films to learn from: vectors of frames and of words as they might come, and the video-text Transformer they start from.
//!
//! Frames and words are left out by chance, so that a film is known by some of its frames and without a word. Not here: the
//! vectors (whoever calls), the graph (`fuse::video_text`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::Medium;
use super::start::Start;
use crate::compute::graph::Batch;
use crate::error::{Error, Result};
use crate::format::pack::{EncoderConfig, ModelId, Pooling};
use crate::format::tensors::{Part, TensorFile, write};
use crate::fuse::video_text::{self, Config};
use crate::math::rng::Rng;

/// A film: vectors of its frames in time and of its words in order, either may be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    shape: Arc<Config>,
    frames: Vec<Vec<f32>>,
    words: Vec<Vec<f32>>,
}

impl Clip {
    /// From vectors of the lengths that `shape` says; those past its places are left out.
    ///
    /// # Errors
    /// As [`Config::batch`].
    pub fn new(shape: &Arc<Config>, mut frames: Vec<Vec<f32>>, mut words: Vec<Vec<f32>>) -> Result<Self> {
        shape.batch(&[(&frames, &words)])?;
        frames.truncate(shape.places);
        words.truncate(shape.places);
        Ok(Self { shape: shape.clone(), frames, words })
    }

    /// Vectors of its frames, in time.
    pub fn frames(&self) -> &[Vec<f32>] {
        &self.frames
    }

    /// Vectors of its words, in order.
    pub fn words(&self) -> &[Vec<f32>] {
        &self.words
    }

    fn batch(&self, frames: &[Vec<f32>], words: &[Vec<f32>]) -> Batch {
        // Lengths were checked, and there is a row.
        self.shape.batch(&[(frames, words)]).unwrap_or_default()
    }
}

/// How much films are changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drops {
    /// Chance of a frame, and of a word, to be left out.
    pub frame: f64,
    pub word: f64,
    /// Chance of a film with both to come without words, and without frames.
    pub silent: f64,
    pub blind: f64,
}

impl Default for Drops {
    fn default() -> Self {
        Self { frame: 0.2, word: 0.3, silent: 0.5, blind: 0.15 }
    }
}

impl Medium for Clip {
    type Changes = Drops;

    fn changed(&self, _: &EncoderConfig, drops: &Drops, rng: &mut Rng) -> Batch {
        let mut some = |rows: &[Vec<f32>], chance: f64| {
            let mut kept: Vec<Vec<f32>> = rows.iter().filter(|_| rng.unit() >= chance).cloned().collect();
            // One at least stays of what is there.
            let spare = (!rows.is_empty()).then(|| rng.below(rows.len()));
            if let (true, Some(at)) = (kept.is_empty(), spare) {
                kept.push(rows[at].clone());
            }
            kept
        };
        let (mut frames, mut words) = (some(&self.frames, drops.frame), some(&self.words, drops.word));
        let drawn = rng.unit();
        match !frames.is_empty() && !words.is_empty() {
            true if drawn < drops.silent => words.clear(),
            true if drawn < drops.silent + drops.blind => frames.clear(),
            _ => {}
        }
        self.batch(&frames, &words)
    }

    /// By its frames alone where it has some: a film that is asked with has no words.
    fn plain(&self, _: &EncoderConfig) -> Vec<Batch> {
        vec![if self.frames.is_empty() { self.batch(&[], &self.words) } else { self.batch(&self.frames, &[]) }]
    }

    fn hash(&self, hash: &mut Sha256) {
        for rows in [&self.frames, &self.words] {
            hash.update((rows.len() as u64).to_le_bytes());
            rows.iter().flatten().for_each(|v| hash.update(v.to_le_bytes()));
        }
    }
}

/// A start from random numbers, for vectors of the space of the model `space`.
///
/// # Errors
/// [`Error::Input`] for a shape without rows, heads or places, or a width that the heads do not divide.
pub fn random(shape: &Config, space: &ModelId, seed: u64) -> Result<Start> {
    let &Config { frame, word, width, dim, heads, layers, wide, places } = shape;
    if [frame + word, width, dim, heads, layers, wide, places].contains(&0) || width % heads != 0 {
        return Err(Error::input(format!("{shape:?} makes no Transformer. Give sizes above 0, and a width that the heads divide.")));
    }
    let mut rng = Rng::new(seed);
    let mut parts = Vec::new();
    let mut push = |name: String, shape: &[usize], deviation: f64, mean: f32| {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| mean + (rng.normal() * deviation) as f32).collect();
        parts.push(Part::f32(name, shape, &values));
    };
    let linear = |push: &mut dyn FnMut(String, &[usize], f64, f32), name: &str, out: usize, from: usize, gain: f64| {
        push(format!("{name}.weight"), &[out, from], gain / (from as f64).sqrt(), 0.0);
        push(format!("{name}.bias"), &[out], 0.0, 0.0);
    };
    // A row is a unit vector in a part of its columns: its numbers are small, and their sum of squares is one.
    linear(&mut push, "rows", width, frame + word, ((frame + word) as f64).sqrt());
    push("places".into(), &[2 * places, width], 0.3, 0.0);
    push("kinds".into(), &[2, width], 0.3, 0.0);
    let norm = |push: &mut dyn FnMut(String, &[usize], f64, f32), name: &str| {
        push(format!("{name}.weight"), &[width], 0.0, 1.0);
        push(format!("{name}.bias"), &[width], 0.0, 0.0);
    };
    for layer in 0..layers {
        let at = |part: &str| format!("layers.{layer}.{part}");
        ["norm1", "norm2"].iter().for_each(|name| norm(&mut push, &at(name)));
        ["queries", "keys", "values"].iter().for_each(|name| linear(&mut push, &at(name), width, width, 1.0));
        linear(&mut push, &at("attended"), width, width, 0.5);
        linear(&mut push, &at("wide"), wide, width, 1.0);
        linear(&mut push, &at("narrow"), width, wide, 0.5);
    }
    norm(&mut push, "norm");
    linear(&mut push, "answer", dim, width, 1.0);
    let file = TensorFile::parse(write(&parts, &BTreeMap::new())?, "the Transformer's start")?;
    let config = json!({"frame": frame, "word": word, "width": width, "dim": dim, "heads": heads, "layers": layers, "wide": wide, "places": places});
    let encoder = EncoderConfig { image: None, audio: None, pooling: Pooling::Mean, max_tokens: 0, fill: None, dim };
    Start::of(video_text::NAME, video_text::graph(shape, &file)?, config, encoder, &file, space)
}
