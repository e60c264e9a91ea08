//! The content term: how alike an item is to what the history holds, by its own content.
//!
//! Not here: encoders, tf-idf (`train::features`), the map from content to collaborative weights (`train::content_map`).

use super::terms::{Seen, Shares, Term};

/// score(j) = x_j . sum_e w_e exp(-age_e / tau) x_e over unit-length content rows, linear in the events' weights.
///
/// Rows are sparse int8 (one scale: unit rows share the range) with ascending columns, or dense int8 (every column).
#[derive(Debug, Clone)]
pub struct Content {
    pub rows: super::sparse::SparseRows,
    pub tau: f32,
}

impl Content {
    fn factor(&self, event: &Seen) -> f32 {
        event.weight * (-event.age / self.tau).exp()
    }
}

impl Term for Content {
    fn name(&self) -> &str {
        "content"
    }

    fn items(&self) -> usize {
        self.rows.rows()
    }

    fn download_bytes(&self) -> usize {
        self.rows.download_bytes()
    }

    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        let mut profile = vec![0f32; self.rows.columns()];
        for event in history {
            self.rows.add_row(event.item, gain * self.factor(event), &mut profile);
        }
        for (item, out) in out.iter_mut().enumerate().take(self.rows.rows()) {
            *out += self.rows.dot_row(item as u32, &profile);
        }
    }

    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        let mut target = vec![0f32; self.rows.columns()];
        self.rows.add_row(item, 1.0, &mut target);
        let events = history.iter().map(|e| self.factor(e) * self.rows.dot_row(e.item, &target)).collect();
        Shares { base: 0.0, events }
    }
}
