//! Fits what joins trained terms: each term's fading of the past, and the gains of the hybrid, on validation cases.
//!
//! Not here: the blend on the device (`rank::learned::blend`), training the terms.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::evaluate::judge::ranks;
use crate::evaluate::metrics::ndcg;
use crate::evaluate::report::mask;
use crate::evaluate::split::Case;
use crate::math::rng::Rng;
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
    /// Whose case each one is, as numbers from 0 on.
    people: Vec<usize>,
    /// 1 / deviation of each term's scores over the tables: gains of this size count alike, `[terms]`.
    units: Vec<f32>,
}

/// Ensemble selection: so many steps of one unit, on so many cases drawn with replacement in all, by so many draws at most.
const STEPS: usize = 8;
const DRAWN: usize = 8000;
const DRAWS: usize = 20;
/// Factors by which a gain is tried afterwards, and shares of the whole that a further term is tried with.
const FACTORS: [f32; 8] = [0.5, 0.7, 0.85, 0.93, 1.08, 1.18, 1.4, 2.0];
const SHARES: [f32; 6] = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8];
const ROUNDS: usize = 8;
/// A term joins when it helps by this factor, and leaves when it does not.
const JOINS: f64 = 1.001;

impl Tables {
    /// Scores a sample of the cases with every term.
    pub fn new(terms: &[Arc<dyn Term>], cases: &[Case], candidates: Option<&[bool]>, scale: Scale) -> Self {
        let cases = sample(cases, CASES);
        let tables: Vec<Table> = cases.par_iter().map(|case| table(terms, case, candidates, scale)).collect();
        let mut numbers = HashMap::new();
        let people = cases.iter().map(|case| { let next = numbers.len(); *numbers.entry(case.history.user).or_insert(next) }).collect();
        let unit = |term: usize| {
            let scores: Vec<f32> = tables.iter().flat_map(|t| &t.scores[term * t.candidates..(term + 1) * t.candidates]).copied().collect();
            inverse_deviation(&scores)
        };
        let units = (0..terms.len()).map(unit).collect();
        Self { tables, people, units }
    }

    /// Quality of every case.
    fn each(&self, gains: &[f32]) -> Vec<f64> {
        self.tables.par_iter().map_init(Vec::new, |buffer, t| t.quality(gains, buffer)).collect()
    }

    /// Quality of one term by itself.
    pub fn alone(&self, term: usize) -> f64 {
        let mut gains = vec![0f32; self.units.len()];
        gains[term] = 1.0;
        mean(&self.each(&gains))
    }

    /// Gains of the `allowed` terms, none negative, the largest 1, and the quality reached. What is best on a few people is best by
    /// chance: gains are the mean over draws of people of what ensemble selection (Caruana et al. 2004) finds, and what is tried
    /// from there on must be better by more than the standard error of the difference.
    pub fn fit(&self, allowed: &[bool]) -> (Vec<f32>, f64) {
        let open: Vec<usize> = (0..self.units.len()).filter(|&t| allowed[t]).collect();
        let mut gains = self.selected(&open);
        let mut best = self.each(&gains);
        for _ in 0..ROUNDS {
            let before = gains.clone();
            for &term in &open {
                let with = |value: f32| -> Vec<f32> { gains.iter().enumerate().map(|(t, &g)| if t == term { value } else { g }).collect() };
                if gains[term] != 0.0 {
                    let without = with(0.0);
                    let reached = self.each(&without);
                    if without.iter().any(|g| *g != 0.0) && mean(&reached) * JOINS > mean(&best) {
                        (best, gains) = (reached, without);
                        continue;
                    }
                }
                let whole: f32 = gains.iter().zip(&self.units).map(|(gain, unit)| gain / unit).sum();
                let (tries, needed): (Vec<f32>, f64) = match gains[term] == 0.0 {
                    true => (SHARES.iter().map(|share| share * whole * self.units[term]).collect(), JOINS),
                    false => (FACTORS.iter().map(|factor| factor * gains[term]).collect(), 1.0),
                };
                let tried = tries.into_iter().map(|value| (self.each(&with(value)), with(value)));
                let better = tried.filter(|(reached, _)| mean(reached) > needed * mean(&best) && surpasses(reached, &best));
                if let Some((reached, found)) = better.max_by(|a, b| mean(&a.0).total_cmp(&mean(&b.0))) {
                    (best, gains) = (reached, found);
                }
            }
            if gains == before {
                break;
            }
        }
        let largest = gains.iter().fold(0f32, |most, gain| most.max(*gain)).max(f32::MIN_POSITIVE);
        (gains.into_iter().map(|gain| gain / largest).collect(), mean(&best))
    }

    /// The mean of what ensemble selection finds in seeded draws of as many people as there are: from nothing on, a unit of the term
    /// that helps most is added, and of all steps the best one counts.
    fn selected(&self, open: &[usize]) -> Vec<f32> {
        let mut gains = vec![0f32; self.units.len()];
        let mut rng = Rng::new(1);
        let persons = self.people.iter().max().map_or(0, |last| last + 1);
        for _ in 0..(DRAWN / self.tables.len().max(1)).clamp(1, DRAWS) {
            let mut times = vec![0f64; persons];
            (0..persons).for_each(|_| times[rng.below(persons)] += 1.0);
            let drawn = |gains: &[f32]| -> f64 { self.each(gains).iter().zip(&self.people).map(|(q, &person)| q * times[person]).sum() };
            let (mut best, mut kept, mut units) = (f64::MIN, Vec::new(), vec![0f32; gains.len()]);
            for _ in 0..STEPS {
                let more = |term: usize| { let mut more = units.clone(); more[term] += self.units[term]; more };
                let tried = open.iter().map(|&term| (drawn(&more(term)), term));
                let Some((reached, term)) = tried.reduce(|a, b| if b.0 > a.0 { b } else { a }) else { break };
                units = more(term);
                if reached > best {
                    (best, kept) = (reached, units.clone());
                }
            }
            let whole: f32 = kept.iter().zip(&self.units).map(|(gain, unit)| gain / unit).sum();
            gains.iter_mut().zip(kept).for_each(|(sum, gain)| *sum += gain / whole);
        }
        gains
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Whether one is better than the other, case by case, by more than the standard error of the difference.
fn surpasses(one: &[f64], other: &[f64]) -> bool {
    let differences: Vec<f64> = one.iter().zip(other).map(|(a, b)| a - b).collect();
    let (n, by) = (differences.len().max(1) as f64, mean(&differences));
    by > (differences.iter().map(|d| (d - by).powi(2)).sum::<f64>() / n).sqrt() / n.sqrt()
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
