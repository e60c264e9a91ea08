//! Dense algebra for training: Gram matrices of sparse rows, inverses of positive definite matrices, products.
//!
//! All matrices are row-major f32 slices. `faer` does the blocked work on all threads of the pool. Not here: which
//! system a method solves (its own file).

use faer::linalg::matmul::{matmul as faer_matmul, triangular};
use faer::traits::RealField;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::matrix::Csr;
use crate::{Error, Result};

/// `X'X` as `[columns, columns]`, plus `lambda` on the diagonal.
pub fn gram(x: &Csr, lambda: f32) -> Vec<f32> {
    product_transposed(x, x, lambda)
}

/// `A'B` as `[a.columns, b.columns]` for two matrices with the same rows, plus `lambda` on the diagonal.
pub fn product_transposed(a: &Csr, b: &Csr, lambda: f32) -> Vec<f32> {
    let n = b.columns;
    let mut out = vec![0f32; a.columns * n];
    add_product_transposed(&mut out, a, b);
    if lambda != 0.0 {
        add_diagonal(&mut out, n, lambda);
    }
    out
}

/// `out += A'B`, rows of A and B in order: adding them part by part gives the same sums.
pub fn add_product_transposed(out: &mut [f32], a: &Csr, b: &Csr) {
    let transposed = a.transpose();
    out.par_chunks_mut(b.columns.max(1)).enumerate().for_each(|(i, row)| {
        for (r, v) in transposed.entries(i) {
            let (columns, values) = b.row(r as usize);
            for (&c, &w) in columns.iter().zip(values) {
                row[c as usize] += v * w;
            }
        }
    });
}

/// Adds `lambda` to the diagonal of a row-major matrix with `n` columns.
pub fn add_diagonal(matrix: &mut [f32], n: usize, lambda: f32) {
    matrix.chunks_exact_mut(n.max(1)).enumerate().take(n).for_each(|(i, row)| row[i] += lambda);
}

/// Number of threads of the current pool, as `faer` wants it.
pub fn threads() -> Par {
    match std::num::NonZeroUsize::new(rayon::current_num_threads()) {
        Some(n) if n.get() > 1 => Par::Rayon(n),
        _ => Par::Seq,
    }
}

/// The inverse of the Cholesky factor of a symmetric positive definite `[n, n]` matrix: a lower triangle, column-major. `None` where
/// the matrix is not positive definite. What was in `matrix` is lost.
pub fn inverse_of_factor<T: RealField + Copy>(matrix: &mut [T], n: usize) -> Option<Vec<T>> {
    use faer::dyn_stack::{MemBuffer, MemStack};
    use faer::linalg::cholesky::llt::factor;
    let par = threads();
    // The row-major matrix is symmetric, so its transpose (column-major, which faer prefers) is the same one.
    let a = MatMut::from_column_major_slice_mut(&mut *matrix, n, n);
    let mut memory = MemBuffer::new(factor::cholesky_in_place_scratch::<T>(n, par, Default::default()));
    factor::cholesky_in_place(a, Default::default(), par, MemStack::new(&mut memory), Default::default()).ok()?;
    let mut lower_inverse = vec![T::zero_impl(); n * n];
    faer::linalg::triangular_inverse::invert_lower_triangular(
        MatMut::from_column_major_slice_mut(&mut lower_inverse, n, n),
        MatRef::from_column_major_slice(&*matrix, n, n),
        par,
    );
    Some(lower_inverse)
}

/// Replaces the symmetric positive definite `[n, n]` matrix by its inverse (Cholesky, 2 n^2 floats of memory in all).
pub fn invert(matrix: &mut [f32], n: usize) -> Result<()> {
    let par = threads();
    let lower_inverse = inverse_of_factor(matrix, n)
        .ok_or_else(|| Error::input(format!("The system of {n} items is not positive definite. Raise the regularization.")))?;
    let l = MatRef::from_column_major_slice(&lower_inverse, n, n);
    triangular::matmul(
        MatMut::from_column_major_slice_mut(matrix, n, n),
        triangular::BlockStructure::TriangularLower,
        Accum::Replace,
        l.transpose(),
        triangular::BlockStructure::TriangularUpper,
        l,
        triangular::BlockStructure::TriangularLower,
        1.0,
        par,
    );
    drop(lower_inverse);
    mirror(matrix, n);
    Ok(())
}

/// Copies the lower triangle (column-major) to the upper one, tile by tile.
fn mirror(matrix: &mut [f32], n: usize) {
    const TILE: usize = 64;
    for block_row in (0..n).step_by(TILE) {
        for block_column in (block_row..n).step_by(TILE) {
            for i in block_row..(block_row + TILE).min(n) {
                for j in block_column.max(i + 1)..(block_column + TILE).min(n) {
                    // Element (j, i) of the column-major lower triangle lies at i * n + j.
                    matrix[j * n + i] = matrix[i * n + j];
                }
            }
        }
    }
}

/// `out = A B` (+ `out` when `add`), row-major `[m, k]` and `[k, n]`.
pub fn matmul(out: &mut [f32], a: &[f32], b: &[f32], (m, k, n): (usize, usize, usize), add: bool) {
    faer_matmul(
        MatMut::from_row_major_slice_mut(out, m, n),
        if add { Accum::Add } else { Accum::Replace },
        MatRef::from_row_major_slice(a, m, k),
        MatRef::from_row_major_slice(b, k, n),
        1.0,
        threads(),
    );
}

/// `out = A' B` (+ `out` when `add`), row-major `[k, m]` and `[k, n]`.
pub fn matmul_left_transposed<T: RealField + Copy>(out: &mut [T], a: &[T], b: &[T], (m, k, n): (usize, usize, usize), add: bool) {
    faer_matmul(
        MatMut::from_row_major_slice_mut(out, m, n),
        if add { Accum::Add } else { Accum::Replace },
        MatRef::from_row_major_slice(a, k, m).transpose(),
        MatRef::from_row_major_slice(b, k, n),
        T::one_impl(),
        threads(),
    );
}

/// `out = A B'` (+ `out` when `add`), row-major `[m, k]` and `[n, k]`.
pub fn matmul_right_transposed(out: &mut [f32], a: &[f32], b: &[f32], (m, k, n): (usize, usize, usize), add: bool) {
    faer_matmul(
        MatMut::from_row_major_slice_mut(out, m, n),
        if add { Accum::Add } else { Accum::Replace },
        MatRef::from_row_major_slice(a, m, k),
        MatRef::from_row_major_slice(b, n, k).transpose(),
        1.0,
        threads(),
    );
}

/// The inverse of `X'X + lambda I` as `[columns, columns]`. Where X has fewer rows than columns it inverts the smaller
/// `X X' + lambda I` instead: (X'X + lI)^-1 = (I - X'(XX' + lI)^-1 X) / l (Woodbury).
pub fn ridge_inverse(x: &Csr, lambda: f32) -> Result<Vec<f32>> {
    let n = x.columns;
    if x.rows() * 5 > n * 4 {
        let mut active = vec![false; n];
        x.indices.iter().for_each(|&c| active[c as usize] = true);
        let kept: Vec<usize> = (0..n).filter(|&c| active[c]).collect();
        if kept.len() == n {
            let mut matrix = gram(x, lambda);
            invert(&mut matrix, n)?;
            return Ok(matrix);
        }
        // Columns without entries are apart from all others: their block of the inverse is I / lambda.
        let mut number = vec![0u32; n];
        kept.iter().enumerate().for_each(|(i, &c)| number[c] = i as u32);
        let indices = x.indices.iter().map(|&c| number[c as usize]).collect();
        let small = Csr { columns: kept.len(), offsets: x.offsets.clone(), indices, values: x.values.clone() };
        let mut matrix = gram(&small, lambda);
        invert(&mut matrix, kept.len())?;
        let mut out = vec![0f32; n * n];
        (0..n).for_each(|c| out[c * n + c] = 1.0 / lambda);
        for (row, &r) in matrix.chunks_exact(kept.len().max(1)).zip(&kept) {
            row.iter().zip(&kept).for_each(|(v, &c)| out[r * n + c] = *v);
        }
        return Ok(out);
    }
    let m = x.rows();
    let transposed = x.transpose();
    let mut kernel = gram(&transposed, lambda);
    invert(&mut kernel, m)?;
    // M = K X, then P = (I - X' M) / lambda.
    let mut right = vec![0f32; m * n];
    right.par_chunks_mut(n).enumerate().for_each(|(i, row)| {
        for r in 0..m {
            let factor = kernel[i * m + r];
            for (c, v) in x.entries(r) {
                row[c as usize] += factor * v;
            }
        }
    });
    let mut out = vec![0f32; n * n];
    out.par_chunks_mut(n).enumerate().for_each(|(i, row)| {
        for (r, v) in transposed.entries(i) {
            let from = &right[r as usize * n..(r as usize + 1) * n];
            for (o, x) in row.iter_mut().zip(from) {
                *o -= v * x;
            }
        }
        row[i] += 1.0;
        row.iter_mut().for_each(|o| *o /= lambda);
    });
    Ok(out)
}
