//! Learns the sequence encoder: softmax over the catalog after every event, Adam, early stop on validation.
//!
//! The item table is the sum of a free row per item and of learned rows of the item's content terms (tf-idf), so that
//! rare items borrow from their content; devices get the sum alone. Not here: the passes through the blocks
//! (`transformer`), the loss (`softmax`), the encoder on the device (`rank::learned::sequence`).

use rayon::prelude::*;

use super::features::Features;
use super::linear::matmul_right_transposed;
use super::kept::Kept;
use super::matrix::Csr;
use super::sequence_state::State;
use super::softmax::{sampled_loss, softmax_loss};
use super::transformer::{Packed, backward, forward};
use crate::Result;
use crate::evaluate::dataset::Sequence;
use crate::evaluate::judge::judge;
use crate::evaluate::metrics::ndcg;
use crate::evaluate::report::mask;
use crate::evaluate::split::Case;
use crate::math::rng::Rng;
use crate::rank::learned::sequence::{BlockLayout, SequenceEncoder, Shape};

/// Settings of [`train_sequence`].
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceSettings {
    pub dim: usize,
    pub heads: usize,
    pub blocks: usize,
    pub window: usize,
    pub dropout: f32,
    pub learning_rate: f32,
    /// Negatives a batch shares; catalogs up to twice this take the full softmax.
    pub negatives: usize,
    /// Events in a batch, about.
    pub batch_events: usize,
    pub epochs: usize,
    /// Epochs without a better validation before stopping.
    pub patience: usize,
    /// Seconds after which no further epoch starts.
    pub budget_seconds: f64,
    pub seed: u64,
}

impl Default for SequenceSettings {
    fn default() -> Self {
        Self {
            dim: 64,
            heads: 2,
            blocks: 2,
            window: 50,
            dropout: 0.4,
            learning_rate: 1e-3,
            negatives: 2048,
            batch_events: 1536,
            epochs: 100,
            patience: 6,
            budget_seconds: 3600.0,
            seed: 1,
        }
    }
}

/// All parameters in one vector: free item rows, content term rows, blocks and final norm.
struct Model<'a> {
    shape: Shape,
    content: Option<&'a Csr>,
    content_transposed: Option<Csr>,
    parameters: Vec<f32>,
    terms_at: usize,
    blocks_at: usize,
}

impl<'a> Model<'a> {
    fn new(shape: Shape, content: Option<&'a Csr>, seed: u64) -> Self {
        let layout = BlockLayout::new(&shape);
        let d = shape.dim;
        let terms = content.map_or(0, |c| c.columns);
        let terms_at = shape.items * d;
        let blocks_at = terms_at + terms * d;
        let mut rng = Rng::new(seed);
        let mut parameters: Vec<f32> = (0..blocks_at).map(|_| (rng.normal() * 0.05) as f32).collect();
        let mut blocks = vec![0f32; shape.blocks * layout.len + 2 * d];
        for block in blocks[..shape.blocks * layout.len].chunks_exact_mut(layout.len) {
            block[layout.norm1..layout.norm1 + d].fill(1.0);
            block[layout.norm2..layout.norm2 + d].fill(1.0);
            let mut fill = |at: usize, input: usize, output: usize| {
                let deviation = (1.0 / input as f64).sqrt() * 0.7;
                block[at..at + input * output].iter_mut().for_each(|w| *w = (rng.normal() * deviation) as f32);
            };
            layout.qkv.into_iter().for_each(|at| fill(at, d, d));
            fill(layout.output, d, d);
            fill(layout.inner, d, shape.hidden);
            fill(layout.outer, shape.hidden, d);
        }
        let tail = shape.blocks * layout.len;
        blocks[tail..tail + d].fill(1.0);
        parameters.extend(blocks);
        Self { shape, content, content_transposed: content.map(Csr::transpose), parameters, terms_at, blocks_at }
    }

    /// The item table `[items, dim]`.
    fn table(&self) -> Vec<f32> {
        let d = self.shape.dim;
        let mut table = self.parameters[..self.terms_at].to_vec();
        if let Some(content) = self.content {
            let terms = &self.parameters[self.terms_at..self.blocks_at];
            spread(content, terms, d, &mut table);
        }
        table
    }
}

/// `out[row] += sum of value * from[column]` over the matrix' rows.
fn spread(matrix: &Csr, from: &[f32], d: usize, out: &mut [f32]) {
    out.par_chunks_mut(d).enumerate().for_each(|(row, out)| {
        for (column, value) in matrix.entries(row) {
            let from = &from[column as usize * d..(column as usize + 1) * d];
            out.iter_mut().zip(from).for_each(|(o, f)| *o += value * f);
        }
    });
}

/// Loss of one batch and the gradient of all parameters.
fn step(
    model: &Model<'_>,
    batch: &Packed,
    targets: &[u32],
    negatives: Option<&[u32]>,
    drop: f32,
    rng: Option<&mut Rng>,
) -> (f32, Vec<f32>) {
    let d = model.shape.dim;
    let table = model.table();
    let blocks = &model.parameters[model.blocks_at..];
    let (states, cache) = forward(&model.shape, blocks, &table, batch, drop, rng);
    let mut gradient = vec![0f32; model.parameters.len()];
    let (items, rest) = gradient.split_at_mut(model.terms_at);
    let (terms, block_gradient) = rest.split_at_mut(model.blocks_at - model.terms_at);
    let (loss, dstates) = match negatives {
        None => softmax_loss(&states, &table, targets, d, items),
        Some(negatives) => sampled_loss(&states, &table, targets, negatives, d, items),
    };
    backward(&model.shape, blocks, batch, &cache, &dstates, block_gradient, items);
    if let Some(transposed) = &model.content_transposed {
        spread(transposed, items, d, terms);
    }
    (loss, gradient)
}

/// Adam (Kingma & Ba 2015) with decoupled decay of the item and term rows.
#[derive(Clone)]
pub struct Adam {
    /// Moments, one of each a parameter.
    pub first: Vec<f32>,
    pub second: Vec<f32>,
    pub steps: i32,
}

impl Adam {
    /// Before the first step of so many parameters.
    pub fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], steps: 0 }
    }

    /// One step.
    pub fn apply(&mut self, parameters: &mut [f32], gradient: &[f32], rate: f32) {
        const B1: f32 = 0.9;
        const B2: f32 = 0.98;
        self.steps += 1;
        let (c1, c2) = (1.0 - B1.powi(self.steps), 1.0 - B2.powi(self.steps));
        parameters
            .par_chunks_mut(1 << 14)
            .zip(gradient.par_chunks(1 << 14))
            .zip(self.first.par_chunks_mut(1 << 14))
            .zip(self.second.par_chunks_mut(1 << 14))
            .for_each(|(((p, g), m), v)| {
                for i in 0..p.len() {
                    m[i] = B1 * m[i] + (1.0 - B1) * g[i];
                    v[i] = B2 * v[i] + (1.0 - B2) * g[i] * g[i];
                    p[i] -= rate * (m[i] / c1) / ((v[i] / c2).sqrt() + 1e-8);
                }
            });
    }
}

/// Windows of the sequences: long ones are cut so that every event is a target once.
fn windows(sequences: &[Sequence], window: usize) -> Vec<(&[u32], &[u32])> {
    let mut out = Vec::new();
    for sequence in sequences {
        let items = &sequence.items;
        let mut end = items.len();
        while end > 1 {
            let start = end.saturating_sub(window + 1);
            out.push((&items[start..end - 1], &items[start + 1..end]));
            // Windows overlap by half, so that no target is without a past.
            end = if start == 0 { 0 } else { end - (window + 1) / 2 };
        }
    }
    out
}

/// What a training run reports after each epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    pub number: usize,
    pub loss: f32,
    pub validation_ndcg: f64,
}

/// Trains on `sequences`, stopping by NDCG@10 on `valid`; with no validation cases it runs `epochs` epochs. `clock` gives
/// seconds. Where a stopped run left an epoch in `kept`, it goes on from there. Returns the encoder and the epoch it is from.
///
/// # Errors
/// As [`Kept::write`].
pub fn train_sequence(
    sequences: &[Sequence],
    items: usize,
    features: Option<&Features>,
    valid: &[Case],
    candidates: Option<&[bool]>,
    settings: &SequenceSettings,
    clock: &dyn Fn() -> f64,
    kept: &Kept<'_>,
    progress: &mut dyn FnMut(Epoch),
) -> Result<(SequenceEncoder, usize)> {
    let SequenceSettings { dim, heads, blocks, window, .. } = *settings;
    let shape = Shape { items, dim, heads, blocks, window, hidden: 2 * dim };
    let content = features.map(|f| &f.sparse).filter(|c| c.rows() == items && !c.indices.is_empty());
    let mut model = Model::new(shape, content, settings.seed);
    let pairs = windows(sequences, window);
    let begin = || State {
        epoch: 0,
        parameters: model.parameters.clone(),
        adam: Adam::new(model.parameters.len()),
        order: (0..pairs.len() as u32).collect(),
        random: Rng::new(settings.seed ^ 0xad4a).state(),
        best_epoch: 0,
        best: f64::MIN,
        kept: model.parameters.clone(),
        seconds: 0.0,
    };
    let mut state = State::read(kept, model.parameters.len(), pairs.len()).unwrap_or_else(begin);
    let mut rng = Rng::at(state.random);
    let sample: Vec<Case> = match valid.len() {
        0..=4000 => valid.to_vec(),
        n => (0..4000).map(|i| valid[i * n / 4000].clone()).collect(),
    };
    let start = clock() - state.seconds;
    let total_steps = pairs.iter().map(|(p, _)| p.len()).sum::<usize>() / settings.batch_events + 1;
    model.parameters.clone_from(&state.parameters);
    let goes_on = |state: &State| state.epoch < settings.epochs && state.epoch < state.best_epoch + settings.patience.max(1) && state.seconds <= settings.budget_seconds;
    while goes_on(&state) {
        rng.shuffle(&mut state.order);
        let (mut sum, mut count) = (0f64, 0usize);
        let mut at = 0;
        while at < pairs.len() {
            let mut batch = Packed { tokens: Vec::new(), offsets: vec![0] };
            let mut targets = Vec::new();
            while at < pairs.len() && batch.tokens.len() < settings.batch_events {
                let (past, next) = pairs[state.order[at] as usize];
                batch.tokens.extend_from_slice(past);
                targets.extend_from_slice(next);
                batch.offsets.push(batch.tokens.len());
                at += 1;
            }
            let negatives: Option<Vec<u32>> = (items > 2 * settings.negatives).then(|| {
                let mut drawn: Vec<u32> = (0..settings.negatives).map(|_| rng.below(items) as u32).collect();
                drawn.sort_unstable();
                drawn.dedup();
                drawn
            });
            let (loss, gradient) =
                step(&model, &batch, &targets, negatives.as_deref(), settings.dropout, Some(&mut rng));
            let warm = ((state.adam.steps + 1) as f32 / total_steps as f32).min(1.0);
            state.adam.apply(&mut model.parameters, &gradient, settings.learning_rate * warm);
            sum += f64::from(loss) * targets.len() as f64;
            count += targets.len();
        }
        let loss = (sum / count.max(1) as f64) as f32;
        state.epoch += 1;
        let reached = if sample.is_empty() { state.epoch as f64 } else { validate(&model, &sample, candidates) };
        progress(Epoch { number: state.epoch, loss, validation_ndcg: reached });
        if reached > state.best {
            (state.best, state.best_epoch) = (reached, state.epoch);
            state.kept.clone_from(&model.parameters);
        }
        state.seconds = clock() - start;
        if kept.is_due() {
            state.random = rng.state();
            state.parameters.clone_from(&model.parameters);
            state.write(kept)?;
        }
    }
    model.parameters = state.kept;
    Ok((ship(&model), state.best_epoch))
}

/// Mean NDCG@10 of the cases, each encoded once.
fn validate(model: &Model<'_>, cases: &[Case], candidates: Option<&[bool]>) -> f64 {
    let d = model.shape.dim;
    let table = model.table();
    let blocks = &model.parameters[model.blocks_at..];
    let mut sum = 0.0;
    for cases in cases.chunks(256) {
        let mut batch = Packed { tokens: Vec::new(), offsets: vec![0] };
        for case in cases {
            let items = &case.history.items;
            batch.tokens.extend_from_slice(&items[items.len().saturating_sub(model.shape.window)..]);
            batch.offsets.push(batch.tokens.len());
        }
        let (states, _) = forward(&model.shape, blocks, &table, &batch, 0.0, None);
        let last: Vec<f32> =
            batch.offsets[1..].iter().flat_map(|&end| states[(end - 1) * d..end * d].to_vec()).collect();
        let n = model.shape.items;
        let mut scores = vec![0f32; cases.len() * n];
        matmul_right_transposed(&mut scores, &last, &table, (cases.len(), d, n), false);
        let each = scores.par_chunks_mut(n).zip(cases).map(|(scores, case)| {
            mask(scores, case, candidates);
            ndcg(&judge(scores, &case.targets, 0).ranks, 10)
        });
        // Collected first, so that the sum does not depend on how threads share the work.
        sum += each.collect::<Vec<f64>>().iter().sum::<f64>();
    }
    sum / cases.len() as f64
}

/// Quantizes the item table to int8 rows.
fn ship(model: &Model<'_>) -> SequenceEncoder {
    let table = model.table();
    let mut values = Vec::with_capacity(table.len());
    let mut scales = Vec::with_capacity(model.shape.items);
    for row in table.chunks_exact(model.shape.dim) {
        let largest = row.iter().fold(0f32, |m, v| m.max(v.abs()));
        let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        values.extend(row.iter().map(|v| (v / scale).round() as i8));
        scales.push(scale);
    }
    SequenceEncoder { shape: model.shape, table: values, scales, blocks: model.parameters[model.blocks_at..].to_vec() }
}

/// Compares analytic gradients with central differences on a tiny model: the length of the difference relative to the
/// length of the gradient. For tests.
pub fn gradient_error(seed: u64, negatives: Option<&[u32]>) -> f64 {
    let shape = Shape { items: 11, dim: 8, heads: 2, blocks: 2, window: 6, hidden: 16 };
    let mut content = Csr::new(3);
    (0..shape.items).for_each(|i| content.push_row([((i % 3) as u32, 0.7)]));
    let mut model = Model::new(shape, Some(&content), seed);
    let mut rng = Rng::new(seed);
    model.parameters.iter_mut().for_each(|p| *p += (rng.normal() * 0.1) as f32);
    let batch = Packed { tokens: vec![0, 3, 5, 7, 1, 2, 9], offsets: vec![0, 4, 7] };
    let targets = [3, 5, 7, 10, 2, 9, 4];
    let (_, gradient) = step(&model, &batch, &targets, negatives, 0.0, None);
    let (mut squares, mut errors) = (0f64, 0f64);
    for at in (0..model.parameters.len()).step_by(3) {
        let saved = model.parameters[at];
        let mut loss_at = |value: f32| {
            model.parameters[at] = value;
            f64::from(step(&model, &batch, &targets, negatives, 0.0, None).0)
        };
        let difference = (loss_at(saved + 4e-3) - loss_at(saved - 4e-3)) / 8e-3;
        model.parameters[at] = saved;
        squares += f64::from(gradient[at]).powi(2);
        errors += (difference - f64::from(gradient[at])).powi(2);
    }
    (errors / squares).sqrt()
}
