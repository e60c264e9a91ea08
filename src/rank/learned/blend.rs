//! The hybrid: a weighted sum of terms, and who gave what to the sum.
//!
//! Not here: fitting the weights (`train::blend`).

use std::sync::Arc;

use super::terms::{Seen, Shares, Term};

/// How the terms' scores are made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As they are: the blend of linear terms is linear in the events.
    Raw,
    /// Each term divided by the deviation of its own scores over the catalog.
    Deviation,
}

/// score(j) = sum over terms t of gain_t s_t(j) / scale_t(history).
pub struct Blend {
    pub terms: Vec<Arc<dyn Term>>,
    /// One gain a term.
    pub gains: Vec<f32>,
    pub scale: Scale,
}

/// One term's part in an item's score.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub term: String,
    pub shares: Shares,
}

/// Standard deviation of `scores`; 0 where all are equal (to rounding).
pub fn deviation(scores: &[f32]) -> f64 {
    let n = scores.len().max(1) as f64;
    let (sum, squares) = scores.iter().fold((0f64, 0f64), |(s, q), &v| (s + f64::from(v), q + f64::from(v).powi(2)));
    let variance = squares / n - (sum / n).powi(2);
    if variance > 1e-20 { variance.sqrt() } else { 0.0 }
}

/// 1 / deviation of `scores` (1 where all are equal).
pub fn inverse_deviation(scores: &[f32]) -> f32 {
    match deviation(scores) {
        0.0 => 1.0,
        deviation => (1.0 / deviation) as f32,
    }
}

impl Blend {
    /// The same sum with this history's deviations folded into the gains: for asking about one history many times.
    pub fn at(&self, history: &[Seen]) -> Blend {
        Blend { terms: self.terms.clone(), gains: self.factors(history), scale: Scale::Raw }
    }

    fn factors(&self, history: &[Seen]) -> Vec<f32> {
        match self.scale {
            Scale::Raw => self.gains.clone(),
            Scale::Deviation => {
                let of = |(term, gain): (&Arc<dyn Term>, &f32)| {
                    if *gain == 0.0 { 0.0 } else { gain * inverse_deviation(&term.scores(history)) }
                };
                self.terms.iter().zip(&self.gains).map(of).collect()
            }
        }
    }

    /// Each term's shares, already times its factor: all bases and events add up to the score.
    pub fn parts(&self, history: &[Seen], item: u32) -> Vec<Part> {
        let factors = self.factors(history);
        self.terms
            .iter()
            .zip(factors)
            .filter(|(_, factor)| *factor != 0.0)
            .map(|(term, factor)| {
                let mut shares = term.shares(history, item);
                shares.base *= factor;
                shares.events.iter_mut().for_each(|s| *s *= factor);
                Part { term: term.name().to_owned(), shares }
            })
            .collect()
    }
}

impl Term for Blend {
    fn name(&self) -> &str {
        "hybrid"
    }

    fn items(&self) -> usize {
        self.terms.iter().map(|t| t.items()).max().unwrap_or(0)
    }

    fn download_bytes(&self) -> usize {
        let used = self.terms.iter().zip(&self.gains).filter(|(_, g)| **g != 0.0);
        used.map(|(t, _)| t.download_bytes()).sum()
    }

    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        for (term, own) in self.terms.iter().zip(&self.gains) {
            if *own == 0.0 {
                continue;
            }
            match self.scale {
                Scale::Raw => term.add(history, gain * own, out),
                Scale::Deviation => {
                    let scores = term.scores(history);
                    let factor = gain * own * inverse_deviation(&scores);
                    out.iter_mut().zip(scores).for_each(|(o, s)| *o += factor * s);
                }
            }
        }
    }

    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        let mut total = Shares { base: 0.0, events: vec![0.0; history.len()] };
        for part in self.parts(history, item) {
            total.base += part.shares.base;
            total.events.iter_mut().zip(part.shares.events).for_each(|(t, s)| *t += s);
        }
        total
    }
}
