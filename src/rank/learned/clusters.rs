//! The user-based term, without users: anonymous centroids of at least k people each, the nearest ones vote.
//!
//! Not here: building centroids and checking k (`train::clusters`).

use super::sparse::SparseRows;
use super::terms::{Seen, Shares, Term};

/// score(j) = sum_c a_c C[c, j], a_c = s_c^p / sum s^p, s_c the cosine of the history with centroid c.
#[derive(Debug, Clone)]
pub struct Clusters {
    /// `[clusters, items]`: the share of a centroid's people who met the item.
    pub centroids: SparseRows,
    /// Length of each centroid.
    pub norms: Vec<f32>,
    /// The fewest people behind any centroid.
    pub smallest: usize,
    pub power: f32,
    pub tau: f32,
}

impl Clusters {
    fn weight(&self, event: &Seen) -> f32 {
        event.weight * (-event.age / self.tau).exp()
    }

    /// Similarities s_c, positive part.
    fn similarities(&self, history: &[Seen]) -> Vec<f32> {
        let mut dense = vec![0f32; self.centroids.columns()];
        for event in history {
            if let Some(value) = dense.get_mut(event.item as usize) {
                *value += self.weight(event);
            }
        }
        (0..self.centroids.rows())
            .map(|c| (self.centroids.dot_row(c as u32, &dense) / self.norms[c].max(1e-9)).max(0.0))
            .collect()
    }

    fn votes(&self, similarities: &[f32]) -> Vec<f32> {
        let total: f32 = similarities.iter().map(|s| s.powf(self.power)).sum();
        similarities.iter().map(|s| if total > 0.0 { s.powf(self.power) / total } else { 0.0 }).collect()
    }
}

impl Term for Clusters {
    fn name(&self) -> &str {
        "user-clusters"
    }

    fn items(&self) -> usize {
        self.centroids.columns()
    }

    fn download_bytes(&self) -> usize {
        self.centroids.download_bytes() + 4 * self.norms.len()
    }

    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        let votes = self.votes(&self.similarities(history));
        for (cluster, vote) in votes.into_iter().enumerate() {
            if vote > 1e-5 {
                self.centroids.add_row(cluster as u32, gain * vote, out);
            }
        }
    }

    /// A cluster's vote is split over the events by what each gave to its similarity. Not linear: taking an event out
    /// also moves the other votes.
    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        let similarities = self.similarities(history);
        let votes = self.votes(&similarities);
        let mut events = vec![0f32; history.len()];
        for (c, (&similarity, vote)) in similarities.iter().zip(votes).enumerate() {
            let gives = vote * self.centroids.get(c as u32, item);
            if gives == 0.0 || vote <= 1e-5 {
                continue;
            }
            for (share, event) in events.iter_mut().zip(history) {
                let part = self.weight(event) * self.centroids.get(c as u32, event.item) / self.norms[c].max(1e-9);
                *share += gives * part / similarity;
            }
        }
        Shares { base: 0.0, events }
    }
}
