//! Variety: maximal marginal relevance (Carbonell & Goldstein 1998) over the best candidates.

use crate::math::vector::dot;

/// Picks `k` of `candidates` (best first: ordinal and score). `amount` 0 keeps the order, 1 looks at variety alone.
///
/// next = argmax (1 - amount) · relevance - amount · largest cosine with what is picked
///
/// with relevance scaled to 0..1 over the candidates. Ties keep the candidates' order. `vectors` holds a row per
/// candidate, `[candidates, dim]`, of unit length or zero.
pub fn diversify(candidates: &[(u32, f32)], vectors: &[Vec<f32>], k: usize, amount: f32) -> Vec<usize> {
    let k = k.min(candidates.len());
    if amount <= 0.0 {
        return (0..k).collect();
    }
    let high = candidates.first().map_or(0.0, |best| best.1);
    let low = candidates.last().map_or(0.0, |worst| worst.1);
    let relevance = |at: usize| if high > low { (candidates[at].1 - low) / (high - low) } else { 1.0 };
    let mut nearest = vec![0.0f32; candidates.len()];
    let mut open: Vec<usize> = (0..candidates.len()).collect();
    let mut picked = Vec::with_capacity(k);
    while picked.len() < k {
        let mut best: Option<(usize, f32)> = None;
        for (place, &at) in open.iter().enumerate() {
            let value = (1.0 - amount) * relevance(at) - amount * nearest[at];
            if best.is_none_or(|(_, most)| value > most) {
                best = Some((place, value));
            }
        }
        let Some((place, _)) = best else { break };
        let chosen = open.remove(place);
        picked.push(chosen);
        for &at in &open {
            nearest[at] = nearest[at].max(dot(&vectors[at], &vectors[chosen]));
        }
    }
    picked
}
