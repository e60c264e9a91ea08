//! Learns to predict ratings: biases and factors by alternating ridge regressions, neighbors on the residuals.
//!
//! Each side solves (bias, vector) jointly. Not here: the prediction and the fold-in (`rank::learned::ratings`).

use rayon::prelude::*;

use super::matrix::Csr;
use crate::math::rng::Rng;
use crate::rank::learned::factors::{cholesky, solve};
use crate::rank::learned::ratings::{Rater, RatingModel};
use crate::rank::learned::sparse::SparseRows;

/// Settings of [`fit_ratings`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatingSettings {
    pub dim: usize,
    pub sweeps: usize,
    /// Ridges of the users' and the items' bias and vector.
    pub user_bias_ridge: f32,
    pub item_bias_ridge: f32,
    pub ridge: f32,
    pub neighbors: usize,
    /// Common raters at which half of a similarity is believed.
    pub shrink: f32,
    pub damping: f32,
    pub neighbor_share: f32,
    pub seed: u64,
}

impl Default for RatingSettings {
    fn default() -> Self {
        Self {
            dim: 12,
            sweeps: 12,
            user_bias_ridge: 2.0,
            item_bias_ridge: 3.0,
            ridge: 8.0,
            neighbors: 60,
            shrink: 30.0,
            damping: 0.3,
            neighbor_share: 1.0,
            seed: 1,
        }
    }
}

/// One rating: user, item, value.
pub type Rating = (u32, u32, f32);

fn by_row(ratings: &[Rating], rows: usize, columns: usize, flip: bool) -> Csr {
    let mut lists: Vec<Vec<(u32, f32)>> = vec![Vec::new(); rows];
    for &(user, item, value) in ratings {
        let (row, column) = if flip { (item, user) } else { (user, item) };
        lists[row as usize].push((column, value));
    }
    let mut matrix = Csr::new(columns);
    lists.into_iter().for_each(|list| matrix.push_row(list));
    matrix
}

/// Solves (bias, vector) of every row given the other side's, `[rows, 1 + dim]` each.
fn solve_side(x: &Csr, mean: f32, other: &[f32], own: &mut [f32], dim: usize, bias_ridge: f32, ridge: f32) {
    let d = dim + 1;
    own.par_chunks_mut(d).enumerate().for_each(|(row, out)| {
        let mut a = vec![0f32; d * d];
        let mut b = vec![0f32; d];
        let mut v = vec![1f32; d];
        for (column, value) in x.entries(row) {
            let theirs = &other[column as usize * d..(column as usize + 1) * d];
            v[1..].copy_from_slice(&theirs[1..]);
            let left = value - mean - theirs[0];
            for i in 0..d {
                b[i] += left * v[i];
                for j in 0..=i {
                    a[i * d + j] += v[i] * v[j];
                }
            }
        }
        for i in 0..d {
            a[i * d + i] += if i == 0 { bias_ridge } else { ridge };
        }
        cholesky(&mut a, d);
        solve(&a, d, &mut b);
        out.copy_from_slice(&b);
    });
}

/// Learns from `ratings` of `users` users and `items` items, on the scale `[low, high]`.
pub fn fit_ratings(ratings: &[Rating], users: usize, items: usize, (low, high): (f32, f32), s: &RatingSettings) -> RatingModel {
    let d = s.dim + 1;
    let mean = (ratings.iter().map(|r| f64::from(r.2)).sum::<f64>() / ratings.len().max(1) as f64) as f32;
    let (by_user, by_item) = (by_row(ratings, users, items, false), by_row(ratings, items, users, true));
    let mut rng = Rng::new(s.seed);
    let mut item_side = vec![0f32; items * d];
    for row in item_side.chunks_exact_mut(d) {
        row[1..].iter_mut().for_each(|v| *v = (rng.normal() * 0.3 / (s.dim as f64).sqrt().max(1.0)) as f32);
    }
    let mut user_side = vec![0f32; users * d];
    for _ in 0..s.sweeps {
        solve_side(&by_user, mean, &item_side, &mut user_side, s.dim, s.user_bias_ridge, s.ridge);
        solve_side(&by_item, mean, &user_side, &mut item_side, s.dim, s.item_bias_ridge, s.ridge);
    }
    let mut model = RatingModel {
        mean,
        dim: s.dim,
        item_bias: item_side.chunks_exact(d).map(|r| r[0]).collect(),
        factors: item_side.chunks_exact(d).flat_map(|r| r[1..].to_vec()).collect(),
        bias_ridge: s.user_bias_ridge,
        ridge: s.ridge,
        neighbors: SparseRows::default(),
        damping: s.damping,
        neighbor_share: s.neighbor_share,
        low,
        high,
    };
    if s.neighbor_share > 0.0 {
        model.neighbors = neighbors(&model, &by_user, items, s);
    }
    model
}

/// Every user's fold-in.
pub fn raters(model: &RatingModel, by_user: &Csr) -> Vec<Rater> {
    (0..by_user.rows()).into_par_iter().map(|u| model.fold_in(&by_user.entries(u).collect::<Vec<_>>())).collect()
}

/// Shrunk cosines of the items' residuals over common raters.
fn neighbors(model: &RatingModel, by_user: &Csr, items: usize, s: &RatingSettings) -> SparseRows {
    let mut residuals = Csr::new(items);
    for rater in raters(model, by_user) {
        residuals.push_row(rater.residuals);
    }
    let transposed = residuals.transpose();
    let rows: Vec<Vec<(u32, f32)>> = (0..items)
        .into_par_iter()
        .map_init(
            || (vec![[0f32; 3]; items], vec![0u32; items]),
            |(sums, common), i| {
                let mut touched: Vec<u32> = Vec::new();
                for (user, a) in transposed.entries(i) {
                    for (j, b) in residuals.entries(user as usize) {
                        if common[j as usize] == 0 {
                            touched.push(j);
                        }
                        common[j as usize] += 1;
                        let sum = &mut sums[j as usize];
                        sum[0] += a * b;
                        sum[1] += a * a;
                        sum[2] += b * b;
                    }
                }
                touched.sort_unstable();
                let mut row: Vec<(u32, f32)> = Vec::new();
                for j in touched {
                    let n = std::mem::take(&mut common[j as usize]) as f32;
                    let [dot, a, b] = std::mem::take(&mut sums[j as usize]);
                    if j as usize != i && a * b > 0.0 {
                        row.push((j, dot / (a * b).sqrt() * n / (n + s.shrink)));
                    }
                }
                row.sort_by(|x, y| y.1.abs().total_cmp(&x.1.abs()).then(x.0.cmp(&y.0)));
                row.truncate(s.neighbors);
                row
            },
        )
        .collect();
    SparseRows::from_rows(items, rows.into_iter(), usize::MAX)
}

/// Which of `folds` each of `n` ratings is tested in, seeded: a shuffled deck dealt in equal runs.
pub fn folds(n: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    Rng::new(seed).shuffle(&mut order);
    let mut fold = vec![0; n];
    for (at, rating) in order.into_iter().enumerate() {
        fold[rating] = at * folds / n.max(1);
    }
    fold
}

/// Predictions of `test` by a model learned from `train` alone.
pub fn predict(model: &RatingModel, train: &[Rating], test: &[Rating], users: usize, items: usize) -> Vec<f32> {
    let raters = raters(model, &by_row(train, users, items, false));
    test.par_iter().map(|&(user, item, _)| model.predict(&raters[user as usize], item)).collect()
}
