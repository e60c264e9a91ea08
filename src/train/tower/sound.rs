//! Sounds to learn from: spectrograms as they might come, and the ear that a tower of sounds starts from.
//!
//! Changes are SpecAugment's (Park et al. 2019): stripes of time and of frequency are blotted out; and of a long sound another
//! patch is heard each time, louder or softer. Not here: decoding, and how pages prepare a sound (`preprocess`).

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::start::Start;
use super::Medium;
use super::augment::one;
use crate::compute::graph::Batch;
use crate::error::Result;
use crate::format::pack::{AudioInput, EncoderConfig, ModelId, Pooling};
use crate::format::tensors::{Part, TensorFile, write};
use crate::math::rng::Rng;
use crate::models::cnn_lstm;
use crate::models::tower::PROJECTION;

/// A sound's spectrogram: logarithms `[count, bins]`, a patch of frames at least.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    rows: Vec<f32>,
    bins: usize,
    frames: usize,
}

impl Heard {
    /// From its patches, each of which begins half a patch behind the one before, as a `Preparation` cuts them.
    pub fn new(patches: &[Vec<f32>], frames: usize) -> Self {
        let bins = patches.first().map_or(0, Vec::len) / frames.max(1);
        let last = patches.len().saturating_sub(1);
        let rows = patches.iter().enumerate().flat_map(|(at, patch)| &patch[..if at == last { patch.len() } else { Self::step(frames) * bins }]);
        Self { rows: rows.copied().collect(), bins, frames }
    }

    /// From patch to patch.
    fn step(frames: usize) -> usize {
        frames.div_ceil(2)
    }

    /// Its numbers as `(x - mean) / std`.
    pub fn normalize(&mut self, mean: f64, std: f64) {
        self.rows.iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) / std) as f32);
    }

    /// Mean and standard deviation of the numbers of several.
    pub fn spread<'a>(all: impl Iterator<Item = &'a Heard>) -> (f64, f64) {
        let (mut count, mut sum, mut square) = (0usize, 0.0, 0.0);
        for v in all.flat_map(|heard| &heard.rows) {
            count += 1;
            sum += f64::from(*v);
            square += f64::from(*v) * f64::from(*v);
        }
        let mean = sum / count.max(1) as f64;
        (mean, (square / count.max(1) as f64 - mean * mean).max(0.0).sqrt().max(1e-3))
    }

    fn patch(&self, first: usize) -> Vec<f32> {
        self.rows[first * self.bins..(first + self.frames) * self.bins].to_vec()
    }

    /// Where a patch can begin.
    fn places(&self) -> usize {
        (self.rows.len() / self.bins.max(1)).saturating_sub(self.frames) + 1
    }
}

/// How much spectrograms are changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Masks {
    /// Stripes of time, and the most frames of one as a share of the patch.
    pub times: usize,
    pub time: f64,
    /// Stripes of frequency, and the most bins of one as a share of all.
    pub bands: usize,
    pub band: f64,
    /// Most that is added to all logarithms, in standard deviations: louder and softer.
    pub gain: f64,
}

impl Default for Masks {
    fn default() -> Self {
        Self { times: 2, time: 0.2, bands: 2, band: 0.15, gain: 0.3 }
    }
}

impl Medium for Heard {
    type Changes = Masks;

    fn changed(&self, _: &EncoderConfig, masks: &Masks, rng: &mut Rng) -> Batch {
        let mut patch = self.patch(rng.below(self.places()));
        let gain = ((2.0 * rng.unit() - 1.0) * masks.gain) as f32;
        patch.iter_mut().for_each(|v| *v += gain);
        // A stripe of up to so many of `all`: zeros, which is what a catalog's sounds are in the mean.
        let stripe = |rng: &mut Rng, all: usize, share: f64| {
            let wide = rng.below((all as f64 * share) as usize + 1);
            let first = rng.below(all - wide + 1);
            first..first + wide
        };
        for _ in 0..masks.times {
            let frames = stripe(rng, self.frames, masks.time);
            patch[frames.start * self.bins..frames.end * self.bins].fill(0.0);
        }
        for _ in 0..masks.bands {
            let bins = stripe(rng, self.bins, masks.band);
            patch.chunks_exact_mut(self.bins).for_each(|row| row[bins.clone()].fill(0.0));
        }
        one(patch)
    }

    fn plain(&self, _: &EncoderConfig) -> Vec<Batch> {
        (0..self.places()).step_by(Self::step(self.frames)).map(|first| one(self.patch(first))).collect()
    }

    fn hash(&self, hash: &mut Sha256) {
        self.rows.iter().for_each(|v| hash.update(v.to_le_bytes()));
    }
}

/// How an ear listens to the first `seconds` of a sound: 64 bands of 16 kHz, patches of about two seconds, in the manner of
/// YAMNet's features.
pub fn input(seconds: f64) -> AudioInput {
    AudioInput {
        features: "yamnet".into(),
        rate: 16_000,
        window: 640,
        fft: 1024,
        hop: 320,
        bins: 64,
        low: 60.0,
        high: 7_600.0,
        frames: 96,
        mean: 0.0,
        std: 1.0,
        seconds,
        square: None,
    }
}

/// Widths of an ear.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Channels of the convolutions, each of which halves time and frequency.
    pub channels: Vec<usize>,
    /// Numbers of the LSTM's state.
    pub hidden: usize,
    /// "mean" or "last": how the LSTM's states become one. Of 100 held-out made-up sounds (`tests/catalogs/sounds.rs`, four seeds)
    /// the mean's find 93 among the first ten of 100 texts, the last's 53.
    pub pooling: String,
}

impl Default for Shape {
    /// About 0.3 million numbers with a projection to 384.
    fn default() -> Self {
        Self { channels: vec![16, 32, 64], hidden: 96, pooling: "mean".into() }
    }
}

/// A start from random numbers, for vectors of `dim` numbers of the model `space`: convolutions by He et al. (2015), a forget gate
/// that begins open (Jozefowicz et al. 2015).
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for a shape that makes no graph.
pub fn random(shape: &Shape, input: AudioInput, dim: usize, space: &ModelId, seed: u64) -> Result<Start> {
    let mut rng = Rng::new(seed);
    let mut parts = Vec::new();
    let mut push = |name: &str, shape: [usize; 2], gain: f64| {
        let deviation = gain / (shape[1] as f64).sqrt();
        let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| (rng.normal() * deviation) as f32).collect();
        parts.push(Part::f32(format!("{name}.weight"), &shape, &values));
    };
    let (mut bins, mut channels, mut biases) = (input.bins, 1, Vec::new());
    for (at, &wide) in shape.channels.iter().enumerate() {
        push(&format!("conv.{at}"), [wide, 9 * channels], 2f64.sqrt());
        biases.push((format!("conv.{at}.bias"), vec![0.0; wide]));
        (bins, channels) = (bins.div_ceil(2), wide);
    }
    let h = shape.hidden;
    push("lstm.input", [4 * h, bins * channels], 1.0);
    push("lstm.state", [4 * h, h], 1.0);
    push(PROJECTION, [dim, h], 1.0);
    let open = (0..4 * h).map(|at| if at / h == 1 { 1.0 } else { 0.0 }).collect();
    biases.extend([("lstm.input.bias".into(), open), (format!("{PROJECTION}.bias"), vec![0.0; dim])]);
    parts.extend(biases.iter().map(|(name, values)| Part::f32(name.clone(), &[values.len()], values)));
    let file = TensorFile::parse(write(&parts, &BTreeMap::new())?, "the ear's start")?;
    let config = json!({"strides": vec![2; shape.channels.len()], "pooling": shape.pooling});
    let encoder = EncoderConfig { image: None, audio: Some(input), pooling: Pooling::Mean, max_tokens: 0, fill: None, dim };
    Start::new(cnn_lstm::NAME, config, encoder, &file, space)
}
