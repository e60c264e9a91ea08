//! Predicted ratings: biases and factors with an exact fold-in of the visitor, and item neighbors on what they leave over.
//!
//! r(u, j) = mu + b_u + b_j + p_u . q_j + share * kNN residual, clipped to the scale. The visitor's (b_u, p_u) solves the
//! ridge system of his own ratings on the device (Koren, Bell & Volinsky 2009 for the model). Good rating models rank
//! badly: this is not used for lists. Not here: learning it (`train::ratings`).

use super::factors::{cholesky, solve};
use super::sparse::SparseRows;

/// What devices need to predict ratings.
#[derive(Debug, Clone)]
pub struct RatingModel {
    pub mean: f32,
    pub dim: usize,
    /// `[items]`.
    pub item_bias: Vec<f32>,
    /// `[items, dim]`.
    pub factors: Vec<f32>,
    /// Ridge of the visitor's bias and of his vector.
    pub bias_ridge: f32,
    pub ridge: f32,
    /// Row i: similarities of item i to its nearest.
    pub neighbors: SparseRows,
    /// Added to the sum of similarities that a neighbor average divides by.
    pub damping: f32,
    /// How much of the neighbors' residual is taken.
    pub neighbor_share: f32,
    pub low: f32,
    pub high: f32,
}

/// A visitor as the model sees him.
#[derive(Debug, Clone, PartialEq)]
pub struct Rater {
    pub bias: f32,
    pub vector: Vec<f32>,
    /// His rated items with what bias and factors leave unexplained.
    pub residuals: Vec<(u32, f32)>,
}

impl RatingModel {
    /// Folds a history of `(item, rating)` in. Items that the model does not know are left out.
    pub fn fold_in(&self, history: &[(u32, f32)]) -> Rater {
        let d = self.dim + 1;
        let mut a = vec![0f32; d * d];
        let mut b = vec![0f32; d];
        let known: Vec<(u32, f32)> =
            history.iter().copied().filter(|(i, _)| (*i as usize) < self.item_bias.len()).collect();
        let mut x = vec![1f32; d];
        for &(item, rating) in &known {
            let at = item as usize;
            x[1..].copy_from_slice(&self.factors[at * self.dim..(at + 1) * self.dim]);
            let left = rating - self.mean - self.item_bias[at];
            for i in 0..d {
                b[i] += left * x[i];
                for j in 0..=i {
                    a[i * d + j] += x[i] * x[j];
                }
            }
        }
        for i in 0..d {
            a[i * d + i] += if i == 0 { self.bias_ridge } else { self.ridge };
        }
        cholesky(&mut a, d);
        solve(&a, d, &mut b);
        let mut rater = Rater { bias: b[0], vector: b[1..].to_vec(), residuals: Vec::new() };
        rater.residuals = known.iter().map(|&(item, rating)| (item, rating - self.smooth(&rater, item))).collect();
        rater
    }

    /// Biases and factors alone.
    pub fn smooth(&self, rater: &Rater, item: u32) -> f32 {
        let at = item as usize;
        if at >= self.item_bias.len() {
            return self.mean + rater.bias;
        }
        let q = &self.factors[at * self.dim..(at + 1) * self.dim];
        self.mean + rater.bias + self.item_bias[at] + q.iter().zip(&rater.vector).map(|(q, p)| q * p).sum::<f32>()
    }

    /// The damped mean residual of the item's neighbors among the rated items.
    pub fn neighbor_residual(&self, rater: &Rater, item: u32) -> f32 {
        let (mut sum, mut mass) = (0f32, self.damping);
        for &(rated, residual) in &rater.residuals {
            let similarity = self.neighbors.get(item, rated);
            sum += similarity * residual;
            mass += similarity.abs();
        }
        if mass > 0.0 { sum / mass } else { 0.0 }
    }

    /// The predicted rating, within the scale.
    pub fn predict(&self, rater: &Rater, item: u32) -> f32 {
        let rating = self.smooth(rater, item) + self.neighbor_share * self.neighbor_residual(rater, item);
        rating.clamp(self.low, self.high)
    }

    /// Bytes of what a device needs: int8 factors and a scale, half-float biases, the neighbors.
    pub fn download_bytes(&self) -> usize {
        self.factors.len() + 4 * self.item_bias.len() + if self.neighbor_share > 0.0 { self.neighbors.download_bytes() } else { 0 }
    }
}
