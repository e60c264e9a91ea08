//! The k best of a score vector, deterministic: higher score first, ties by lower ordinal.
//!
//! Not here: ties by item key (the catalog orders its ordinals by key where that matters) and pessimistic ties
//! (`evaluate`).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(PartialEq)]
struct Entry {
    score: f32,
    ordinal: u32,
}

impl Eq for Entry {}

// The heap's top is the worst entry kept: lowest score, then highest ordinal.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.ordinal.cmp(&other.ordinal))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Ordinals of the `k` highest finite scores, best first. Scores of `-inf` and NaN (masked items) are never listed.
pub fn top_k(scores: &[f32], k: usize) -> Vec<u32> {
    if k == 0 {
        return Vec::new();
    }
    let mut heap = BinaryHeap::with_capacity(k + 1);
    let mut floor = f32::NEG_INFINITY;
    for (ordinal, &score) in scores.iter().enumerate() {
        if !(score > floor) && heap.len() == k || !(score > f32::NEG_INFINITY) {
            continue;
        }
        heap.push(Entry { score: score + 0.0, ordinal: ordinal as u32 });
        if heap.len() > k {
            heap.pop();
        }
        if heap.len() == k {
            floor = heap.peek().map_or(f32::NEG_INFINITY, |e: &Entry| e.score);
        }
    }
    heap.into_sorted_vec().into_iter().map(|e| e.ordinal).collect()
}
