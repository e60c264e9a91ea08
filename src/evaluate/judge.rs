//! From a user's scores to what the metrics need: the targets' ranks, the list, the area under the curve.
//!
//! Not here: the metrics themselves (`metrics` for one user's ranks, `lists` for lists).

use crate::math::topk::top_k;

/// One user's ranking, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// 1-based ranks of the targets, ascending; ties rank pessimistically: a target comes after everything that is not
    /// a target and has its score. Masked targets have rank `u32::MAX`.
    pub ranks: Vec<u32>,
    /// The list of the best `k`, ties by ordinal.
    pub list: Vec<u32>,
    /// Position in the list (0-based) of hits, and each listed item's rank share: see `lists::serendipity`.
    pub is_hit: Vec<bool>,
    /// Area under the ROC curve over the candidates, ties count 1/2; NaN without targets or without others.
    pub auc: f64,
    /// How many candidates were ranked.
    pub candidates: usize,
}

/// Of more targets than these [`judge`] is quicker.
const FEW: usize = 8;

/// The targets' ranks alone, as [`judge`] gives them: of few targets a pass over the scores for each, which the compiler vectorizes.
pub fn ranks(scores: &[f32], targets: &[u32]) -> Vec<u32> {
    if targets.len() > FEW {
        return judge(scores, targets, 0).ranks;
    }
    let mut sorted: Vec<f32> = targets.iter().map(|&t| scores[t as usize]).filter(|s| *s > f32::NEG_INFINITY).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let rank = |(position, target): (usize, &f32)| {
        let at_or_above = scores.iter().map(|score| u32::from(score >= target)).sum::<u32>();
        let of_targets = sorted.iter().filter(|score| *score >= target).count();
        at_or_above - of_targets as u32 + position as u32 + 1
    };
    let mut ranks: Vec<u32> = sorted.iter().enumerate().map(rank).collect();
    ranks.resize(targets.len(), u32::MAX);
    ranks
}

/// Judges `scores` (one per item; `-inf` or NaN: not a candidate) against `targets`, listing `k` items.
///
/// Cost: one pass over the scores and a binary search per score and distinct target score.
pub fn judge(scores: &[f32], targets: &[u32], k: usize) -> Judged {
    let list = top_k(scores, k);
    let mut sorted: Vec<f32> =
        targets.iter().map(|&t| scores[t as usize]).filter(|s| *s > f32::NEG_INFINITY).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let masked = targets.len() - sorted.len();
    // above[i]: candidates that are no targets with score >= sorted[i]; equal[i]: of these, the equal ones.
    let mut bins = vec![0u32; sorted.len() + 1];
    let mut equal = vec![0u32; sorted.len()];
    let mut candidates = 0usize;
    for &score in scores {
        if !(score > f32::NEG_INFINITY) {
            continue;
        }
        candidates += 1;
        // The first target whose score is at or below this one.
        let at = sorted.partition_point(|&t| t > score);
        bins[at] += 1;
        if at < sorted.len() && sorted[at] == score {
            equal[at] += 1;
        }
    }
    let mut ranks = Vec::with_capacity(targets.len());
    let mut auc = 0.0f64;
    let negatives = candidates - sorted.len();
    let mut cumulative = 0u32;
    let mut at = 0;
    while at < sorted.len() {
        let mut end = at + 1;
        while end < sorted.len() && sorted[end] == sorted[at] {
            end += 1;
        }
        // Scores at or above this target's, targets included: bins up to `at` (equal targets all fall in bin `at`).
        cumulative += bins[at];
        let others_at_or_above = cumulative - end as u32;
        let others_equal = equal[at] - (end - at) as u32;
        for position in at..end {
            ranks.push(others_at_or_above + position as u32 + 1);
        }
        let below = negatives as f64 - f64::from(others_at_or_above);
        auc += (end - at) as f64 * (below + 0.5 * f64::from(others_equal));
        at = end;
    }
    let auc = match negatives == 0 || sorted.is_empty() {
        true => f64::NAN,
        false => auc / (negatives as f64 * sorted.len() as f64),
    };
    ranks.extend(std::iter::repeat_n(u32::MAX, masked));
    let is_hit = list.iter().map(|item| targets.contains(item)).collect();
    Judged { ranks, list, is_hit, auc, candidates }
}
