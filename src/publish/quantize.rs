//! Weights to int8, one scale an output, so that the products come out right rather than the weights.
//!
//! GPTQ (Frantar et al. 2023): the columns are rounded one after the other, and what rounding took from one is made up for
//! by those that follow, as far as the calibration inputs say that they move together. The input columns with most
//! energy are kept apart with a scale of their own ([`Outliers`](crate::compute::cpu::linear::pack::Outliers)).

use rayon::prelude::*;

use crate::compute::cpu::linear::pack::{CHAIN_LIMIT, MAX_OUTLIERS, chain_excess};
use crate::train::linear::{inverse_of_factor, matmul_left_transposed};

/// Added to the diagonal of the inputs' second moments, as a share of its mean: calibration texts are few.
const DAMPING: f64 = 0.1;
/// Rows that are rounded together.
const TOGETHER: usize = 8;

/// How far a weight may be from a whole multiple of a step, as a share of the largest one: f32 products are.
const WHOLE: f64 = 1e-5;

/// An int8 matrix `[n, k]`.
pub struct Quantized {
    /// Row-major.
    pub q: Vec<i8>,
    /// `[n]`.
    pub scales: Vec<f32>,
    /// Input columns kept apart, ascending; none for matrices that are hardly wider.
    pub outliers: Vec<u32>,
    /// `[n]`: the scales of those columns' weights.
    pub outlier_scales: Vec<f32>,
}

/// What the inputs of some matrices look like.
pub struct Calibration {
    columns: usize,
    /// Sum of squares of each column.
    energy: Vec<f64>,
    outliers: Vec<u32>,
    /// The order of rounding: outliers first, then by falling energy.
    order: Vec<usize>,
    /// Row-major upper triangle U with `inverse second moments = U^T U`, in that order.
    factor: Vec<f64>,
}

impl Calibration {
    /// From inputs `[rows, columns]`.
    pub fn new(inputs: &[f32], columns: usize) -> Self {
        let mut moments = second_moments(inputs, columns);
        let energy: Vec<f64> = (0..columns).map(|c| moments[c * columns + c]).collect();
        let mut order: Vec<usize> = (0..columns).collect();
        order.sort_by(|&a, &b| energy[b].total_cmp(&energy[a]).then(a.cmp(&b)));
        let count = if columns >= 4 * MAX_OUTLIERS { MAX_OUTLIERS } else { 0 };
        let mut outliers: Vec<u32> = order[..count].iter().map(|&c| c as u32).collect();
        outliers.sort_unstable();
        let damping = (DAMPING * energy.iter().sum::<f64>() / columns as f64).max(1e-9);
        (0..columns).for_each(|c| moments[c * columns + c] += damping);
        let factor = inverse_factor(&moments, columns, &order);
        Self { columns, energy, outliers, order, factor }
    }

    /// A matrix `[n, columns]` that reads these inputs.
    pub fn quantize(&self, weights: &[f32]) -> Quantized {
        let together = |rows: &[f32]| self.rows(&rows.chunks_exact(self.columns).collect::<Vec<_>>());
        let rows: Vec<(Vec<i8>, f32, f32)> = weights.par_chunks(TOGETHER * self.columns).flat_map_iter(together).collect();
        let apart = !self.outliers.is_empty();
        Quantized {
            q: rows.iter().flat_map(|(q, ..)| q).copied().collect(),
            scales: rows.iter().map(|row| row.1).collect(),
            outliers: self.outliers.clone(),
            outlier_scales: if apart { rows.iter().map(|row| row.2).collect() } else { Vec::new() },
        }
    }

    /// Of each row its integers, their scale, and the scale of its outliers' integers.
    fn rows(&self, weights: &[&[f32]]) -> Vec<(Vec<i8>, f32, f32)> {
        let (apart, rest) = self.order.split_at(self.outliers.len());
        let scale_of = |row: &[f32], columns: &[usize]| step(columns.iter().map(|&c| row[c]));
        let mut done: Vec<(Vec<i8>, f32, f32)> = weights.iter().map(|row| (Vec::new(), scale_of(row, rest), scale_of(row, apart))).collect();
        let mut is_apart = vec![false; self.columns];
        apart.iter().for_each(|&c| is_apart[c] = true);
        let mut open: Vec<usize> = (0..weights.len()).collect();
        while !open.is_empty() {
            let rows: Vec<&[f32]> = open.iter().map(|&at| weights[at]).collect();
            let level = |at: usize, column: usize| (if is_apart[column] { done[open[at]].2 } else { done[open[at]].1 }, -127.0, 127.0);
            let rounded = self.round(&rows, level);
            let mut again = Vec::new();
            for (&at, q) in open.iter().zip(rounded) {
                let mut main = q.clone();
                apart.iter().for_each(|&c| main[c] = 0);
                let excess = chain_excess(&main);
                if excess > CHAIN_LIMIT {
                    // A hair more than the ratio: rounding may bring the sum above it again.
                    done[at].1 *= 1.002 * excess as f32 / CHAIN_LIMIT as f32;
                    again.push(at);
                }
                done[at].0 = q;
            }
            open = again;
        }
        done
    }

    /// Sum of squares of each column's inputs.
    pub fn energy(&self) -> &[f64] {
        &self.energy
    }

    /// The columns with most energy, ascending.
    pub fn outliers(&self) -> &[u32] {
        &self.outliers
    }

    /// The integers of some rows; `level` gives the scale and the least and the largest integer of a row (by its place) and a column.
    /// A row of the factor is read once for all of them: it comes from memory.
    pub fn round(&self, rows: &[&[f32]], level: impl Fn(usize, usize) -> (f32, f64, f64)) -> Vec<Vec<i8>> {
        let k = self.columns;
        let mut left: Vec<Vec<f64>> = rows.iter().map(|row| self.order.iter().map(|&c| f64::from(row[c])).collect()).collect();
        let mut q = vec![vec![0i8; k]; rows.len()];
        for at in 0..k {
            let column = self.order[at];
            let factor = &self.factor[at * k..(at + 1) * k];
            for (row, (left, q)) in left.iter_mut().zip(&mut q).enumerate() {
                let (step, least, most) = level(row, column);
                let step = f64::from(step);
                let rounded = if step != 0.0 { (left[at] / step).round_ties_even().clamp(least, most) } else { 0.0 };
                q[column] = rounded as i8;
                let error = (left[at] - rounded * step) / factor[at];
                for (left, f) in left[at + 1..].iter_mut().zip(&factor[at + 1..]) {
                    *left -= error * f;
                }
            }
        }
        q
    }
}

/// What one integer of some weights is worth: the largest of them 127; or where all are whole multiples of one step already, that
/// step, so that a checkpoint which was int8 before (MobileNetV2's TFLite file, say) loses nothing by it.
fn step(weights: impl Iterator<Item = f32> + Clone) -> f32 {
    let most = weights.clone().fold(0.0f32, |m, w| m.max(w.abs()));
    let whole = |levels: &i32| {
        let levels = f64::from(*levels);
        weights.clone().map(|w| f64::from(w) / f64::from(most) * levels).all(|at| (at - at.round()).abs() <= WHOLE * levels)
    };
    most / (1..127).find(whole).unwrap_or(127) as f32
}

/// `X^T X`, `[columns, columns]`.
fn second_moments(inputs: &[f32], columns: usize) -> Vec<f64> {
    let mut moments = vec![0.0f64; columns * columns];
    // So many rows at a time, in double precision: of many inputs a copy would be larger than the product.
    for rows in inputs.chunks(columns * 4096) {
        let rows: Vec<f64> = rows.iter().map(|&v| f64::from(v)).collect();
        matmul_left_transposed(&mut moments, &rows, &rows, (columns, rows.len() / columns, columns), true);
    }
    moments
}

/// The upper triangle U of `M^-1 = U^T U` for the positive definite M, its rows and columns taken in `order`.
///
/// With the order reversed M = L L^T (Cholesky); reversed back, that L is an upper triangle R with M = R R^T, and U = R^-1.
/// Inputs that are no numbers have no such factor: the identity then, which is to round each weight by itself.
fn inverse_factor(moments: &[f64], n: usize, order: &[usize]) -> Vec<f64> {
    let mut reversed: Vec<f64> = order.iter().rev().flat_map(|&i| order.iter().rev().map(move |&j| moments[i * n + j])).collect();
    let mut factor = vec![0.0f64; n * n];
    match inverse_of_factor(&mut reversed, n) {
        // Column-major.
        Some(inverse) => (0..n).for_each(|j| (j..n).for_each(|i| factor[(n - 1 - i) * n + n - 1 - j] = inverse[j * n + i])),
        None => (0..n).for_each(|i| factor[i * n + i] = 1.0),
    }
    factor
}

/// Symmetric int8 by row of `cols`, for tables: the scale maps the largest number to 127.
pub fn quantize_rows(values: &[f32], cols: usize) -> (Vec<i8>, Vec<f32>) {
    let mut q = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(values.len() / cols.max(1));
    for row in values.chunks_exact(cols) {
        let scale = row.iter().fold(0.0f32, |m, v| m.max(v.abs())) / 127.0;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        q.extend(row.iter().map(|v| (v * inverse).round_ties_even().clamp(-127.0, 127.0) as i8));
        scales.push(scale);
    }
    (q, scales)
}
