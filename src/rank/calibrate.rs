//! Calibration: a list whose mix of categories is like the visitor's own (Steck 2018).
//!
//! Not here: measuring it over many lists (`evaluate::lists`), variety (`diversify`, `determinantal`), where categories
//! come from (`facets`).

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
    p.iter().zip(q).map(|(&p, &q)| addend(p, q)).sum()
}

fn addend(p: f64, q: f64) -> f64 {
    if p > 0.0 { p * (p / ((1.0 - ALPHA) * q + ALPHA * p)).ln() } else { 0.0 }
}

/// Picks `k` of the candidates (position is identity) greedily by
///
/// (1 - lambda) sum of merit - lambda C_KL(p, q of the list)
///
/// `merits` are 0 to 1; `target` is the history's distribution p; `categories[i]` are those of candidate i, past the end of
/// `target` where the history has none such. Ties keep the candidates' order. Steps cost candidates x their categories.
pub fn calibrate(merits: &[f64], categories: &[&[u32]], target: &[f64], k: usize, lambda: f64) -> Vec<usize> {
    let k = k.min(merits.len());
    if lambda <= 0.0 {
        return (0..k).collect();
    }
    let mut sums = vec![0f64; target.len()];
    let mut mass = 0f64;
    let mut open: Vec<usize> = (0..merits.len()).collect();
    let mut picked = Vec::with_capacity(k);
    while picked.len() < k {
        // The divergence of the list with one more item that has none of the history's categories, and as it is.
        let of = |mass: f64| sums.iter().zip(target).map(|(s, &p)| addend(p, if mass > 0.0 { s / mass } else { 0.0 })).sum::<f64>();
        let (grown, same) = (of(mass + 1.0), of(mass));
        let mut best: Option<(usize, f64)> = None;
        for (place, &i) in open.iter().enumerate() {
            let own = categories[i];
            let mut divergence = if own.is_empty() { same } else { grown };
            for &c in own {
                let c = c as usize;
                if let (Some(&s), Some(&p)) = (sums.get(c), target.get(c)) {
                    divergence += addend(p, (s + 1.0 / own.len() as f64) / (mass + 1.0)) - addend(p, s / (mass + 1.0));
                }
            }
            let value = (1.0 - lambda) * merits[i] - lambda * divergence;
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
