//! Variety by volume: the greedy search for the most probable set of a determinantal point process.
//!
//! Chen, Zhang & Zhou 2018, "Fast Greedy MAP Inference for DPP": the kernel is L = diag(q) S diag(q), q = exp(theta
//! relevance), S the cosines; every step adds the item with the largest marginal determinant. Not here: maximal marginal
//! relevance (`diversify`).

use crate::math::vector::dot;

/// Picks `k` of `candidates` (best first: ordinal and score), like [`super::diversify::diversify`].
///
/// `amount` 0 keeps the order; towards 1 the relevance loses its say: theta = 4 (1 - amount) / amount over relevance scaled
/// to 0..1. `vectors` holds a row per candidate, `[candidates, dim]`, of unit length or zero. Fewer than `k` come out
/// only where the vectors span too little; the rest then follows in the candidates' order.
pub fn determinantal(candidates: &[(u32, f32)], vectors: &[Vec<f32>], k: usize, amount: f32) -> Vec<usize> {
    let n = candidates.len();
    let k = k.min(n);
    if amount <= 0.0 {
        return (0..k).collect();
    }
    let high = candidates.first().map_or(0.0, |best| best.1);
    let low = candidates.last().map_or(0.0, |worst| worst.1);
    let theta = 4.0 * (1.0 - amount.min(1.0)) / amount;
    let quality: Vec<f64> = candidates
        .iter()
        .map(|c| f64::from(if high > low { (theta * (c.1 - low) / (high - low)).exp() } else { 1.0 }))
        .collect();
    // Cosines are mapped to 0..1, so that opposites are merely different; the ridge keeps duplicates possible, but last.
    let kernel = |i: usize, j: usize| {
        let similarity = 0.5 * (1.0 + f64::from(dot(&vectors[i], &vectors[j])));
        quality[i] * quality[j] * if i == j { 1.0 + 1e-6 } else { similarity }
    };
    let mut gain: Vec<f64> = (0..n).map(|i| kernel(i, i)).collect();
    let mut rows: Vec<Vec<f64>> = vec![Vec::with_capacity(k); n];
    let mut picked: Vec<usize> = Vec::with_capacity(k);
    let mut open = vec![true; n];
    while picked.len() < k {
        let mut best: Option<usize> = None;
        for i in (0..n).filter(|&i| open[i]) {
            if best.is_none_or(|b| gain[i] > gain[b]) {
                best = Some(i);
            }
        }
        let Some(chosen) = best.filter(|&b| gain[b] > 1e-12) else { break };
        open[chosen] = false;
        picked.push(chosen);
        let root = gain[chosen].sqrt();
        let own = rows[chosen].clone();
        for i in (0..n).filter(|&i| open[i]) {
            let inner: f64 = own.iter().zip(&rows[i]).map(|(a, b)| a * b).sum();
            let e = (kernel(chosen, i) - inner) / root;
            rows[i].push(e);
            gain[i] -= e * e;
        }
    }
    let rest: Vec<usize> = (0..n).filter(|&i| open[i]).take(k - picked.len()).collect();
    picked.extend(rest);
    picked
}
