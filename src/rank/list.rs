//! The stages of a list in their order: sum of terms, rules, best candidates, variety, exploration, reasons.

use super::explain::{Reason, explain};
use super::term::Term;
use super::{diversify, explore};
use crate::history::Event;
use crate::index::catalog::Catalog;
use crate::math::rng::Rng;

/// How a list is drawn up.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Length of the list.
    pub k: usize,
    /// 0 (by score alone) to 1 (variety alone).
    pub diversity: f32,
    /// Share of the slots for exploration, 0 to 1.
    pub explore: f32,
    /// Whether reasons are wanted.
    pub explain: bool,
    /// Decides what exploration draws.
    pub seed: u64,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub ordinal: u32,
    pub score: f32,
    /// Drawn by exploration, not by score.
    pub explored: bool,
    /// Empty unless asked for.
    pub reasons: Vec<Reason>,
}

/// Candidates per slot that variety chooses from.
const POOL: usize = 6;
/// Fewest candidates that variety chooses from.
const LEAST_POOL: usize = 60;

/// Draws up the list of the items that `allowed` lets through. Equal scores stand in the order of their keys.
///
/// `events` is the history that the terms' shares point into.
pub fn draw_up(catalog: &Catalog, terms: &[Box<dyn Term>], allowed: impl Fn(u32) -> bool, events: &[Event], plan: &Plan) -> Vec<Listed> {
    let mut scores = vec![0.0; catalog.len()];
    for term in terms {
        term.add_to(&mut scores);
    }
    let pool = if plan.diversity > 0.0 { (plan.k.saturating_mul(POOL)).max(LEAST_POOL) } else { plan.k };
    let candidates = catalog.top_k(&scores, pool, &allowed);
    let picked: Vec<u32> = if plan.diversity > 0.0 {
        let vectors: Vec<Vec<f32>> = candidates.iter().map(|&(ordinal, _)| catalog.vector(ordinal)).collect();
        let order = diversify::diversify(&candidates, &vectors, plan.k, plan.diversity);
        order.into_iter().map(|at| candidates[at].0).collect()
    } else {
        candidates.iter().take(plan.k).map(|&(ordinal, _)| ordinal).collect()
    };
    let mut list: Vec<(u32, bool)> = picked.into_iter().map(|ordinal| (ordinal, false)).collect();
    if plan.explore > 0.0 {
        explore_slots(catalog, &allowed, plan, &mut list);
    }
    let line = |(ordinal, explored): (u32, bool)| {
        let reasons = if plan.explain { explain(terms, ordinal, events) } else { Vec::new() };
        Listed { ordinal, score: scores[ordinal as usize], explored, reasons }
    };
    list.into_iter().map(line).collect()
}

fn explore_slots(catalog: &Catalog, allowed: &impl Fn(u32) -> bool, plan: &Plan, list: &mut [(u32, bool)]) {
    let count = u32::try_from(catalog.len()).unwrap_or(u32::MAX);
    let mut open: Vec<u32> = (0..count).filter(|&ordinal| allowed(ordinal)).collect();
    open.retain(|ordinal| !list.iter().any(|(listed, _)| listed == ordinal));
    let mut rng = Rng::new(plan.seed);
    for slot in explore::slots(list.len(), plan.explore, &mut rng) {
        let Some(drawn) = explore::draw(&open, &mut rng) else { return };
        open.retain(|&ordinal| ordinal != drawn);
        list[slot] = (drawn, true);
    }
}
