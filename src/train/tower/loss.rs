//! How far vectors of pictures are from their texts: InfoNCE both ways and the cosine itself.
//!
//! Radford et al. (2021), section 2.3, but against all texts of the training set, which stand still. Texts that say nearly the
//! same share the target, as a drawing of one is no wrong answer for the other.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// What the parts of the loss weigh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighting {
    /// Cosines are divided by it before the softmax.
    pub temperature: f32,
    /// Share of the target that goes to texts by their likeness.
    pub shared: f32,
    /// Weight of `1 - cosine` with the own text.
    pub cosine: f32,
    /// Weight of finding the picture by the text, within the batch.
    pub backward: f32,
}

/// Likeness of two texts at which the shared part of the target is divided.
const SHARED_TEMPERATURE: f32 = 0.05;

fn softmax(row: &mut [f32]) {
    let most = row.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    row.iter_mut().for_each(|v| {
        *v = (*v - most).exp();
        sum += *v;
    });
    row.iter_mut().for_each(|v| *v /= sum);
}

/// `[m, d] x [n, d]'`, divided by `temperature`.
fn cosines(a: &[f32], b: &[f32], dim: usize, temperature: f32) -> Vec<f32> {
    let (m, n) = (a.len() / dim, b.len() / dim);
    let mut out = vec![0.0; m * n];
    let (a, b) = (MatRef::from_row_major_slice(a, m, dim), MatRef::from_row_major_slice(b, n, dim));
    matmul(MatMut::from_row_major_slice_mut(&mut out, m, n), Accum::Replace, a, b.transpose(), 1.0 / temperature, Par::Seq);
    out
}

/// The mean loss of a batch and its gradient `[batch, dim]`. `seen` are unit vectors of pictures, `texts` those of all texts
/// `[count, dim]`, `own` the text of each picture.
pub fn loss(seen: &[f32], texts: &[f32], own: &[usize], dim: usize, w: &Weighting) -> (f64, Vec<f32>) {
    let (batch, count) = (own.len(), texts.len() / dim);
    let mine: Vec<f32> = own.iter().flat_map(|&at| &texts[at * dim..(at + 1) * dim]).copied().collect();
    let mut gradient = vec![0.0f32; seen.len()];
    let mut total = 0.0f64;

    let mut forward = cosines(seen, texts, dim, w.temperature);
    let mut shared = cosines(&mine, texts, dim, SHARED_TEMPERATURE);
    for ((row, target), &own) in forward.chunks_exact_mut(count).zip(shared.chunks_exact_mut(count)).zip(own) {
        softmax(row);
        softmax(target);
        target.iter_mut().for_each(|t| *t *= w.shared);
        target[own] += 1.0 - w.shared;
        for (p, t) in row.iter_mut().zip(target) {
            total -= f64::from(*t * p.max(1e-12).ln());
            *p -= *t;
        }
    }
    let scale = 1.0 / (w.temperature * batch as f32);
    let d = MatRef::from_row_major_slice(&forward, batch, count);
    matmul(MatMut::from_row_major_slice_mut(&mut gradient, batch, dim), Accum::Add, d, MatRef::from_row_major_slice(texts, count, dim), scale, Par::Seq);

    let mut back = cosines(&mine, seen, dim, w.temperature);
    for (at, row) in back.chunks_exact_mut(batch).enumerate() {
        softmax(row);
        total -= f64::from(w.backward * row[at].max(1e-12).ln());
        row[at] -= 1.0;
    }
    let d = MatRef::from_row_major_slice(&back, batch, batch);
    matmul(MatMut::from_row_major_slice_mut(&mut gradient, batch, dim), Accum::Add, d.transpose(), MatRef::from_row_major_slice(&mine, batch, dim), scale * w.backward, Par::Seq);

    for (gradient, (seen, mine)) in gradient.chunks_exact_mut(dim).zip(seen.chunks_exact(dim).zip(mine.chunks_exact(dim))) {
        total += f64::from(w.cosine * (1.0 - seen.iter().zip(mine).map(|(a, b)| a * b).sum::<f32>()));
        gradient.iter_mut().zip(mine).for_each(|(g, t)| *g -= w.cosine * t / batch as f32);
    }
    (total / batch as f64, gradient)
}
