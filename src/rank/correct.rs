//! Corrections of lists that serve others than the best match: caps of sources, exposure of providers.
//!
//! Not here: hard filters (`rules`); popularity is a term (`popularity`) and so may be weighed against.

use std::collections::HashMap;

/// The first `k` of `candidates` (best first) with at most `most` of one source; `source` of `None` has no cap. Where the
/// caps leave the list short, the best of what they held back fills it.
pub fn cap_sources<S: Eq + std::hash::Hash>(
    candidates: &[u32],
    mut source: impl FnMut(u32) -> Option<S>,
    k: usize,
    most: usize,
) -> Vec<u32> {
    let mut counts: HashMap<S, usize> = HashMap::new();
    let (mut list, mut held) = (Vec::new(), Vec::new());
    for &item in candidates {
        if list.len() == k {
            break;
        }
        match source(item) {
            Some(s) => {
                let count = counts.entry(s).or_insert(0);
                if *count < most {
                    *count += 1;
                    list.push(item);
                } else {
                    held.push(item);
                }
            }
            None => list.push(item),
        }
    }
    let missing = k - list.len().min(k);
    list.extend(held.into_iter().take(missing));
    list
}

/// Exposure of a position (from 0): 1 / log2(position + 2), as in discounted gain.
pub fn exposure(position: usize) -> f64 {
    1.0 / (position as f64 + 2.0).log2()
}

/// Orders `candidates` (best first: score and provider) into a list of `k` in which every provider's exposure comes close
/// to its share of merit, in every beginning of the list too (Singh & Joachims 2018; amortized over lists as in Biega et
/// al. 2018 where `owed` is kept).
///
/// `owed[p]` is what provider p is owed (exposure by merit minus exposure given), 0 to start with, and is updated; a
/// provider past its end is owed nothing.
/// `strength` 0 keeps the order; with 1 a full unit of exposure owed outweighs the whole range of scores.
pub fn fair_exposure(candidates: &[(f32, usize)], owed: &mut [f64], k: usize, strength: f64) -> Vec<usize> {
    let n = candidates.len();
    let k = k.min(n);
    let high = candidates.iter().map(|c| f64::from(c.0)).fold(f64::MIN, f64::max);
    let low = candidates.iter().map(|c| f64::from(c.0)).fold(f64::MAX, f64::min);
    let relevance = |i: usize| if high > low { (f64::from(candidates[i].0) - low) / (high - low) } else { 1.0 };
    // Each provider's share of merit.
    let mut shares = vec![0f64; owed.len()];
    let merit: f64 = (0..n).map(relevance).sum();
    if merit > 0.0 {
        for (i, (_, provider)) in candidates.iter().enumerate() {
            if let Some(share) = shares.get_mut(*provider) {
                *share += relevance(i) / merit;
            }
        }
    }
    let mut open: Vec<usize> = (0..n).collect();
    let mut list = Vec::with_capacity(k);
    for position in 0..k {
        owed.iter_mut().zip(&shares).for_each(|(owed, share)| *owed += exposure(position) * share);
        let value = |i: usize| relevance(i) + strength * owed.get(candidates[i].1).copied().unwrap_or(0.0);
        let mut best = 0;
        for place in 1..open.len() {
            if value(open[place]) > value(open[best]) {
                best = place;
            }
        }
        let chosen = open.remove(best);
        if let Some(owed) = owed.get_mut(candidates[chosen].1) {
            *owed -= exposure(position);
        }
        list.push(chosen);
    }
    list
}
