//! Learns the joint space: from items alone, and where interactions exist from what is liked together.
//!
//! Two losses, both InfoNCE (van den Oord et al. 2018) over a batch, with modalities and inputs left out by chance:
//! an item seen through one modality finds itself seen through another (Radford et al. 2021), and a visitor's items find
//! those that were held back of the same visitor among all items of the batch (the multinomial likelihood of Liang et al.
//! 2018, with the mean of item vectors for the visitor, as devices compute it). With interactions a closed form
//! (`fusion_start`) is tried beside the steps, and what validates better is kept. Not here: the passes (`fusion_space`),
//! reports (`fusion_report`), packs and checkpoints on disk (`publish::fusion`).

use rayon::prelude::*;

use super::fusion_space::Space;
use super::fusion_report::between;
use super::fusion_start::{Likes, Start};
use super::linear::{matmul, matmul_left_transposed, matmul_right_transposed};
use super::sequence::Adam;
use crate::Result;
use crate::evaluate::dataset::Sequence;
use crate::evaluate::metrics::recall;
use crate::evaluate::report::judge_cases;
use crate::evaluate::split::Case;
use crate::math::rng::Rng;

/// Settings of [`train`].
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Numbers of a fused vector.
    pub dim: usize,
    /// Principal axes that are kept of each modality (the last for all that follow).
    pub ranks: Vec<usize>,
    pub learning_rate: f32,
    /// Share of a weight that a step takes away, times the learning rate.
    pub decay: f32,
    /// Chance of a modality's input to be left out (the last for all that follow).
    pub dropout: Vec<f32>,
    /// What the gates of the modalities behind the first start from: the logarithm of their weight against its.
    pub others: f32,
    /// Chance of an item with several modalities to lose one.
    pub modality_dropout: f32,
    /// Weight of the contrast between modalities beside what is liked together.
    pub contrast: f32,
    /// What cosines are multiplied by.
    pub temperature: f32,
    pub batch_people: usize,
    /// Most items that a batch's people are held against, and items of a contrast.
    pub batch_items: usize,
    pub contrast_items: usize,
    pub epochs: usize,
    /// Steps of an epoch: after each the validation is asked.
    pub steps: usize,
    /// Epochs without a better validation before stopping.
    pub patience: usize,
    pub seed: u64,
    /// The closed form to take in place of all else; `None`: steps, or the closed form that validates best where that is better.
    pub start: Option<Start>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dim: 128,
            ranks: vec![256, 64],
            learning_rate: 2e-3,
            decay: 0.05,
            dropout: vec![0.3, 0.6],
            others: -1.0,
            modality_dropout: 0.4,
            contrast: 0.1,
            temperature: 12.0,
            batch_people: 512,
            batch_items: 6144,
            contrast_items: 512,
            epochs: 60,
            steps: 5,
            patience: 6,
            seed: 1,
            start: None,
        }
    }
}

/// What is learned from, and what decides when to stop.
pub struct Data<'a> {
    /// What may be learned from, `[items]`.
    pub allowed: &'a [bool],
    /// People's items; empty: from items alone.
    pub sequences: &'a [Sequence],
    pub valid: &'a [Case],
    pub candidates: Option<&'a [bool]>,
    /// Without interactions: items whose modalities are to find each other.
    pub held: &'a [u32],
}

/// Where a run stands after an epoch: enough to go on as if it had not stopped.
#[derive(Clone)]
pub struct State {
    pub epoch: usize,
    pub parameters: Vec<f32>,
    pub adam: Adam,
    pub best: f64,
    pub best_epoch: usize,
    pub kept: Vec<f32>,
}

/// What is told after each epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    pub number: usize,
    pub loss: f64,
    /// Recall@20 of the validation, or @10 between modalities without interactions.
    pub validation: f64,
}

/// What was learned.
#[derive(Clone)]
pub struct Learned {
    pub parameters: Vec<f32>,
    pub epoch: usize,
    pub validation: f64,
    /// What each modality's gate was moved by afterwards: the natural logarithm of its weight.
    pub moved: Vec<f32>,
    /// The closed form that it is; `None` where steps found more.
    pub start: Option<Start>,
}

/// Trains until the validation has not become better for some epochs; `from` goes on where an earlier run stood, and `each` is
/// told of every epoch and may keep the state.
///
/// # Errors
/// What `each` returns; [`Error::Input`](crate::Error::Input) where vectors are no numbers.
pub fn train(space: &Space, data: &Data<'_>, settings: &Settings, from: Option<State>, each: &mut dyn FnMut(Epoch, &State) -> Result<()>) -> Result<Learned> {
    let closed = |chosen: Option<&Start>| -> Result<Learned> {
        let likes = Likes::new(space, data.allowed, data.sequences);
        let start = match chosen {
            Some(given) => given.clone(),
            None => likes.choose(space, &|parameters| quality(space, data, parameters))?,
        };
        let parameters = likes.start(space, &start)?;
        Ok(Learned { validation: quality(space, data, &parameters), parameters, epoch: 0, moved: vec![0.0; space.contents().len()], start: Some(start) })
    };
    if let Some(given) = &settings.start {
        return closed(Some(given));
    }
    let mut state = match from {
        Some(state) => state,
        None => {
            let parameters = space.start(settings.seed, settings.others);
            let best = quality(space, data, &parameters);
            State { epoch: 0, adam: Adam::new(parameters.len()), kept: parameters.clone(), parameters, best, best_epoch: 0 }
        }
    };
    let learnable: Vec<u32> = (0..space.items as u32).filter(|&i| data.allowed[i as usize]).collect();
    while state.epoch < settings.epochs && state.epoch < state.best_epoch + settings.patience {
        // Every epoch draws from a stream of its own: what goes on is what would have gone on.
        let mut rng = Rng::new(settings.seed.wrapping_mul(0x9e37_79b9).wrapping_add(state.epoch as u64 + 1));
        let mut loss = 0.0;
        for _ in 0..settings.steps {
            let mut gradient = vec![0f32; state.parameters.len()];
            if !data.sequences.is_empty() {
                loss += together(space, data, settings, &learnable, &state.parameters, &mut rng, &mut gradient);
            }
            let weight = if data.sequences.is_empty() { 1.0 } else { settings.contrast };
            if weight > 0.0 && space.contents().len() > 1 {
                loss += contrast(space, settings, weight, &learnable, &state.parameters, &mut rng, &mut gradient);
            }
            state.adam.apply(&mut state.parameters, &gradient, settings.learning_rate);
            let keep = 1.0 - settings.learning_rate * settings.decay;
            for range in space.decays() {
                state.parameters[range].iter_mut().for_each(|v| *v *= keep);
            }
        }
        state.epoch += 1;
        let validation = quality(space, data, &state.parameters);
        // With nothing to be asked (all is learned from) the last epoch stands.
        if validation > state.best || data.valid.is_empty() && data.held.is_empty() {
            (state.best, state.best_epoch) = (validation, state.epoch);
            state.kept.clone_from(&state.parameters);
        }
        each(Epoch { number: state.epoch, loss: loss / settings.steps.max(1) as f64, validation }, &state)?;
    }
    let mut learned = Learned { parameters: state.kept, epoch: state.best_epoch, validation: state.best, moved: vec![0.0; space.contents().len()], start: None };
    if data.valid.is_empty() || data.sequences.is_empty() {
        return Ok(learned);
    }
    move_gates(space, data, &mut learned);
    // Where people liked much of what there is, the closed form finds more than steps do; in a long tail they find more than it.
    let formed = closed(None)?;
    Ok(if formed.validation >= learned.validation { formed } else { learned })
}

/// Weights that a modality is tried with against what was learned; the least stands for "only where there is nothing else".
const WEIGHTS: [f32; 7] = [4.0, 2.0, 0.5, 0.25, 0.1, 0.03, 0.001];

/// Takes each modality's weight that validates best: learning sees the items that it learns from, these are others.
fn move_gates(space: &Space, data: &Data<'_>, learned: &mut Learned) {
    if space.contents().len() < 2 {
        return;
    }
    for modality in 1..space.contents().len() {
        let from = learned.parameters.clone();
        for weight in WEIGHTS {
            let moved = space.with_gate(&from, modality, weight.ln());
            let reached = quality(space, data, &moved);
            if reached > learned.validation {
                (learned.validation, learned.parameters, learned.moved[modality]) = (reached, moved, weight.ln());
            }
        }
    }
}

/// Recall@20 of the validation cases by the mean of the history's vectors, all modalities there; without cases, how often one
/// modality of a held-out item finds another of it among the first ten.
pub fn quality(space: &Space, data: &Data<'_>, parameters: &[f32]) -> f64 {
    if data.valid.is_empty() {
        return between(space, parameters, data.held).iter().map(|(.., found)| found).sum::<f64>();
    }
    let vectors = space.encode(parameters, &vec![true; space.contents().len()]);
    let found = recalls(&vectors, space.dim, data.valid, data.candidates, 20);
    crate::math::stats::mean(&found)
}

/// Recall@k of each case by content: a candidate's cosine with the mean of the history's vectors.
pub fn recalls(vectors: &[f32], dim: usize, cases: &[Case], candidates: Option<&[bool]>, k: usize) -> Vec<f64> {
    let items = vectors.len() / dim;
    let judged = judge_cases(cases, items, candidates, k, &|case, scores| content_scores(vectors, dim, candidates, case, scores));
    judged.iter().map(|j| recall(&j.ranks, k)).collect()
}

/// The scores of [`recalls`].
pub fn content_scores(vectors: &[f32], dim: usize, candidates: Option<&[bool]>, case: &Case, scores: &mut [f32]) {
    let mut profile = vec![0f32; dim];
    for &item in &case.history.items {
        profile.iter_mut().zip(&vectors[item as usize * dim..]).for_each(|(p, v)| *p += v);
    }
    for (item, score) in scores.iter_mut().enumerate() {
        if candidates.is_none_or(|c| c[item]) {
            *score = profile.iter().zip(&vectors[item * dim..]).map(|(p, v)| p * v).sum();
        }
    }
}

/// The loss of what is liked together, and its gradient.
fn together(space: &Space, data: &Data<'_>, settings: &Settings, learnable: &[u32], parameters: &[f32], rng: &mut Rng, gradient: &mut [f32]) -> f64 {
    let d = space.dim;
    // The batch: people, then their items, then others.
    let mut people: Vec<usize> = (0..data.sequences.len()).collect();
    rng.shuffle(&mut people);
    people.truncate(settings.batch_people);
    let mut place = vec![u32::MAX; space.items];
    let mut items: Vec<u32> = Vec::new();
    let mut add = |item: u32, items: &mut Vec<u32>| {
        if place[item as usize] == u32::MAX && items.len() < settings.batch_items {
            place[item as usize] = items.len() as u32;
            items.push(item);
        }
    };
    for &person in &people {
        data.sequences[person].items.iter().filter(|&&i| data.allowed[i as usize]).for_each(|&item| add(item, &mut items));
    }
    if items.len() + learnable.len() <= settings.batch_items {
        learnable.iter().for_each(|&item| add(item, &mut items));
    } else {
        (0..settings.batch_items.saturating_sub(items.len())).for_each(|_| add(learnable[rng.below(learnable.len())], &mut items));
    }
    let uses = some_modalities(space, settings, items.len(), &items, rng);
    let encoded = space.forward(parameters, &items, &|row, m| uses[row * space.contents().len() + m], Some((&settings.dropout, rng)));
    let y = &encoded.vectors;
    let n = items.len();
    // Half of each one's items ask, the others are to be found.
    let (mut asks, mut targets): (Vec<Vec<u32>>, Vec<Vec<u32>>) = (Vec::new(), Vec::new());
    for &person in &people {
        let known = data.sequences[person].items.iter().map(|&i| place[i as usize]).filter(|&p| p != u32::MAX);
        let (ask, find): (Vec<u32>, Vec<u32>) = known.partition(|_| rng.unit() < 0.5);
        if !ask.is_empty() && !find.is_empty() {
            asks.push(ask);
            targets.push(find);
        }
    }
    let total = targets.iter().map(Vec::len).sum::<usize>().max(1) as f32;
    let p = asks.len();
    let mut states = vec![0f32; p * d];
    let mut lengths = vec![0f32; p];
    for ((state, length), ask) in states.chunks_exact_mut(d).zip(&mut lengths).zip(&asks) {
        for &at in ask {
            state.iter_mut().zip(&y[at as usize * d..]).for_each(|(s, v)| *s += v);
        }
        *length = state.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
        state.iter_mut().for_each(|v| *v /= *length);
    }
    let mut logits = vec![0f32; p * n];
    matmul_right_transposed(&mut logits, &states, y, (p, d, n), false);
    let tau = settings.temperature;
    let loss: f64 = logits
        .par_chunks_mut(n.max(1))
        .zip(asks.par_iter().zip(&targets))
        .map(|(row, (ask, find))| {
            // Cosines are at most 1: the largest logit is known.
            let found: f64 = find.iter().map(|&at| f64::from(tau * (row[at as usize] - 1.0))).sum();
            row.iter_mut().for_each(|v| *v = (tau * (*v - 1.0)).exp());
            ask.iter().for_each(|&at| row[at as usize] = 0.0);
            let sum = row.iter().sum::<f32>().max(f32::MIN_POSITIVE);
            let factor = tau * find.len() as f32 / (sum * total);
            row.iter_mut().for_each(|v| *v *= factor);
            find.iter().for_each(|&at| row[at as usize] -= tau / total);
            find.len() as f64 * f64::from(sum.ln()) - found
        })
        .collect::<Vec<f64>>()
        .into_iter()
        .sum();
    let mut upstream = vec![0f32; n * d];
    matmul_left_transposed(&mut upstream, &logits, &states, (n, p, d), false);
    let mut dstates = vec![0f32; p * d];
    matmul(&mut dstates, &logits, y, (p, n, d), false);
    for ((dstate, state), (length, ask)) in dstates.chunks_exact_mut(d).zip(states.chunks_exact(d)).zip(lengths.iter().zip(&asks)) {
        let along: f32 = dstate.iter().zip(state).map(|(g, s)| g * s).sum();
        dstate.iter_mut().zip(state).for_each(|(g, s)| *g = (*g - along * s) / length);
        for &at in ask {
            upstream[at as usize * d..(at as usize + 1) * d].iter_mut().zip(&*dstate).for_each(|(u, g)| *u += g);
        }
    }
    space.backward(&encoded, &upstream, gradient);
    loss / f64::from(total)
}

/// Which modalities of each item are used, `[items, modalities]`: of an item with several one is left out by chance.
fn some_modalities(space: &Space, settings: &Settings, n: usize, items: &[u32], rng: &mut Rng) -> Vec<bool> {
    let count = space.contents().len();
    let mut uses = vec![true; n * count];
    for (row, &item) in uses.chunks_exact_mut(count).zip(items) {
        let there: Vec<usize> = (0..count).filter(|&m| space.contents()[m].has[item as usize]).collect();
        let chance = rng.unit();
        if there.len() > 1 && chance < f64::from(settings.modality_dropout) {
            row[there[rng.below(there.len())]] = false;
        }
    }
    uses
}

/// The loss between modalities times `weight`, and its gradient: every pair of modalities, and the whole with each of them.
fn contrast(space: &Space, settings: &Settings, weight: f32, learnable: &[u32], parameters: &[f32], rng: &mut Rng, gradient: &mut [f32]) -> f64 {
    let (d, count) = (space.dim, space.contents().len());
    let mut several: Vec<u32> = learnable.iter().copied().filter(|&i| space.contents().iter().filter(|c| c.has[i as usize]).count() > 1).collect();
    rng.shuffle(&mut several);
    several.truncate(settings.contrast_items);
    // Number `count` is the whole.
    let views: Vec<_> = (0..=count).map(|view| space.forward(parameters, &several, &|_, m| view == count || m == view, Some((&settings.dropout, &mut *rng)))).collect();
    let mut upstream = vec![vec![0f32; several.len() * d]; count + 1];
    let pairs: Vec<(usize, usize)> = (0..=count).flat_map(|a| (a + 1..=count).map(move |b| (a, b))).collect();
    let share = weight / (2 * pairs.len()).max(1) as f32;
    let mut loss = 0.0;
    for &(a, b) in &pairs {
        let has = |view: usize, item: u32| view == count || space.contents()[view].has[item as usize];
        let rows: Vec<usize> = (0..several.len()).filter(|&row| has(a, several[row]) && has(b, several[row])).collect();
        let n = rows.len();
        if n < 2 {
            continue;
        }
        let gather = |from: &[f32]| rows.iter().flat_map(|&row| &from[row * d..(row + 1) * d]).copied().collect::<Vec<f32>>();
        let sides = [gather(&views[a].vectors), gather(&views[b].vectors)];
        let mut gradients = [vec![0f32; n * d], vec![0f32; n * d]];
        for (from, to) in [(0, 1), (1, 0)] {
            let mut logits = vec![0f32; n * n];
            matmul_right_transposed(&mut logits, &sides[from], &sides[to], (n, d, n), false);
            let tau = settings.temperature;
            for (at, row) in logits.chunks_exact_mut(n).enumerate() {
                let own = tau * (row[at] - 1.0);
                row.iter_mut().for_each(|v| *v = (tau * (*v - 1.0)).exp());
                let sum: f32 = row.iter().sum();
                loss += f64::from(share * (sum.ln() - own)) / n as f64;
                row.iter_mut().for_each(|v| *v *= tau * share / (sum * n as f32));
                row[at] -= tau * share / n as f32;
            }
            matmul(&mut gradients[from], &logits, &sides[to], (n, n, d), true);
            matmul_left_transposed(&mut gradients[to], &logits, &sides[from], (n, n, d), true);
        }
        for (view, part) in [a, b].into_iter().zip(&gradients) {
            for (row, part) in rows.iter().zip(part.chunks_exact(d)) {
                upstream[view][row * d..(row + 1) * d].iter_mut().zip(part).for_each(|(u, g)| *u += g);
            }
        }
    }
    views.iter().zip(&upstream).for_each(|(view, upstream)| space.backward(view, upstream, gradient));
    loss
}
