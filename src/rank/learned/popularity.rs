//! The popularity term: what everybody likes, fading as the history grows.
//!
//! Not here: popularity correction of finished lists (`correction`).

use super::terms::{Seen, Shares, Term};

/// score(j) = p_j / (1 + fade * events), where p_j is the share of training users who met j.
#[derive(Debug, Clone)]
pub struct Popularity {
    /// `[items]`.
    pub shares: Vec<f32>,
    /// 0: does not fade. 1: weight 1 / (history + 1).
    pub fade: f32,
}

impl Popularity {
    /// From the number of training users of each item.
    pub fn from_counts(counts: &[u32], users: usize, fade: f32) -> Self {
        Self { shares: counts.iter().map(|&n| n as f32 / users.max(1) as f32).collect(), fade }
    }

    fn factor(&self, history: &[Seen]) -> f32 {
        1.0 / (1.0 + self.fade * history.len() as f32)
    }
}

impl Term for Popularity {
    fn name(&self) -> &str {
        "popularity"
    }

    fn items(&self) -> usize {
        self.shares.len()
    }

    fn download_bytes(&self) -> usize {
        4 * self.shares.len()
    }

    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        let factor = gain * self.factor(history);
        for (out, share) in out.iter_mut().zip(&self.shares) {
            *out += factor * share;
        }
    }

    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        let base = self.factor(history) * self.shares.get(item as usize).copied().unwrap_or(0.0);
        Shares { base, events: vec![0.0; history.len()] }
    }
}
