//! Content to collaborative: what EASE would weigh towards an item nobody has touched, predicted from its content.
//!
//! Kernel ridge from the content of warm items to their columns of B: for a cold item with content similarities k to the
//! warm items, B[:, cold] = B[:, warm] (K + lambda I)^-1 k (Gantner et al. 2010 map to factors; MARec 2024 aligns item
//! similarities). Only the cold columns are new: warm columns stay EASE's. Not here: EASE.

use rayon::prelude::*;

use super::features::Features;
use super::inverse::{Stand, inverse_of};
use super::linear::{add_diagonal, matmul};
use crate::Result;

/// Content similarities `[rows, columns]` between two lists of items: cosines of sparse and dense rows, averaged where
/// both exist.
pub fn similarities(features: &Features, rows: &[u32], columns: &[u32]) -> Vec<f32> {
    let mut out = vec![0f32; rows.len() * columns.len()];
    let has_sparse = features.sparse.rows() > 0 && !features.sparse.indices.is_empty();
    let share = if has_sparse && features.dim > 0 { 0.5 } else { 1.0 };
    out.par_chunks_mut(columns.len().max(1)).zip(rows).for_each_init(
        || vec![0f32; features.sparse.columns],
        |dense, (out, &row)| {
            if has_sparse {
                for (c, v) in features.sparse.entries(row as usize) {
                    dense[c as usize] = v;
                }
                for (out, &column) in out.iter_mut().zip(columns) {
                    *out += share * features.sparse.entries(column as usize).map(|(c, v)| dense[c as usize] * v).sum::<f32>();
                }
                for (c, _) in features.sparse.entries(row as usize) {
                    dense[c as usize] = 0.0;
                }
            }
            if features.dim > 0 {
                let own = features.dense_row(row as usize);
                for (out, &column) in out.iter_mut().zip(columns) {
                    let other = features.dense_row(column as usize);
                    *out += share * own.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
                }
            }
        },
    );
    out
}

/// Fills the columns of `weights` (row-major `[items, items]`, EASE's) for the items in `cold` from the content of `warm`. The
/// inversion is kept at `stand`.
pub fn fill_cold(
    weights: &mut [f32],
    items: usize,
    features: &Features,
    warm: &[u32],
    cold: &[u32],
    lambda: f32,
    stand: &Stand<'_>,
) -> Result<()> {
    let (w, c) = (warm.len(), cold.len());
    if w == 0 || c == 0 {
        return Ok(());
    }
    let system = || {
        let mut kernel = similarities(features, warm, warm);
        add_diagonal(&mut kernel, w, lambda);
        kernel
    };
    let kernel = inverse_of(w, system, stand)?;
    let cross = similarities(features, warm, cold);
    // A = (K + lambda I)^-1 k, [warm, cold].
    let mut mapped = vec![0f32; w * c];
    matmul(&mut mapped, &kernel, &cross, (w, w, c), false);
    drop(kernel);
    for block in warm.chunks(1024) {
        let mut rows = vec![0f32; block.len() * w];
        for (row, &item) in rows.chunks_exact_mut(w).zip(block) {
            row.iter_mut().zip(warm).for_each(|(r, &j)| *r = weights[item as usize * items + j as usize]);
        }
        let mut out = vec![0f32; block.len() * c];
        matmul(&mut out, &rows, &mapped, (block.len(), w, c), false);
        for (row, &item) in out.chunks_exact(c).zip(block) {
            for (value, &j) in row.iter().zip(cold) {
                weights[item as usize * items + j as usize] = *value;
            }
        }
    }
    Ok(())
}
