//! The trainer's EASE: its regularization by trials.
//!
//! Not here: the closed form (`ease`), which entries devices get (`entries`).

use std::sync::Arc;

use super::blend::{sample, term_quality};
use super::ease::ease_with_heights;
use super::inverse::Stand;
use super::kept::Trials;
use super::methods::Trainer;
use crate::rank::learned::terms::Term;
use crate::Result;

/// Factors of the default that are tried.
const FACTORS: [f32; 5] = [1.0, 0.25, 0.5, 2.0, 4.0];
const CASES: usize = 1000;
/// The part of a checkpoint with the trials.
const TRIALS: &str = "ease-trials";

impl Trainer<'_> {
    /// EASE. With fewer users than items each lambda is cheap (the small dual system), and the best of a few is taken.
    pub(super) fn ease(&mut self, method: &str) -> Result<Arc<dyn Term>> {
        let matrix = self.covered_matrix();
        let base = self.choices.ease_lambda.unwrap_or(self.settings.ease_lambda);
        let cheap = self.choices.ease_lambda.is_none() && matrix.rows() * 5 <= matrix.columns * 4 && !self.data.valid.is_empty();
        let cases = sample(self.data.valid, CASES);
        let mut trials = Trials::open(&self.kept, TRIALS);
        let learn = |lambda: f32| ease_with_heights(&matrix, lambda, &Stand::new(&self.kept, method, &lambda.to_string()));
        // What was reached, with which lambda; the weights, unless a stopped run had tried it.
        let mut best: Option<(f64, f32, Option<(Vec<f32>, Vec<f32>)>)> = None;
        for lambda in FACTORS.iter().take(if cheap { FACTORS.len() } else { 0 }).map(|factor| base * factor) {
            let mut weights = None;
            let reached = trials.of(&lambda.to_string(), &|| 0.0, || {
                let (learned, heights) = learn(lambda)?;
                let term = self.dense(method, learned);
                let reached = term_quality(&term, &cases, self.data.valid_candidates);
                weights = Arc::into_inner(term.weights).map(|learned| (learned, heights));
                Ok(reached)
            })?;
            if best.as_ref().is_none_or(|(most, ..)| reached > *most) {
                best = Some((reached, lambda, weights));
            }
        }
        let (_, lambda, weights) = best.unwrap_or((0.0, base, None));
        let (weights, heights) = weights.map_or_else(|| learn(lambda), Ok)?;
        drop(matrix);
        (self.note)(&format!("{method}: lambda {lambda}"));
        self.choices.ease_lambda = Some(lambda);
        Ok(self.matrix_term(method, weights, Some(heights)))
    }

    /// Drops the trials: the term is there.
    pub(super) fn drop_lambdas(&self) {
        self.kept.remove(TRIALS);
    }
}
