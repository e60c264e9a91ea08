//! Learns a catalog's own tower: pictures, sounds or films, to the space of the catalog's text vectors, from items alone.
//!
//! Contrast with all texts ([`loss`]), changed pictures ([`augment`]), sounds ([`sound`]) or films ([`clip`]), steps by AdamW and Muon ([`descent`]), a cosine schedule,
//! the best epoch by a validation share. The same seed gives the same bytes on any number of threads. Not here: decoding
//! files and encoding texts (whoever calls), packs (`publish::tower`).

pub mod attentive;
pub mod augment;
pub mod clip;
pub mod descent;
pub mod loss;
pub mod passes;
pub mod recurrent;
pub mod sound;
pub mod start;
pub mod state;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use self::augment::Changes;
use self::descent::{Pace, descend};
use self::loss::Weighting;
use self::passes::{Weights, backward, forward, zeros};
use self::start::Start;
use self::state::State;
use crate::error::{Error, Result};
use crate::compute::graph::Batch;
use crate::format::pack::{EncoderConfig, hex};
use crate::math::rng::Rng;

/// Pictures, or patches of sounds, that go through the net together; their activations should stay near the processor.
const GROUP: usize = 4;

/// What a tower looks at or listens to.
pub trait Medium: Sync {
    /// How much it is changed while a tower learns.
    type Changes: Default + std::fmt::Debug + Sync;

    /// The graph's input, of one item, for one of the ways in which it might come.
    fn changed(&self, encoder: &EncoderConfig, changes: &Self::Changes, rng: &mut Rng) -> Batch;

    /// The inputs for it as it is, one at least: the mean of their vectors is its own.
    fn plain(&self, encoder: &EncoderConfig) -> Vec<Batch>;

    /// Takes everything that it is into a hash.
    fn hash(&self, hash: &mut Sha256);
}

/// How a tower is learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings<C = Changes> {
    pub epochs: usize,
    /// Epochs without a better validation before it stops.
    pub patience: usize,
    pub batch: usize,
    pub learning_rate: f32,
    /// Rate of the body's matrices, which then learn by Muon ([`descent`]) and not by AdamW; 0: they don't.
    pub matrix_rate: f32,
    pub weight_decay: f32,
    /// Share of the items that measure and are never learned from.
    pub held_out: f64,
    /// Share of the rest that decides which epoch is best.
    pub validation: f64,
    pub seed: u64,
    pub weighting: Weighting,
    pub changes: C,
}

impl<C: Default> Default for Settings<C> {
    fn default() -> Self {
        Self {
            epochs: 30,
            patience: 8,
            batch: 64,
            learning_rate: 5e-4,
            matrix_rate: 0.0,
            weight_decay: 0.02,
            held_out: 0.0,
            validation: 0.05,
            seed: 1,
            weighting: Weighting { temperature: 0.06, shared: 0.3, cosine: 1.0, backward: 0.5 },
            changes: C::default(),
        }
    }
}

/// An item to learn from: its picture or sound, and the unit vector of its text.
#[derive(Debug, Clone)]
pub struct Example<M> {
    pub key: String,
    pub input: M,
    pub text: Vec<f32>,
}

/// Which items do what, as places in the examples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Split {
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub held_out: Vec<usize>,
}

impl Split {
    /// By the seed and the keys, whatever order the items come in.
    pub fn new(keys: &[&str], held_out: f64, validation: f64, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&at| keys[at]);
        Rng::new(seed ^ 0x5eed_0f5b_1175_0000).shuffle(&mut order);
        let held = (keys.len() as f64 * held_out).round() as usize;
        let rest = order.split_off(held.min(keys.len()));
        let (validation, train) = rest.split_at((rest.len() as f64 * validation).round() as usize);
        let sorted = |mut part: Vec<usize>| {
            part.sort_by_key(|&at| keys[at]);
            part
        };
        Self { train: sorted(train.to_vec()), validation: sorted(validation.to_vec()), held_out: sorted(order) }
    }
}

/// What an epoch brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// From 1.
    pub number: usize,
    pub loss: f64,
    /// Share of the validation's inputs whose text is among the ten nearest of all that are not held out.
    pub recall: f64,
    pub is_best: bool,
}

/// What a run tells while it learns.
pub trait Told {
    /// So many of so many inputs of an epoch are seen.
    fn seen(&mut self, inputs: usize, of: usize);

    /// An epoch is done; `state` goes on from here.
    ///
    /// # Errors
    /// What keeps the state from being kept, which ends the run.
    fn epoch(&mut self, epoch: Epoch, state: &State) -> Result<()>;
}

/// The hash of everything that decides a run.
pub fn run_hash<M: Medium>(examples: &[Example<M>], start: &Start, settings: &Settings<M::Changes>) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{settings:?} {} {} {:?}", start.frozen, start.config, start.graph.weights));
    let floats = |hash: &mut Sha256, values: &[f32]| values.iter().for_each(|v| hash.update(v.to_le_bytes()));
    start.weights.iter().for_each(|w| floats(&mut hash, w));
    for example in examples {
        hash.update(&example.key);
        example.input.hash(&mut hash);
        floats(&mut hash, &example.text);
    }
    hex(&hash.finalize())
}

/// Learns, from the beginning or from `state`; gives the best epoch's weights, its number (0: none was better than the start) and
/// how many were made.
///
/// # Errors
/// [`Error::Input`] for too few examples or ones that do not fit the tower, and what `told` returns.
pub fn train<M: Medium>(examples: &[Example<M>], start: &Start, settings: &Settings<M::Changes>, state: Option<State>, told: &mut dyn Told) -> Result<State> {
    let dim = start.encoder.dim;
    let keys: Vec<&str> = examples.iter().map(|e| e.key.as_str()).collect();
    let split = Split::new(&keys, settings.held_out, settings.validation, settings.seed);
    if split.train.len() < 8 || split.validation.is_empty() {
        return Err(Error::input(format!("{} items have a text and a file that goes with it. A model is learned from some hundreds, 16 at least.", examples.len())));
    }
    if let Some(bad) = examples.iter().find(|e| e.text.len() != dim) {
        return Err(Error::Internal(format!("the text of {:?} has {} numbers, the tower {dim}", bad.key, bad.text.len())));
    }
    let mut state = match state {
        Some(state) => state,
        None => State::new(run_hash(examples, start, settings), &start.graph, start.weights.clone()),
    };
    let texts: Vec<f32> = split.train.iter().flat_map(|&at| &examples[at].text).copied().collect();
    let steps = split.train.len().div_ceil(settings.batch.max(1));
    while state.epoch < settings.epochs && state.epoch - state.best_epoch < settings.patience.max(1) {
        let mut order: Vec<usize> = (0..split.train.len()).collect();
        Rng::new(settings.seed.wrapping_mul(0x9e37_79b9).wrapping_add(state.epoch as u64)).shuffle(&mut order);
        let mut total = 0.0;
        for (turn, own) in order.chunks(settings.batch.max(1)).enumerate() {
            let rate = schedule(settings, state.epoch * steps + turn, steps);
            let inputs: Vec<(&M, u64)> = own.iter().map(|&at| (&examples[split.train[at]].input, at as u64)).collect();
            total += step(start, settings, &mut state, &inputs, &texts, own, rate) * own.len() as f64;
            told.seen(turn * settings.batch + own.len(), order.len());
        }
        state.epoch += 1;
        let loss = total / order.len() as f64;
        if !loss.is_finite() {
            return Err(Error::input(format!("the numbers grew out of bounds in epoch {}. Lower --rate.", state.epoch)));
        }
        let (score, recall) = validate(start, &state.weights, examples, &split, dim);
        let is_best = score > state.best_score;
        if is_best {
            (state.best_score, state.best_epoch) = (score, state.epoch);
            state.best.clone_from(&state.weights);
        }
        told.epoch(Epoch { number: state.epoch, loss, recall, is_best }, &state)?;
    }
    Ok(state)
}

/// The rate of a step: up within an epoch, then down along a cosine to a fiftieth.
fn schedule<C>(settings: &Settings<C>, step: usize, steps: usize) -> f32 {
    let warm = ((step + 1) as f32 / steps as f32).min(1.0);
    let along = step as f32 / (settings.epochs * steps).max(1) as f32;
    settings.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1.0 + (std::f32::consts::PI * along).cos()))
}

/// One batch; gives its loss.
fn step<M: Medium>(start: &Start, settings: &Settings<M::Changes>, state: &mut State, inputs: &[(&M, u64)], texts: &[f32], own: &[usize], rate: f32) -> f64 {
    let (graph, weights) = (&start.graph, &state.weights);
    let seed = settings.seed ^ (state.epoch as u64 + 1) << 32;
    let seen = |(input, at): &(&M, u64)| input.changed(&start.encoder, &settings.changes, &mut Rng::new(seed ^ at.wrapping_mul(0x2545_f491_4f6c_dd1d)));
    let outs: Vec<(Batch, Vec<Vec<f32>>)> = inputs
        .par_chunks(GROUP)
        .map(|group| {
            let batch = Batch::join(&group.iter().map(seen).collect::<Vec<_>>());
            let outs = forward(graph, weights, &batch);
            (batch, outs)
        })
        .collect();
    let vectors: Vec<f32> = outs.iter().filter_map(|(_, outs)| outs.last()).flatten().copied().collect();
    let dim = start.encoder.dim;
    let first = start.first();
    let (loss, gradient) = loss::loss(&vectors, texts, own, dim, &settings.weighting);
    let grads: Vec<Weights> = outs
        .par_iter()
        .zip(gradient.par_chunks(GROUP * dim))
        .map(|((batch, outs), last)| {
            let mut gradient = zeros(graph);
            backward(graph, weights, batch, outs, last.to_vec(), first, &mut gradient);
            gradient
        })
        .collect();
    let matrix_rate = settings.matrix_rate * rate / settings.learning_rate;
    descend(start, state, &grads, Pace { rate, matrix_rate, weight_decay: settings.weight_decay });
    loss
}

/// Unit vectors `[dim]` of pictures (on white) or sounds as they are.
pub fn encode<M: Medium>(start: &Start, weights: &Weights, inputs: &[&M]) -> Vec<Vec<f32>> {
    let dim = start.encoder.dim;
    let forward = |group: &[Batch]| forward(&start.graph, weights, &Batch::join(group)).pop().unwrap_or_default();
    let run = |inputs: &[&M]| -> Vec<Vec<f32>> {
        let views: Vec<Vec<Batch>> = inputs.iter().map(|input| input.plain(&start.encoder)).collect();
        let counts: Vec<usize> = views.iter().map(Vec::len).collect();
        let vectors: Vec<f32> = views.concat().chunks(GROUP).flat_map(forward).collect();
        let mut rest = vectors.chunks_exact(dim);
        counts.into_iter().map(|count| mean(rest.by_ref().take(count), dim, count)).collect()
    };
    inputs.par_chunks(GROUP).flat_map_iter(run).collect()
}

/// The unit vector between `count` unit vectors.
fn mean<'a>(vectors: impl Iterator<Item = &'a [f32]>, dim: usize, count: usize) -> Vec<f32> {
    let mut sum = vec![0.0f32; dim];
    vectors.for_each(|vector| sum.iter_mut().zip(vector).for_each(|(s, v)| *s += v));
    if count > 1 {
        let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        sum.iter_mut().for_each(|v| *v /= length);
    }
    sum
}

/// How many of `texts` are nearer to `seen` than `own`, from 1.
pub fn rank(seen: &[f32], own: &[f32], texts: &[&[f32]]) -> usize {
    let dot = |text: &[f32]| seen.iter().zip(text).map(|(a, b)| a * b).sum::<f32>();
    let mine = dot(own);
    1 + texts.iter().filter(|text| dot(text) > mine).count()
}

/// Less the mean logarithm of the rank, and recall at ten, of the validation's inputs among all texts that are not held out.
fn validate<M: Medium>(start: &Start, weights: &Weights, examples: &[Example<M>], split: &Split, dim: usize) -> (f64, f64) {
    let inputs: Vec<&M> = split.validation.iter().map(|&at| &examples[at].input).collect();
    let texts: Vec<&[f32]> = split.train.iter().chain(&split.validation).map(|&at| examples[at].text.as_slice()).collect();
    debug_assert!(texts.iter().all(|t| t.len() == dim));
    let vectors = encode(start, weights, &inputs);
    let ranks: Vec<usize> = vectors.iter().zip(&split.validation).map(|(v, &at)| rank(v, &examples[at].text, &texts)).collect();
    let count = ranks.len().max(1) as f64;
    let score = -ranks.iter().map(|&r| (r as f64).ln()).sum::<f64>() / count;
    (score, ranks.iter().filter(|&&r| r <= 10).count() as f64 / count)
}
