//! Reasons: what an item's score is made of, by term and by the history's items, taken from the score itself.

use std::collections::BTreeMap;

use super::term::Term;
use crate::history::Event;
use crate::math::sort::stable;

/// Keys that a reason names at most.
const MOST_KEYS: usize = 3;

/// One reason of a listed item.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The term's name.
    pub term: &'static str,
    /// The term's addend: the weights of all reasons sum to the score.
    pub weight: f32,
    /// The items of the history behind it, the largest share first, each with its part of `weight`.
    pub because: Vec<(String, f32)>,
}

/// The reasons of one item, the largest addend first. Terms that add nothing are left out. `worth`: what each term is
/// multiplied with.
pub fn explain(terms: &[Box<dyn Term>], worth: &[f32], ordinal: u32, events: &[Event]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for (term, worth) in terms.iter().zip(worth) {
        let mut shares = term.split(ordinal);
        shares.iter_mut().for_each(|share| share.amount *= worth);
        let weight: f32 = shares.iter().map(|share| share.amount).sum();
        if weight == 0.0 {
            continue;
        }
        let mut by_item: BTreeMap<&str, f32> = BTreeMap::new();
        for share in &shares {
            if let Some(event) = share.event.and_then(|event| events.get(event)) {
                *by_item.entry(&event.item).or_default() += share.amount;
            }
        }
        let mut because: Vec<(String, f32)> = by_item.into_iter().map(|(key, part)| (key.to_owned(), part)).collect();
        // Stable, so that equal parts stay in the order of their keys. What works against the sum is no reason for it.
        because.retain(|(_, part)| part * weight > 0.0);
        stable(&mut because, &|a, b| b.1.abs().total_cmp(&a.1.abs()));
        because.truncate(MOST_KEYS);
        reasons.push(Reason { term: term.name(), weight, because });
    }
    stable(&mut reasons, &|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    reasons
}
