//! Steps of the weights: AdamW (Loshchilov and Hutter 2019), and for matrices, where it is asked for, Muon (Jordan et al. 2024,
//! "Muon: An optimizer for hidden layers in neural networks"): a momentum whose singular values are all made one, so that what few pictures
//! tell moves a matrix as far as what many do.
//!
//! Not here: the gradients, and how the rate falls.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::passes::Weights;
use super::start::Start;
use super::state::State;

/// Adam's memories and its guard against division by nothing.
const BETAS: (f32, f32) = (0.9, 0.99);
const EPSILON: f32 = 1e-8;
/// Muon's memory, and its coefficients of the fifth power's, third power's and first power's part, and how often they are applied.
const MOMENTUM: f32 = 0.95;
const POWERS: [f32; 3] = [2.0315, -4.775, 3.4445];
const ROUNDS: usize = 5;

/// How far weights go in a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub rate: f32,
    /// Of the body's matrices by Muon; 0: by AdamW as everything else.
    pub matrix_rate: f32,
    pub weight_decay: f32,
}

/// Moves the weights against the sum of the groups' gradients, the mean over the batch.
pub(super) fn descend(start: &Start, state: &mut State, grads: &[Weights], pace: Pace) {
    state.step += 1;
    let corrected = (1.0 - BETAS.0.powi(state.step as i32), 1.0 - BETAS.1.powi(state.step as i32));
    let all = state.weights.par_iter_mut().zip(&mut state.mean).zip(&mut state.square).enumerate();
    all.filter(|(at, _)| *at >= start.frozen).for_each(|(at, ((w, mean), square))| {
        let mut sum = vec![0.0f32; w.len()];
        // In the order of the groups, whoever computed them.
        grads.iter().for_each(|grads| sum.iter_mut().zip(&grads[at]).for_each(|(sum, g)| *sum += g));
        if let (true, Some([rows, cols])) = (pace.matrix_rate > 0.0, start.inner(at)) {
            let ahead: Vec<f32> = mean
                .iter_mut()
                .zip(&sum)
                .map(|(mean, g)| {
                    *mean = MOMENTUM * *mean + (1.0 - MOMENTUM) * g;
                    MOMENTUM * *mean + (1.0 - MOMENTUM) * g
                })
                .collect();
            // A matrix with more outputs than inputs has to go farther for each output to change as much.
            let rate = pace.matrix_rate * (rows as f32 / cols as f32).max(1.0).sqrt();
            let way = orthogonal(&ahead, rows, cols);
            w.iter_mut().zip(way).for_each(|(w, way)| *w -= rate * (way + pace.weight_decay * *w));
            return;
        }
        let (decays, faster) = start.rule(at);
        let (rate, decay) = (pace.rate * faster, if decays { pace.weight_decay } else { 0.0 });
        for (((w, mean), square), g) in w.iter_mut().zip(mean).zip(square).zip(sum) {
            *mean = BETAS.0 * *mean + (1.0 - BETAS.0) * g;
            *square = BETAS.1 * *square + (1.0 - BETAS.1) * g * g;
            *w -= rate * (*mean / corrected.0 / ((*square / corrected.1).sqrt() + EPSILON) + decay * *w);
        }
    });
}

/// The matrix `[rows, cols]` with the same singular vectors whose singular values are about one (0.7 to 1.2): Newton and Schulz's
/// iteration.
pub fn orthogonal(matrix: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let length = matrix.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
    let tall = rows > cols;
    let turned = |from: &[f32], rows: usize, cols: usize| -> Vec<f32> { (0..rows * cols).map(|at| from[at % rows * cols + at / rows]).collect() };
    let (m, n) = if tall { (cols, rows) } else { (rows, cols) };
    let mut x = if tall { turned(matrix, rows, cols) } else { matrix.to_vec() };
    x.iter_mut().for_each(|v| *v /= length);
    let (mut a, mut b, mut c) = (vec![0.0f32; m * m], vec![0.0f32; m * m], vec![0.0f32; m * n]);
    for _ in 0..ROUNDS {
        let x_of = MatRef::from_row_major_slice(&x, m, n);
        matmul(MatMut::from_row_major_slice_mut(&mut a, m, m), Accum::Replace, x_of, x_of.transpose(), 1.0, Par::Seq);
        let a_of = MatRef::from_row_major_slice(&a, m, m);
        matmul(MatMut::from_row_major_slice_mut(&mut b, m, m), Accum::Replace, a_of, a_of, 1.0, Par::Seq);
        b.iter_mut().zip(&a).for_each(|(b, a)| *b = POWERS[0] * *b + POWERS[1] * a);
        matmul(MatMut::from_row_major_slice_mut(&mut c, m, n), Accum::Replace, MatRef::from_row_major_slice(&b, m, m), x_of, 1.0, Par::Seq);
        x.iter_mut().zip(&c).for_each(|(x, c)| *x = POWERS[2] * *x + c);
    }
    if tall { turned(&x, m, n) } else { x }
}
