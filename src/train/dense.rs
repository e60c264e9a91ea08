//! An item-item matrix as it was learned, before anything is cut: what shipped rows are compared with.
//!
//! Not here: what devices get of it (`entries`), the shipped term (`rank::learned::neighbors`).

use std::sync::Arc;

use crate::rank::learned::terms::{Seen, Shares, Term};

/// As [`Neighbors`](crate::rank::learned::neighbors::Neighbors), over every weight: score(j) = sum over events e of
/// w_e exp(-age_e / tau) W[item_e, j].
#[derive(Clone)]
pub struct Dense {
    pub name: String,
    /// Row-major `[items, items]`; row i is what having met item i adds to the others.
    pub weights: Arc<Vec<f32>>,
    pub items: usize,
    /// Events after which an event counts 1/e.
    pub tau: f32,
}

impl Dense {
    /// The weights of one item, `[items]`.
    pub fn row(&self, item: usize) -> &[f32] {
        &self.weights[item * self.items..(item + 1) * self.items]
    }

    fn factor(&self, event: &Seen) -> f32 {
        event.weight * (-event.age / self.tau).exp()
    }
}

impl Term for Dense {
    fn name(&self) -> &str {
        &self.name
    }

    fn items(&self) -> usize {
        self.items
    }

    fn download_bytes(&self) -> usize {
        self.weights.len() * 4
    }

    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        for event in history {
            let factor = gain * self.factor(event);
            if factor.abs() > 1e-7 {
                out.iter_mut().zip(self.row(event.item as usize)).for_each(|(out, w)| *out += factor * w);
            }
        }
    }

    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        Shares { base: 0.0, events: history.iter().map(|e| self.factor(e) * self.row(e.item as usize)[item as usize]).collect() }
    }
}
