//! The term of how popular items are with everybody: the only one that is there before any history.

use super::term::{Share, Term};
use crate::index::catalog::Catalog;

/// The metadata field that is read when the index has no popularity of its own.
pub const FIELD: &str = "popularity";

/// Popularity of every item, 0 to 1 on a logarithmic scale, `[items]`; `None` where the catalog says nothing of it.
pub fn of(catalog: &Catalog) -> Option<Vec<f32>> {
    let count = u32::try_from(catalog.len()).unwrap_or(u32::MAX);
    let number = |ordinal| catalog.field(ordinal, FIELD).and_then(|value| value.as_f64()).unwrap_or(0.0);
    // Any item may lack it: an even sample decides whether the field is there at all.
    let step = usize::try_from(count / 64).unwrap_or(1).max(1);
    if !(0..count).step_by(step).any(|ordinal| number(ordinal) > 0.0) {
        return None;
    }
    scaled((0..count).map(|ordinal| number(ordinal).max(0.0).ln_1p() as f32).collect())
}

/// The same from how many people met each item, `[items]`; `None` where nobody met any.
pub fn of_counts(counts: &[u32]) -> Option<Vec<f32>> {
    scaled(counts.iter().map(|&count| f64::from(count).ln_1p() as f32).collect())
}

fn scaled(logs: Vec<f32>) -> Option<Vec<f32>> {
    let most = logs.iter().copied().fold(0.0, f32::max);
    (most > 0.0 && most.is_finite()).then(|| logs.into_iter().map(|log| log / most).collect())
}

/// `weight` times an item's popularity.
pub struct Popularity {
    values: std::rc::Rc<Vec<f32>>,
    weight: f32,
}

impl Popularity {
    /// `values` as [`of`] gives them.
    pub fn new(values: std::rc::Rc<Vec<f32>>, weight: f32) -> Self {
        Self { values, weight }
    }
}

impl Term for Popularity {
    fn name(&self) -> &'static str {
        "popularity"
    }

    fn add_to(&self, scores: &mut [f32]) {
        for (score, value) in scores.iter_mut().zip(self.values.iter()) {
            *score += self.weight * value;
        }
    }

    fn split(&self, ordinal: u32) -> Vec<Share> {
        let value = self.values.get(ordinal as usize).copied().unwrap_or(0.0);
        vec![Share { event: None, amount: self.weight * value }]
    }
}
