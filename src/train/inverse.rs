//! Inverses of positive definite matrices, in place and panel by panel, so that a run that was stopped goes on in the middle of one.
//!
//! The sweep operator (Beaton 1964; Goodnight 1979, "A Tutorial on the SWEEP Operator") on a panel K of rows and columns at once, with
//! A_KK = L L' and V = A_RK L^-T for all other rows R:
//!
//!   A_RR <- A_RR - V V',   A_RK <- V L^-1,   A_KK <- -L^-T L^-1
//!
//! After every panel A is minus its inverse: as many products as by Cholesky's factor, and no second matrix. Not here: other dense
//! algebra (`linear`), which system a method solves (its own file).

use std::collections::BTreeMap;

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use super::kept::Kept;
use super::linear::{gram, inverse_of_factor, threads};
use super::matrix::Csr;
use crate::format::tensors::Part;
use crate::{Error, Result};

/// Columns that are swept together: of 20,000 a fortieth, and the panel's own share of the work stays small.
const PANEL: usize = 512;

/// Where the inversion of one system stands, kept for a run that is stopped.
#[derive(Clone, Copy)]
pub struct Stand<'k> {
    kept: Option<&'k Kept<'k>>,
    method: &'k str,
    system: &'k str,
}

impl<'k> Stand<'k> {
    /// Nothing is kept.
    pub fn nowhere() -> Self {
        Self { kept: None, method: "", system: "" }
    }

    /// Of a method's system, which `system` tells from its others; the part of the checkpoint is the method's.
    pub fn new(kept: &'k Kept<'k>, method: &'k str, system: &'k str) -> Self {
        Self { kept: Some(kept).filter(|kept| kept.is_on()), method, system }
    }

    /// The part of a checkpoint with a method's inversion.
    pub fn part(method: &str) -> String {
        format!("{method}-inverse")
    }

    /// The matrix, its lower triangle column-major, and how many columns are swept.
    fn read(&self, n: usize) -> Option<(Vec<f32>, usize)> {
        let kept = self.kept?;
        let file = kept.read(&Self::part(self.method))?;
        let says = |name: &str| file.metadata().get(name).map(String::as_str);
        let done = says("done")?.parse().ok().filter(|&done| done < n)?;
        let triangle = file.f32s("triangle").ok().filter(|triangle| says("system") == Some(self.system) && triangle.len() == n * (n + 1) / 2)?;
        let mut matrix = vec![0f32; n * n];
        let mut rest = triangle.as_slice();
        for (column, to) in matrix.chunks_exact_mut(n.max(1)).enumerate() {
            let (from, others) = rest.split_at(n - column);
            to[column..].copy_from_slice(from);
            rest = others;
        }
        kept.tell(&format!("{}: going on after {done} of {n} columns of an inverse", self.method));
        Some((matrix, done))
    }

    /// Keeps the matrix where that is due.
    fn write(&self, matrix: &[f32], n: usize, done: usize) -> Result<()> {
        let Some(kept) = self.kept.filter(|kept| kept.is_due()) else { return Ok(()) };
        let triangle: Vec<f32> = matrix.chunks_exact(n.max(1)).enumerate().flat_map(|(column, from)| &from[column..]).copied().collect();
        let metadata: BTreeMap<String, String> = [("done".to_owned(), done.to_string()), ("system".to_owned(), self.system.to_owned())].into();
        kept.write(&Self::part(self.method), &[Part::f32("triangle", &[triangle.len()], &triangle)], metadata)
    }
}

/// Replaces the symmetric positive definite `[n, n]` matrix by its inverse.
///
/// # Errors
/// [`Error::Input`] where it is not positive definite.
pub fn invert(matrix: &mut [f32], n: usize) -> Result<()> {
    invert_from(matrix, n, 0, &Stand::nowhere())
}

/// The inverse of the `[n, n]` matrix that `system` makes; where a stopped run has kept where it stood, from there on.
pub(super) fn inverse_of(n: usize, system: impl FnOnce() -> Vec<f32>, stand: &Stand<'_>) -> Result<Vec<f32>> {
    let (mut matrix, done) = stand.read(n).unwrap_or_else(|| (system(), 0));
    invert_from(&mut matrix, n, done, stand)?;
    Ok(matrix)
}

/// Goes on after `done` columns, of which `matrix` has the lower triangle, column-major (a symmetric one has both).
fn invert_from(matrix: &mut [f32], n: usize, done: usize, stand: &Stand<'_>) -> Result<()> {
    let room = n * PANEL.min(n);
    let (mut panel, mut half) = (vec![0f32; room], vec![0f32; room]);
    for first in (done..n).step_by(PANEL) {
        let end = n.min(first + PANEL);
        let size = n * (end - first);
        sweep(matrix, n, first..end, &mut panel[..size], &mut half[..size])
            .ok_or_else(|| Error::input(format!("The system of {n} items is not positive definite. Raise the regularization.")))?;
        if end < n {
            stand.write(matrix, n, end)?;
        }
    }
    matrix.par_iter_mut().for_each(|value| *value = -*value);
    mirror(matrix, n);
    Ok(())
}

/// Sweeps the columns `own` of the lower triangle. `panel` and `half` are room for as many columns. `None` where what is left is not
/// positive definite.
fn sweep(matrix: &mut [f32], n: usize, own: std::ops::Range<usize>, panel: &mut [f32], half: &mut [f32]) -> Option<()> {
    let (par, size, full) = (threads(), own.len(), BlockStructure::Rectangular);
    // A_RK, zeros in the rows of K itself, so that the products below leave those alone.
    for row in 0..own.start {
        let from = &matrix[row * n + own.start..row * n + own.end];
        from.iter().enumerate().for_each(|(c, value)| panel[c * n + row] = *value);
    }
    let mut block = vec![0f32; size * size];
    for (c, (to, block)) in panel.chunks_exact_mut(n).zip(block.chunks_exact_mut(size)).enumerate() {
        let from = &matrix[(own.start + c) * n..(own.start + c + 1) * n];
        to[own.clone()].fill(0.0);
        to[own.end..].copy_from_slice(&from[own.end..]);
        block[c..].copy_from_slice(&from[own.start + c..own.end]);
    }
    let inverse = inverse_of_factor(&mut block, size)?;
    let inverse = MatRef::from_column_major_slice(&inverse, size, size);
    let v = MatMut::from_column_major_slice_mut(&mut *half, n, size);
    let rows = MatRef::from_column_major_slice(&*panel, n, size);
    triangular::matmul(v, full, Accum::Replace, rows, full, inverse.transpose(), BlockStructure::TriangularUpper, 1.0, par);
    let v = MatRef::from_column_major_slice(&*half, n, size);
    let a = MatMut::from_column_major_slice_mut(&mut *matrix, n, n);
    triangular::matmul(a, BlockStructure::TriangularLower, Accum::Add, v, full, v.transpose(), full, -1.0, par);
    let rows = MatMut::from_column_major_slice_mut(&mut *panel, n, size);
    triangular::matmul(rows, full, Accum::Replace, v, full, inverse, BlockStructure::TriangularLower, 1.0, par);
    let square = MatMut::from_column_major_slice_mut(&mut block, size, size);
    let (lower, upper) = (BlockStructure::TriangularLower, BlockStructure::TriangularUpper);
    triangular::matmul(square, lower, Accum::Replace, inverse.transpose(), upper, inverse, lower, -1.0, par);
    for row in 0..own.start {
        let to = &mut matrix[row * n + own.start..row * n + own.end];
        to.iter_mut().enumerate().for_each(|(c, value)| *value = panel[c * n + row]);
    }
    for (c, (from, block)) in panel.chunks_exact(n).zip(block.chunks_exact(size)).enumerate() {
        let to = &mut matrix[(own.start + c) * n..(own.start + c + 1) * n];
        to[own.end..].copy_from_slice(&from[own.end..]);
        to[own.start + c..own.end].copy_from_slice(&block[c..]);
    }
    Some(())
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

/// The inverse of `X'X + lambda I` as `[columns, columns]`. Where X has fewer rows than columns it inverts the smaller
/// `X X' + lambda I` instead: (X'X + lI)^-1 = (I - X'(XX' + lI)^-1 X) / l (Woodbury).
pub fn ridge_inverse(x: &Csr, lambda: f32, stand: &Stand<'_>) -> Result<Vec<f32>> {
    let n = x.columns;
    if x.rows() * 5 > n * 4 {
        let mut active = vec![false; n];
        x.indices.iter().for_each(|&c| active[c as usize] = true);
        let kept: Vec<usize> = (0..n).filter(|&c| active[c]).collect();
        if kept.len() == n {
            return inverse_of(n, || gram(x, lambda), stand);
        }
        // Columns without entries are apart from all others: their block of the inverse is I / lambda.
        let mut number = vec![0u32; n];
        kept.iter().enumerate().for_each(|(i, &c)| number[c] = i as u32);
        let indices = x.indices.iter().map(|&c| number[c as usize]).collect();
        let small = Csr { columns: kept.len(), offsets: x.offsets.clone(), indices, values: x.values.clone() };
        let matrix = inverse_of(kept.len(), || gram(&small, lambda), stand)?;
        let mut out = vec![0f32; n * n];
        (0..n).for_each(|c| out[c * n + c] = 1.0 / lambda);
        for (row, &r) in matrix.chunks_exact(kept.len().max(1)).zip(&kept) {
            row.iter().zip(&kept).for_each(|(v, &c)| out[r * n + c] = *v);
        }
        return Ok(out);
    }
    let m = x.rows();
    let transposed = x.transpose();
    let kernel = inverse_of(m, || gram(&transposed, lambda), stand)?;
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
