//! The item-item term: the sum of the history's rows of a sparse matrix, each weighted by its age.
//!
//! Serves item-kNN, EASE, EASE with content, and transitions: they differ in the matrix and in how fast the past
//! fades. Not here: the matrices (`sparse`), their training (`train`).

use super::sparse::SparseRows;
use super::terms::{Seen, Shares, Term};

/// score(j) = sum over events e of w_e exp(-age_e / tau) (W[item_e, j] + base_j), linear in the events' weights.
#[derive(Debug, Clone)]
pub struct Neighbors {
    pub name: String,
    pub weights: SparseRows,
    /// Events after which an event counts 1/e; infinite: the past does not fade.
    pub tau: f32,
    /// Only the latest so many events count. `usize::MAX`: all.
    pub window: usize,
}

impl Neighbors {
    fn factor(&self, event: &Seen) -> f32 {
        if event.age as usize >= self.window { 0.0 } else { event.weight * (-event.age / self.tau).exp() }
    }
}

impl Term for Neighbors {
    fn name(&self) -> &str {
        &self.name
    }

    fn items(&self) -> usize {
        self.weights.columns()
    }

    fn download_bytes(&self) -> usize {
        self.weights.download_bytes()
    }

    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        let mut total = 0f32;
        for event in history {
            let factor = self.factor(event);
            if factor.abs() > 1e-7 {
                self.weights.add_row(event.item, gain * factor, out);
                total += factor;
            }
        }
        for (out, base) in out.iter_mut().zip(self.weights.base()) {
            *out += gain * total * base;
        }
    }

    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        let base = self.weights.base().get(item as usize).copied().unwrap_or(0.0);
        let events = history.iter().map(|e| self.factor(e) * (base + self.weights.get(e.item, item))).collect();
        Shares { base: 0.0, events }
    }
}
