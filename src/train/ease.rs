//! EASE: the item-item weights that best reproduce every user's row, with a zero diagonal, in closed form.
//!
//! Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data", eq. 8: P = (X'X + lambda I)^-1,
//! B[i, j] = -P[i, j] / P[j, j] for i != j. Negative weights are kept. Extra rows under X (attributes, text) give the
//! variants with content in the kernel (`ease_content`). Not here: the inverse (`inverse`).

use rayon::prelude::*;

use super::inverse::{Stand, ridge_inverse};
use super::matrix::Csr;
use crate::Result;

/// B as row-major `[items, items]`: row i is what having met item i adds to the scores of the others.
pub fn ease(x: &Csr, lambda: f32) -> Result<Vec<f32>> {
    Ok(ease_with_heights(x, lambda, &Stand::nowhere())?.0)
}

/// The same with heights h_j = 1 / P[j, j], `[items]`: B[i, j] / h_j is symmetric. The inversion is kept at `stand`.
pub fn ease_with_heights(x: &Csr, lambda: f32, stand: &Stand<'_>) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut p = ridge_inverse(x, lambda, stand)?;
    let heights = weights_from_inverse(&mut p, x.columns).into_iter().map(|d| 1.0 / d).collect();
    Ok((p, heights))
}

/// Turns P into B in place, and gives P's diagonal.
fn weights_from_inverse(p: &mut [f32], n: usize) -> Vec<f32> {
    let diagonal: Vec<f32> = (0..n).map(|i| p[i * n + i]).collect();
    p.par_chunks_mut(n.max(1)).enumerate().for_each(|(i, row)| {
        for (value, d) in row.iter_mut().zip(&diagonal) {
            *value = -*value / d;
        }
        row[i] = 0.0;
    });
    diagonal
}
