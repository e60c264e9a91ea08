//! Calibration: a list whose mix of categories is like the visitor's own (Steck 2018).
//!
//! Not here: measuring it over many lists (`evaluate::lists`), variety (`diversify`, `determinantal`).

/// Smoothing of the list's distribution, as in the paper.
const ALPHA: f64 = 0.01;

/// Distribution over `total` categories of items that spread 1 evenly over their own; `None` where none has any.
pub fn distribution<'c>(items: impl Iterator<Item = (&'c [u32], f64)>, total: usize) -> Option<Vec<f64>> {
    let mut p = vec![0f64; total];
    let mut mass = 0.0;
    for (categories, weight) in items {
        for &c in categories {
            if let Some(p) = p.get_mut(c as usize) {
                *p += weight / categories.len() as f64;
            }
        }
        if !categories.is_empty() {
            mass += weight;
        }
    }
    (mass > 0.0).then(|| p.into_iter().map(|x| x / mass).collect())
}

/// KL(p || (1 - alpha) q + alpha p), natural logarithm.
pub fn divergence(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (p / ((1.0 - ALPHA) * q + ALPHA * p)).ln()).sum()
}

/// Picks `k` of `candidates` (best first: position is identity) greedily by
///
/// (1 - lambda) sum of relevance - lambda C_KL(p, q of the list)
///
/// with relevance scaled to 0..1 over the candidates. `target` is the history's distribution p; `categories[i]` are those
/// of candidate i. Ties keep the candidates' order.
pub fn calibrate(scores: &[f32], categories: &[&[u32]], target: &[f64], k: usize, lambda: f64) -> Vec<usize> {
    let k = k.min(scores.len());
    if lambda <= 0.0 {
        return (0..k).collect();
    }
    let high = f64::from(scores.first().copied().unwrap_or(0.0));
    let low = f64::from(scores.last().copied().unwrap_or(0.0));
    let relevance = |i: usize| if high > low { (f64::from(scores[i]) - low) / (high - low) } else { 1.0 };
    let mut sums = vec![0f64; target.len()];
    let mut mass = 0f64;
    let mut open: Vec<usize> = (0..scores.len()).collect();
    let mut picked = Vec::with_capacity(k);
    while picked.len() < k {
        let mut best: Option<(usize, f64)> = None;
        for (place, &i) in open.iter().enumerate() {
            let with = mass + f64::from(u8::from(!categories[i].is_empty()));
            let q: Vec<f64> = sums
                .iter()
                .enumerate()
                .map(|(c, s)| {
                    let own = categories[i].iter().filter(|&&x| x as usize == c).count() as f64;
                    if with > 0.0 { (s + own / categories[i].len().max(1) as f64) / with } else { 0.0 }
                })
                .collect();
            let value = (1.0 - lambda) * relevance(i) - lambda * divergence(target, &q);
            if best.is_none_or(|(_, b)| value > b) {
                best = Some((place, value));
            }
        }
        let Some((place, _)) = best else { break };
        let i = open.remove(place);
        for &c in categories[i] {
            if let Some(sum) = sums.get_mut(c as usize) {
                *sum += 1.0 / categories[i].len() as f64;
            }
        }
        mass += f64::from(u8::from(!categories[i].is_empty()));
        picked.push(i);
    }
    picked
}
