//! Ranking metrics of one user, from the 1-based ascending ranks of the targets; and errors of predicted ratings.
//!
//! Every function takes `ranks` (as `judge` gives them), and `k`; `targets` is |T|. A user without targets scores 0.
//! Not here: metrics of lists and of all users together (`lists`).

fn hits(ranks: &[u32], k: usize) -> usize {
    ranks.iter().take_while(|&&r| r as usize <= k).count()
}

/// 1 if any target is among the first `k`.
pub fn hit_rate(ranks: &[u32], k: usize) -> f64 {
    f64::from(u8::from(hits(ranks, k) > 0))
}

/// hits / |T|.
pub fn recall(ranks: &[u32], k: usize) -> f64 {
    if ranks.is_empty() { 0.0 } else { hits(ranks, k) as f64 / ranks.len() as f64 }
}

/// hits / min(k, |T|).
pub fn recall_capped(ranks: &[u32], k: usize) -> f64 {
    if ranks.is_empty() || k == 0 { 0.0 } else { hits(ranks, k) as f64 / ranks.len().min(k) as f64 }
}

/// hits / k.
pub fn precision(ranks: &[u32], k: usize) -> f64 {
    if k == 0 { 0.0 } else { hits(ranks, k) as f64 / k as f64 }
}

/// Binary gains, log2 discount, the ideal list cut at `k` (Järvelin & Kekäläinen 2002).
pub fn ndcg(ranks: &[u32], k: usize) -> f64 {
    if ranks.is_empty() || k == 0 {
        return 0.0;
    }
    let discount = |rank: f64| 1.0 / (rank + 1.0).log2();
    let gained: f64 = ranks[..hits(ranks, k)].iter().map(|&r| discount(f64::from(r))).sum();
    let ideal: f64 = (1..=ranks.len().min(k)).map(|r| discount(r as f64)).sum();
    gained / ideal
}

/// 1 / rank of the first hit among the first `k`.
pub fn mrr(ranks: &[u32], k: usize) -> f64 {
    ranks.first().filter(|&&r| r as usize <= k).map_or(0.0, |&r| 1.0 / f64::from(r))
}

/// Average precision: the mean over the hits' precisions, divided by min(k, |T|).
pub fn average_precision(ranks: &[u32], k: usize) -> f64 {
    if ranks.is_empty() || k == 0 {
        return 0.0;
    }
    let sum: f64 =
        ranks[..hits(ranks, k)].iter().enumerate().map(|(i, &r)| (i + 1) as f64 / f64::from(r)).sum();
    sum / ranks.len().min(k) as f64
}

/// Squared and absolute error of one rating, the prediction clipped to `[low, high]`. Micro averages: the mean over all
/// ratings, and for RMSE its root.
pub fn rating_errors(predicted: f64, actual: f64, low: f64, high: f64) -> (f64, f64) {
    let error = predicted.clamp(low, high) - actual;
    (error * error, error.abs())
}
