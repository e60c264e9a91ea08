//! The loss of the sequence encoder: cross-entropy of the next item over the catalog, and its gradients.
//!
//! Small catalogs take the full softmax. Larger ones estimate its sum from negatives drawn uniformly for each batch, their
//! logits raised by ln((items - 1) / negatives), which makes the estimate of the sum unbiased. Not here: the training
//! loop (`sequence`).

use rayon::prelude::*;

use super::linear::{matmul, matmul_left_transposed, matmul_right_transposed};

/// exp for x <= 0, relative error below 2e-4: 2^(x log2 e) by exponent bits and a polynomial, without branches.
#[inline]
fn fast_exp(x: f32) -> f32 {
    let y = (x * std::f32::consts::LOG2_E).max(-126.0);
    let whole = (y - 0.5) as i32 as f32;
    let f = y - whole;
    let p = 1.0 + f * (0.693_147_2 + f * (0.240_226_5 + f * (0.055_504_1 + f * 0.009_618_1)));
    f32::from_bits(((whole as i32 + 127) << 23) as u32) * p
}

/// Mean cross-entropy of the batch; gradients of the states `[t, d]`, and added to `dtable`.
pub fn softmax_loss(states: &[f32], table: &[f32], targets: &[u32], d: usize, dtable: &mut [f32]) -> (f32, Vec<f32>) {
    let n = table.len() / d;
    let total = targets.len();
    let mut dstates = vec![0f32; states.len()];
    let mut loss = 0f64;
    const CHUNK: usize = 512;
    let mut logits = vec![0f32; CHUNK.min(total) * n];
    for start in (0..total).step_by(CHUNK) {
        let t = CHUNK.min(total - start);
        let logits = &mut logits[..t * n];
        let part = &states[start * d..(start + t) * d];
        matmul_right_transposed(logits, part, table, (t, d, n), false);
        loss += logits
            .par_chunks_mut(n)
            .zip(&targets[start..start + t])
            .map(|(row, &target)| {
                let largest = row.iter().copied().fold(f32::MIN, f32::max);
                let own = row[target as usize] - largest;
                let mut sums = [0f32; 8];
                for chunk in row.chunks_mut(8) {
                    for (v, s) in chunk.iter_mut().zip(&mut sums) {
                        *v = fast_exp(*v - largest);
                        *s += *v;
                    }
                }
                let sum: f32 = sums.iter().sum();
                let factor = 1.0 / (sum * total as f32);
                row.iter_mut().for_each(|v| *v *= factor);
                row[target as usize] -= 1.0 / total as f32;
                f64::from(sum.ln() - own)
            })
            .sum::<f64>();
        matmul(&mut dstates[start * d..(start + t) * d], logits, table, (t, n, d), false);
        matmul_left_transposed(dtable, logits, part, (n, t, d), true);
    }
    ((loss / total.max(1) as f64) as f32, dstates)
}

/// As [`softmax_loss`], the sum estimated from the items `negatives`.
pub fn sampled_loss(
    states: &[f32],
    table: &[f32],
    targets: &[u32],
    negatives: &[u32],
    d: usize,
    dtable: &mut [f32],
) -> (f32, Vec<f32>) {
    let (n, total) = (negatives.len(), targets.len());
    let row_of = |item: u32| item as usize * d..(item as usize + 1) * d;
    let gathered: Vec<f32> = negatives.iter().flat_map(|&i| table[row_of(i)].iter().copied()).collect();
    let raise = ((table.len() / d - 1) as f32 / n as f32).ln();
    let mut logits = vec![0f32; total * n];
    matmul_right_transposed(&mut logits, states, &gathered, (total, d, n), false);
    let results: Vec<(f64, f32)> = logits
        .par_chunks_mut(n)
        .zip(targets)
        .zip(states.par_chunks(d))
        .map(|((row, &target), state)| {
            let own: f32 = state.iter().zip(&table[row_of(target)]).map(|(a, b)| a * b).sum();
            let largest = row.iter().copied().fold(own - raise, f32::max) + raise;
            let mut sums = [0f32; 8];
            for (chunk, items) in row.chunks_mut(8).zip(negatives.chunks(8)) {
                for ((v, s), &item) in chunk.iter_mut().zip(&mut sums).zip(items) {
                    let e = fast_exp(*v + raise - largest);
                    *v = if item == target { 0.0 } else { e };
                    *s += *v;
                }
            }
            let own_share = fast_exp(own - largest);
            let sum = sums.iter().sum::<f32>() + own_share;
            let factor = 1.0 / (sum * total as f32);
            row.iter_mut().for_each(|v| *v *= factor);
            (f64::from(sum.ln() + largest - own), own_share * factor - 1.0 / total as f32)
        })
        .collect();
    let mut dstates = vec![0f32; states.len()];
    matmul(&mut dstates, &logits, &gathered, (total, n, d), false);
    let mut dgathered = vec![0f32; gathered.len()];
    matmul_left_transposed(&mut dgathered, &logits, states, (n, total, d), false);
    for (&item, row) in negatives.iter().zip(dgathered.chunks_exact(d)) {
        dtable[row_of(item)].iter_mut().zip(row).for_each(|(g, v)| *g += v);
    }
    let mut loss = 0f64;
    for (at, (&target, (own_loss, g))) in targets.iter().zip(results).enumerate() {
        loss += own_loss;
        let state = at * d..(at + 1) * d;
        dstates[state.clone()].iter_mut().zip(&table[row_of(target)]).for_each(|(o, v)| *o += g * v);
        dtable[row_of(target)].iter_mut().zip(&states[state]).for_each(|(o, v)| *o += g * v);
    }
    ((loss / total.max(1) as f64) as f32, dstates)
}
