//! An item-item matrix as it was learned, before anything is cut: what shipped rows are compared with.
//!
//! Not here: what devices get of it (`entries`), the shipped term (`rank::learned::neighbors`).

use std::sync::Arc;

use super::covered::Covered;
use crate::rank::learned::terms::{Seen, Shares, Term};

/// As [`Neighbors`](crate::rank::learned::neighbors::Neighbors), over every weight: score(j) = sum over events e of
/// w_e exp(-age_e / tau) W[item_e, j].
#[derive(Clone)]
pub struct Dense {
    pub name: String,
    /// Row-major, square, over the covered items; row i is what having met item i adds to the others.
    pub weights: Arc<Vec<f32>>,
    /// Of the catalog.
    pub items: usize,
    /// What the matrix knows of the catalog; `None`: all of it.
    pub covered: Option<Arc<Covered>>,
    /// `[width]`, where the matrix is symmetric but for them: W[i, j] / heights[j] is W[j, i] / heights[i].
    pub heights: Option<Arc<Vec<f32>>>,
    /// Events after which an event counts 1/e.
    pub tau: f32,
}

impl Dense {
    /// A matrix over all `items`, whose past doesn't fade.
    pub fn new(name: &str, weights: Vec<f32>, items: usize) -> Self {
        Self { name: name.into(), weights: Arc::new(weights), items, covered: None, heights: None, tau: f32::INFINITY }
    }

    /// How many items the matrix knows.
    pub fn width(&self) -> usize {
        self.covered.as_ref().map_or(self.items, |covered| covered.items.len())
    }

    /// Where an item stands among those that the matrix knows.
    pub fn place(&self, item: usize) -> Option<usize> {
        self.covered.as_ref().map_or(Some(item), |covered| covered.place(item as u32).map(|place| place as usize))
    }

    /// The weights of one item, `[width]`; none of one that isn't covered.
    pub fn row(&self, item: usize) -> &[f32] {
        self.place(item).map_or(&[], |place| &self.weights[place * self.width()..(place + 1) * self.width()])
    }

    /// The item of a column.
    pub fn column(&self, at: usize) -> u32 {
        self.covered.as_ref().map_or(at as u32, |covered| covered.items[at])
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
                let row = self.row(event.item as usize);
                match &self.covered {
                    None => out.iter_mut().zip(row).for_each(|(out, w)| *out += factor * w),
                    Some(covered) => covered.items.iter().zip(row).for_each(|(&item, w)| out[item as usize] += factor * w),
                }
            }
        }
    }

    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        let column = self.covered.as_ref().map_or(Some(item), |covered| covered.place(item));
        let weight = |event: &Seen| column.and_then(|column| self.row(event.item as usize).get(column as usize)).copied().unwrap_or(0.0);
        Shares { base: 0.0, events: history.iter().map(|e| self.factor(e) * weight(e)).collect() }
    }
}
