//! Dense algebra for training: Gram matrices of sparse rows, products, Cholesky's factor inverted.
//!
//! All matrices are row-major slices. `faer` does the blocked work on all threads of the pool. Not here: inverses (`inverse`), which
//! system a method solves (its own file).

use faer::linalg::matmul::matmul as faer_matmul;
use faer::traits::RealField;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::matrix::Csr;

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
