//! The learner on the device: what the terms are worth to this visitor, from what he acted on and what he passed over.
//!
//! Bayesian logistic regression over the terms' values with a full Gaussian posterior, one step of the Laplace
//! approximation an observation (Spiegelhalter & Lauritzen 1990; Thompson sampling over it as in Chapelle & Li 2011). It
//! starts from what the terms are shipped to be worth and is a pure function of what it observed, in its order. Not here:
//! the terms, what is observed (`engine::learning`), which slots explore (`explore`).

use crate::math::rng::Rng;

/// The posterior over the terms' weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Learner {
    prior: Vec<f64>,
    mean: Vec<f64>,
    /// `[terms, terms]`, row-major.
    covariance: Vec<f64>,
    observations: u64,
}

impl Learner {
    /// Starts from the publisher's `gains`. `trust` is how many observations of unit size the prior is worth.
    pub fn new(gains: &[f64], trust: f64) -> Self {
        let n = gains.len();
        let mut covariance = vec![0.0; n * n];
        for i in 0..n {
            // A quarter is the largest information of one observation of a unit feature.
            covariance[i * n + i] = 4.0 / trust.max(1e-6);
        }
        Self { prior: gains.to_vec(), mean: gains.to_vec(), covariance, observations: 0 }
    }

    /// Mean weights, one a term.
    pub fn weights(&self) -> &[f64] {
        &self.mean
    }

    /// Standard deviations of the weights.
    pub fn deviations(&self) -> Vec<f64> {
        let n = self.mean.len();
        (0..n).map(|i| self.covariance[i * n + i].max(0.0).sqrt()).collect()
    }

    /// How far each weight moved from the publisher's.
    pub fn moved(&self) -> Vec<f64> {
        self.mean.iter().zip(&self.prior).map(|(m, p)| m - p).collect()
    }

    /// Number of observations so far.
    pub fn observations(&self) -> u64 {
        self.observations
    }

    /// Learns from one shown item: `features` are its terms' values against the list's mean (so that no constant is
    /// needed), `acted` whether the visitor acted on it. Values that are not finite are left out.
    pub fn observe(&mut self, features: &[f64], acted: bool) {
        let n = self.mean.len();
        if features.len() != n || features.iter().any(|f| !f.is_finite()) {
            return;
        }
        let sx: Vec<f64> =
            (0..n).map(|i| (0..n).map(|j| self.covariance[i * n + j] * features[j]).sum()).collect();
        let spread: f64 = sx.iter().zip(features).map(|(a, b)| a * b).sum();
        let score: f64 = self.mean.iter().zip(features).map(|(m, f)| m * f).sum();
        // Two Newton steps along the direction S x, which holds the maximum of the one-observation posterior.
        let label = f64::from(u8::from(acted));
        let mut along = 0.0;
        for _ in 0..3 {
            let p = 1.0 / (1.0 + (-(score + along * spread)).exp());
            let step = (along - (label - p)) / (1.0 + spread * p * (1.0 - p));
            along -= step;
        }
        let p = 1.0 / (1.0 + (-(score + along * spread)).exp());
        let information = p * (1.0 - p);
        let shrink = information / (1.0 + information * spread);
        for i in 0..n {
            self.mean[i] += along * sx[i];
            for j in 0..n {
                self.covariance[i * n + j] -= shrink * sx[i] * sx[j];
            }
        }
        self.observations += 1;
    }

    /// Weights drawn from the posterior, for slots that explore.
    pub fn sample(&self, rng: &mut Rng) -> Vec<f64> {
        let n = self.mean.len();
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
                let value = self.covariance[i * n + j] - dot;
                lower[i * n + j] = if i == j { value.max(0.0).sqrt() } else if lower[j * n + j] > 0.0 { value / lower[j * n + j] } else { 0.0 };
            }
        }
        let noise: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        (0..n).map(|i| self.mean[i] + (0..=i).map(|j| lower[i * n + j] * noise[j]).sum::<f64>()).collect()
    }
}
