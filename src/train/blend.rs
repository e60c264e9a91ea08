//! Fits what joins trained terms: each term's fading of the past, and the gains of the hybrid, on validation cases.
//!
//! Not here: the blend on the device (`rank::learned::blend`), training the terms.

use std::sync::Arc;

use rayon::prelude::*;

use crate::evaluate::judge::ranks;
use crate::evaluate::metrics::ndcg;
use crate::evaluate::report::mask;
use crate::evaluate::split::Case;
use crate::math::topk::top_k;
use crate::rank::learned::blend::{Scale, inverse_deviation};
use crate::rank::learned::terms::{Term, history_of};

/// At most so many cases are looked at, evenly spread.
const CASES: usize = 4000;
/// Each term nominates so many candidates a case.
const NOMINATED: usize = 100;

/// Up to `limit` of the cases, evenly spread.
pub fn sample(cases: &[Case], limit: usize) -> Vec<&Case> {
    let n = cases.len();
    if n <= limit { cases.iter().collect() } else { (0..limit).map(|i| &cases[i * n / limit]).collect() }
}

/// What is maximized: the mean of NDCG at 10 and at 100 (the second one is steadier where targets are many).
pub(super) fn quality(ranks: &[u32]) -> f64 {
    0.5 * (ndcg(ranks, 10) + ndcg(ranks, 100))
}

/// Mean quality of one term.
pub fn term_quality(term: &dyn Term, cases: &[&Case], candidates: Option<&[bool]>) -> f64 {
    let of = |case: &&Case| {
        let mut scores = term.scores(&history_of(&case.history.items));
        mask(&mut scores, case, candidates);
        quality(&ranks(&scores, &case.targets))
    };
    // Collected first, so that the sum does not depend on how threads share the work.
    let each: Vec<f64> = cases.par_iter().map(of).collect();
    each.iter().sum::<f64>() / cases.len().max(1) as f64
}

/// The value of `choices` whose term does best on the cases; the first one without cases.
pub fn choose<V: Copy>(choices: &[V], cases: &[Case], candidates: Option<&[bool]>, term: impl Fn(V) -> Box<dyn Term>) -> V {
    let cases = sample(cases, 2000);
    let mut best = (f64::MIN, choices[0]);
    for &choice in choices {
        let reached = term_quality(term(choice).as_ref(), &cases, candidates);
        if reached > best.0 {
            best = (reached, choice);
        }
    }
    best.1
}

/// One case's candidates: per term the scaled scores of all of them, `[terms, candidates]`; the first `targets` of them
/// are the targets.
struct Table {
    scores: Vec<f32>,
    candidates: usize,
    targets: usize,
}

impl Table {
    fn quality(&self, gains: &[f32], buffer: &mut Vec<f32>) -> f64 {
        let n = self.candidates;
        buffer.clear();
        buffer.resize(n, 0.0);
        for (term, &gain) in gains.iter().enumerate().filter(|(_, g)| **g != 0.0) {
            let row = &self.scores[term * n..(term + 1) * n];
            buffer.iter_mut().zip(row).for_each(|(b, s)| *b += gain * s);
        }
        let (targets, others) = buffer.split_at(self.targets);
        let mut ranks: Vec<u32> = targets
            .iter()
            .enumerate()
            .map(|(i, &t)| {
                let above = others.iter().filter(|&&o| o >= t).count();
                let before = targets.iter().enumerate().filter(|(j, x)| **x > t || **x == t && *j < i).count();
                (above + before + 1) as u32
            })
            .collect();
        ranks.sort_unstable();
        quality(&ranks)
    }
}

/// The terms' scores on a sample of the cases, ready for trying gains.
pub struct Tables {
    tables: Vec<Table>,
    terms: usize,
}

/// Factors by which a gain is tried, coarse first.
const COARSE: [f32; 6] = [0.5, 0.7, 0.85, 1.18, 1.4, 2.0];
const FINE: [f32; 4] = [0.8, 0.9, 1.1, 1.25];
/// A term joins when it helps by this factor, and leaves when it does not.
const JOINS: f64 = 1.001;

impl Tables {
    /// Scores a sample of the cases with every term.
    pub fn new(terms: &[Arc<dyn Term>], cases: &[Case], candidates: Option<&[bool]>, scale: Scale) -> Self {
        let tables = sample(cases, CASES).par_iter().map(|case| table(terms, case, candidates, scale)).collect();
        Self { tables, terms: terms.len() }
    }

    fn mean(&self, gains: &[f32]) -> f64 {
        // Fixed chunks, so that the sum does not depend on how threads share the work.
        let of = |tables: &[Table]| {
            let mut buffer = Vec::new();
            tables.iter().map(|t| t.quality(gains, &mut buffer)).sum::<f64>()
        };
        let parts: Vec<f64> = self.tables.par_chunks(64).map(of).collect();
        parts.iter().sum::<f64>() / self.tables.len().max(1) as f64
    }

    /// Quality of one term by itself.
    pub fn alone(&self, term: usize) -> f64 {
        let mut gains = vec![0f32; self.terms];
        gains[term] = 1.0;
        self.mean(&gains)
    }

    /// Gains of the `allowed` terms, none negative, that do best: coordinate ascent over a geometric grid from the best
    /// term alone. Returns the gains and the quality reached.
    pub fn fit(&self, allowed: &[bool]) -> (Vec<f32>, f64) {
        let open: Vec<usize> = (0..self.terms).filter(|&t| allowed[t]).collect();
        let mut gains = vec![0f32; self.terms];
        let mut best = f64::MIN;
        for &term in &open {
            let mut alone = vec![0f32; self.terms];
            alone[term] = 1.0;
            let reached = self.mean(&alone);
            if reached > best {
                (best, gains) = (reached, alone);
            }
        }
        for round in 0..8 {
            let before = best;
            for &term in &open {
                let current = gains[term];
                let others = gains.iter().enumerate().any(|(t, g)| t != term && *g != 0.0);
                if current != 0.0 && others {
                    let mut without = gains.clone();
                    without[term] = 0.0;
                    let reached = self.mean(&without);
                    if reached * JOINS > best {
                        (best, gains) = (reached, without);
                        continue;
                    }
                }
                let tries: Vec<f32> = match current == 0.0 {
                    true => (0..9).map(|i| 0.02 * 2f32.powi(i)).collect(),
                    false if round < 3 => COARSE.iter().map(|f| f * current).collect(),
                    false => FINE.iter().map(|f| f * current).collect(),
                };
                let mut needed = if current == 0.0 { best * JOINS } else { best };
                for value in tries {
                    let mut tried = gains.clone();
                    tried[term] = value;
                    let reached = self.mean(&tried);
                    if reached > needed {
                        (best, needed, gains) = (reached, reached, tried);
                    }
                }
            }
            if best <= before * 1.0002 && round > 0 {
                break;
            }
        }
        (gains, best)
    }
}

fn table(terms: &[Arc<dyn Term>], case: &Case, candidates: Option<&[bool]>, scale: Scale) -> Table {
    let history = history_of(&case.history.items);
    let mut all: Vec<Vec<f32>> = Vec::with_capacity(terms.len());
    let mut nominated: Vec<u32> = Vec::new();
    for term in terms {
        let mut scores = term.scores(&history);
        if scale == Scale::Deviation {
            let factor = inverse_deviation(&scores);
            scores.iter_mut().for_each(|s| *s *= factor);
        }
        let mut masked = scores.clone();
        mask(&mut masked, case, candidates);
        nominated.extend(top_k(&masked, NOMINATED));
        all.push(scores);
    }
    nominated.sort_unstable();
    nominated.dedup();
    nominated.retain(|i| !case.targets.contains(i));
    let items: Vec<u32> = case.targets.iter().copied().chain(nominated).collect();
    let scores = all.iter().flat_map(|s| items.iter().map(|&i| s[i as usize])).collect();
    Table { scores, candidates: items.len(), targets: case.targets.len() }
}
