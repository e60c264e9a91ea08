//! iALS: item factors by alternating least squares over all user-item pairs, solved exactly or by conjugate gradients.
//!
//! Hu et al. 2008 with the objective and settings of Rendle et al. 2021 ("Revisiting the Performance of iALS on Item
//! Recommendation Benchmarks"): sum over observed (s - 1)^2 + a0 sum over all s^2 + lambda sum_u (n_u + a0 m)^nu |w_u|^2
//! and the same for items. Starting values are normal with deviation 0.1 / sqrt(dim). Not here: the fold-in
//! (`rank::learned::factors`).

use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::matrix::Csr;
use crate::Result;
use crate::math::rng::Rng;
use crate::math::simd::cholesky::System;
use crate::math::simd::normal::{Chosen, add_misfit};
use crate::math::vector::{add_scaled, dot_in};

/// Settings of [`ials`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IalsSettings {
    pub dim: usize,
    pub alpha0: f32,
    pub lambda: f32,
    pub nu: f32,
    pub sweeps: usize,
    /// 0: every system is solved exactly. Otherwise so many steps of conjugate gradients from the last sweep's solution
    /// (Takács et al. 2011), several times faster and as good after a few sweeps.
    pub steps: usize,
    pub seed: u64,
}

/// Where learning stands between sweeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweeps {
    /// Sweeps that are done.
    pub done: usize,
    /// `[users, dim]`.
    pub users: Vec<f32>,
    /// `[items, dim]`.
    pub items: Vec<f32>,
}

/// `[users, dim]` and `[items, dim]` factors after `sweeps` of users then items.
pub fn ials(x: &Csr, settings: &IalsSettings) -> (Vec<f32>, Vec<f32>) {
    let mut sweeps = start(x, settings);
    let by_item = x.transpose();
    while sweeps.done < settings.sweeps {
        sweep(x, &by_item, settings, &mut sweeps);
    }
    (sweeps.users, sweeps.items)
}

/// As [`ials`]; `from` goes on where an earlier run stood, and `each` is told of every finished sweep.
///
/// # Errors
/// What `each` returns.
pub fn ials_from(x: &Csr, settings: &IalsSettings, from: Option<Sweeps>, each: &mut dyn FnMut(&Sweeps) -> Result<()>) -> Result<Sweeps> {
    let d = settings.dim;
    let fits = |sweeps: &Sweeps| sweeps.users.len() == x.rows() * d && sweeps.items.len() == x.columns * d;
    let mut sweeps = from.filter(fits).unwrap_or_else(|| start(x, settings));
    let by_item = x.transpose();
    while sweeps.done < settings.sweeps {
        sweep(x, &by_item, settings, &mut sweeps);
        each(&sweeps)?;
    }
    Ok(sweeps)
}

fn start(x: &Csr, settings: &IalsSettings) -> Sweeps {
    let d = settings.dim;
    let mut rng = Rng::new(settings.seed);
    let deviation = 0.1 / (d as f64).sqrt();
    let mut draw = |n: usize| -> Vec<f32> { (0..n * d).map(|_| (rng.normal() * deviation) as f32).collect() };
    Sweeps { done: 0, users: draw(x.rows()), items: draw(x.columns) }
}

fn sweep(x: &Csr, by_item: &Csr, settings: &IalsSettings, sweeps: &mut Sweeps) {
    solve_side(x, &sweeps.items, &mut sweeps.users, settings);
    solve_side(by_item, &sweeps.users, &mut sweeps.items, settings);
    sweeps.done += 1;
}

/// Solves every row of `out` given the other side's factors.
pub fn solve_side(x: &Csr, other: &[f32], out: &mut [f32], settings: &IalsSettings) {
    let d = settings.dim;
    let m = other.len() / d;
    let mut base = vec![0f32; d * d];
    super::linear::matmul_left_transposed(&mut base, other, other, (d, m, d), false);
    base.iter_mut().for_each(|g| *g *= settings.alpha0);
    if settings.steps > 0 {
        // Batches are shared out one by one, for the same reason as below.
        let batches = batches(x, out, d).into_par_iter().with_max_len(1);
        batches.for_each(|(first, out)| conjugate(x, other, &base, first, out, settings));
        return;
    }
    // Long rows are often next to each other: small parts can still be shared out when one thread is done before another.
    out.par_chunks_mut(d).enumerate().with_max_len(64).for_each_init(
        || System::new(d),
        |system, (row, target)| {
            let (rows, weights) = x.row(row);
            if rows.is_empty() {
                target.fill(0.0);
                return;
            }
            let ridge = settings.lambda * (rows.len() as f32 + settings.alpha0 * m as f32).powf(settings.nu);
            system.solve(&base, Chosen { table: other, rows, weights }, ridge, target);
        },
    );
}

/// Rows whose conjugate gradients go together, so that the part that all share is one product.
const ROWS: usize = 16;

/// Interactions above which rows are no longer put together: what the rows of one batch read stays near the processor
/// from step to step, and no thread waits long for another's batch.
const ENTRIES: usize = 1500;

/// `out` (`[rows, dim]`) cut into batches of whole rows, each with the number of its first row.
fn batches<'a>(x: &Csr, mut out: &'a mut [f32], d: usize) -> Vec<(usize, &'a mut [f32])> {
    let mut batches = Vec::with_capacity(x.rows() / ROWS + 1);
    let mut first = 0;
    while first < x.rows() {
        let (mut end, mut entries) = (first, 0);
        while end < x.rows() && end - first < ROWS && (end == first || entries + x.row(end).0.len() <= ENTRIES) {
            entries += x.row(end).0.len();
            end += 1;
        }
        let (batch, rest) = out.split_at_mut((end - first) * d);
        batches.push((first, batch));
        (first, out) = (end, rest);
    }
    batches
}

/// Partial sums of the products here: two vector registers' worth.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot_in::<16>(a, b)
}

/// Conjugate gradients on the systems of the rows from `first` on, starting from what `out` (`[rows, dim]`) holds.
fn conjugate(x: &Csr, other: &[f32], base: &[f32], first: usize, out: &mut [f32], settings: &IalsSettings) {
    let d = settings.dim;
    let rows = out.len() / d;
    let m = (other.len() / d) as f32;
    let ridge = |row: usize| {
        let n = x.row(first + row).0.len() as f32;
        settings.lambda * (n + settings.alpha0 * m).powf(settings.nu)
    };
    let ridges: Vec<f32> = (0..rows).map(ridge).collect();
    // `target` times the systems' right sides less A P: the shared base by one product, the observed pairs and the ridge
    // row by row.
    let misfit = |target: f32, p: &[f32], left: &mut [f32]| {
        faer::linalg::matmul::matmul(
            MatMut::from_row_major_slice_mut(left, rows, d),
            Accum::Replace,
            MatRef::from_row_major_slice(p, rows, d),
            MatRef::from_row_major_slice(base, d, d),
            -1.0,
            Par::Seq,
        );
        for (row, (p, left)) in p.chunks_exact(d).zip(left.chunks_exact_mut(d)).enumerate() {
            let (rows, weights) = x.row(first + row);
            add_misfit(Chosen { table: other, rows, weights }, target, p, left);
            add_scaled(left, p, -ridges[row]);
        }
    };
    let mut residual = vec![0f32; rows * d];
    misfit(1.0, out, &mut residual);
    let mut direction = residual.clone();
    // -A P.
    let mut change = vec![0f32; rows * d];
    let mut squares: Vec<f32> = residual.chunks_exact(d).map(|r| dot(r, r)).collect();
    for _ in 0..settings.steps {
        misfit(0.0, &direction, &mut change);
        for row in 0..rows {
            let at = row * d..(row + 1) * d;
            let curvature = -dot(&direction[at.clone()], &change[at.clone()]);
            if squares[row] < 1e-20 || curvature <= 0.0 {
                continue;
            }
            let step = squares[row] / curvature;
            add_scaled(&mut out[at.clone()], &direction[at.clone()], step);
            add_scaled(&mut residual[at.clone()], &change[at.clone()], step);
            let next = dot(&residual[at.clone()], &residual[at.clone()]);
            let turn = next / squares[row];
            squares[row] = next;
            for (p, r) in direction[at.clone()].iter_mut().zip(&residual[at]) {
                *p = r + turn * *p;
            }
        }
    }
    for (row, out) in out.chunks_exact_mut(d).enumerate() {
        if x.row(first + row).0.is_empty() {
            out.fill(0.0);
        }
    }
}
