//! The factor term: items as int8 vectors, the visitor folded in exactly on the device.
//!
//! Hu, Koren & Volinsky 2008, with the weights of Rendle et al. 2021 "Revisiting the Performance of iALS": the visitor's
//! vector u solves (a0 V'V + sum_e w_e v_e v_e' + lambda (n + a0 m)^nu I) u = sum_e w_e v_e over the history's n events
//! and the catalog's m items. Not here: learning V (`train::ials`).

use std::sync::{Arc, Mutex, PoisonError};

use super::terms::{Seen, Shares, Term};
use crate::math::scan::{Query, scan_signed};
use crate::math::vector::{add_scaled, dot};

/// score(j) = v_j . u(history). Given the system's matrix the score is a sum over events (Hu et al. section 6); the matrix
/// itself depends on the history too, so that taking an event out changes the score by more than its share.
#[derive(Debug, Clone)]
pub struct Factors {
    pub dim: usize,
    /// `[items, dim]`, each row with its own scale.
    pub values: Vec<i8>,
    /// `[items]`.
    pub scales: Vec<f32>,
    /// V'V of the quantized rows, `[dim, dim]`.
    pub gram: Vec<f32>,
    pub alpha0: f32,
    pub lambda: f32,
    pub nu: f32,
    /// Events after which an event counts 1/e; infinite: the past does not fade.
    pub tau: f32,
    /// The system of the history that shares were asked for last.
    pub solved: Solved,
}

/// The Cholesky factor of the last history's system: the reasons of a whole list are asked for one after another.
#[derive(Debug, Default)]
pub struct Solved {
    last: Mutex<Option<(Vec<Seen>, Arc<Vec<f32>>)>>,
}

impl Clone for Solved {
    /// A copy starts with none: constants may change beside it.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Solved {
    fn system(&self, history: &[Seen], make: impl FnOnce() -> Vec<f32>) -> Arc<Vec<f32>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, system)) = last.as_ref().filter(|(known, _)| known == history) {
            return system.clone();
        }
        let system = Arc::new(make());
        *last = Some((history.to_vec(), system.clone()));
        system
    }
}

impl Factors {
    /// Quantizes `[items, dim]` factors, row by row.
    pub fn quantize(vectors: &[f32], dim: usize, alpha0: f32, lambda: f32, nu: f32) -> Self {
        let mut values = Vec::with_capacity(vectors.len());
        let mut scales = Vec::with_capacity(vectors.len() / dim.max(1));
        for row in vectors.chunks_exact(dim.max(1)) {
            let largest = row.iter().fold(0f32, |m, v| m.max(v.abs()));
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            values.extend(row.iter().map(|v| (v / scale).round() as i8));
            scales.push(scale);
        }
        let mut gram = vec![0f32; dim * dim];
        for (row, &scale) in values.chunks_exact(dim.max(1)).zip(&scales) {
            for i in 0..dim {
                let factor = f32::from(row[i]) * scale * scale;
                for j in 0..dim {
                    gram[i * dim + j] += factor * f32::from(row[j]);
                }
            }
        }
        Self { dim, values, scales, gram, alpha0, lambda, nu, tau: f32::INFINITY, solved: Solved::default() }
    }

    /// The vector of one item, zeros for an item that does not exist.
    pub fn vector(&self, item: u32) -> Vec<f32> {
        let at = item as usize;
        match self.scales.get(at) {
            Some(&scale) => {
                self.values[at * self.dim..(at + 1) * self.dim].iter().map(|&v| f32::from(v) * scale).collect()
            }
            None => vec![0.0; self.dim],
        }
    }

    fn weight(&self, event: &Seen) -> f32 {
        (event.weight * (-event.age / self.tau).exp()).max(0.0)
    }

    /// The events' weights, `[events]`, and their items' vectors, `[events, dim]`.
    fn gathered(&self, history: &[Seen]) -> (Vec<f32>, Vec<f32>) {
        (history.iter().map(|event| self.weight(event)).collect(), history.iter().flat_map(|event| self.vector(event.item)).collect())
    }

    /// The lower Cholesky factor of the system of so many events, `[dim, dim]`.
    fn system(&self, weights: &[f32], vectors: &[f32]) -> Vec<f32> {
        let d = self.dim;
        let mut a: Vec<f32> = self.gram.iter().map(|g| g * self.alpha0).collect();
        // Four events at a time, each entry's sum in the events' order: the matrix goes through the registers a quarter as often.
        let four = weights.len() / 4 * 4;
        for (weights, v) in weights[..four].chunks_exact(4).zip(vectors.chunks_exact(4 * d)) {
            for i in 0..d {
                let f = [0, 1, 2, 3].map(|event| weights[event] * v[event * d + i]);
                let of = |event: usize| &v[event * d..event * d + i + 1];
                let columns = of(0).iter().zip(of(1)).zip(of(2).iter().zip(of(3)));
                for (a, ((v0, v1), (v2, v3))) in a[i * d..i * d + i + 1].iter_mut().zip(columns) {
                    *a = *a + f[0] * v0 + f[1] * v1 + f[2] * v2 + f[3] * v3;
                }
            }
        }
        for (weight, v) in weights[four..].iter().zip(vectors[four * d..].chunks_exact(d)) {
            for i in 0..d {
                add_scaled(&mut a[i * d..i * d + i + 1], &v[..=i], weight * v[i]);
            }
        }
        let mass = weights.len() as f32 + self.alpha0 * self.scales.len() as f32;
        let ridge = self.lambda * mass.powf(self.nu);
        for i in 0..d {
            a[i * d + i] += ridge;
        }
        cholesky(&mut a, d);
        a
    }

    /// The visitor's vector, `[dim]`.
    pub fn fold_in(&self, history: &[Seen]) -> Vec<f32> {
        let (weights, vectors) = self.gathered(history);
        let mut right = vec![0f32; self.dim];
        weights.iter().zip(vectors.chunks_exact(self.dim.max(1))).for_each(|(&weight, v)| add_scaled(&mut right, v, weight));
        solve(&self.system(&weights, &vectors), self.dim, &mut right);
        right
    }
}

/// Lower Cholesky factor in place (the upper triangle is left as it was). Pivots are kept above 1e-12.
pub fn cholesky(a: &mut [f32], d: usize) {
    for j in 0..d {
        for i in j..d {
            let value = a[i * d + j] - dot(&a[i * d..i * d + j], &a[j * d..j * d + j]);
            a[i * d + j] = if i == j { value.max(1e-12).sqrt() } else { value / a[j * d + j] };
        }
    }
}

/// Solves L L' x = b in place.
pub fn solve(l: &[f32], d: usize, b: &mut [f32]) {
    for i in 0..d {
        b[i] = (b[i] - dot(&l[i * d..i * d + i], &b[..i])) / l[i * d + i];
    }
    for i in (0..d).rev() {
        b[i] /= l[i * d + i];
        let x = b[i];
        for j in 0..i {
            b[j] -= l[i * d + j] * x;
        }
    }
}

impl Term for Factors {
    fn name(&self) -> &str {
        "ials"
    }

    fn items(&self) -> usize {
        self.scales.len()
    }

    fn download_bytes(&self) -> usize {
        self.values.len() + 4 * self.scales.len() + 4 * self.gram.len()
    }

    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        if history.is_empty() {
            return;
        }
        let user = self.fold_in(history);
        let length = user.iter().map(|u| u * u).sum::<f32>().sqrt();
        let mut cosines = vec![0f32; self.scales.len()];
        scan_signed(&self.values, &self.scales, &Query::new(&user), &mut cosines);
        out.iter_mut().zip(cosines).for_each(|(out, cosine)| *out += gain * length * cosine);
    }

    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        let mut target = self.vector(item);
        let system = || {
            let (weights, vectors) = self.gathered(history);
            self.system(&weights, &vectors)
        };
        solve(&self.solved.system(history, system), self.dim, &mut target);
        let of = |e: &Seen| {
            let dot: f32 = self.vector(e.item).iter().zip(&target).map(|(x, y)| x * y).sum();
            self.weight(e) * dot
        };
        Shares { base: 0.0, events: history.iter().map(of).collect() }
    }
}
