//! The stages of a list in their order: sum of terms, rules, best candidates, arrangement, exploration, reasons.

use super::arrange::Arrangement;
use super::explain::{Reason, explain};
use super::explore::{self, Unknown};
use super::learner::Learner;
use super::term::Term;
use crate::history::Event;
use crate::index::catalog::Catalog;
use crate::math::rng::Rng;
use crate::math::vector::dot;

/// Bounds of what a term may be worth to a visitor, as multiples of what it is shipped to be: no term ever turns around.
pub const WORTH: (f64, f64) = (0.0, 3.0);

/// How a list is drawn up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Length of the list.
    pub k: usize,
    pub arrangement: Arrangement,
    /// Share of the slots for exploration, 0 to 1.
    pub explore: f32,
    /// Whether reasons are wanted.
    pub explain: bool,
    /// Decides what exploration draws.
    pub seed: u64,
}

/// What a list is drawn from.
pub struct Sources<'a> {
    pub catalog: &'a Catalog,
    pub terms: &'a [Box<dyn Term>],
    /// What each term is worth to this visitor, times its addend; `[terms]`.
    pub worth: &'a [f32],
    /// The history that the terms' shares point into.
    pub events: &'a [Event],
    /// Ordinals of the history with weights above 0, for calibration.
    pub liked: &'a [(u32, f64)],
    /// What exploration may doubt.
    pub doubt: Option<Doubt<'a>>,
}

/// What is uncertain about a visitor.
pub struct Doubt<'a> {
    pub learner: &'a Learner,
    /// The learner's place of each term; `None`: not learned.
    pub places: &'a [Option<usize>],
    pub unknown: &'a Unknown,
}

impl Doubt<'_> {
    /// Each term's worth by the learner's `weights`, `[terms]`.
    pub fn worth(places: &[Option<usize>], weights: &[f64]) -> Vec<f32> {
        let of = |place: &Option<usize>| place.and_then(|place| weights.get(place)).map_or(1.0, |&weight| weight.clamp(WORTH.0, WORTH.1) as f32);
        places.iter().map(of).collect()
    }
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub ordinal: u32,
    pub score: f32,
    /// Drawn by exploration, not by score.
    pub explored: bool,
    /// Each term's addend at a worth of 1, `[terms]`.
    pub addends: Vec<f32>,
    /// Empty unless asked for.
    pub reasons: Vec<Reason>,
}

/// Draws up the list of the items that `allowed` lets through. Equal scores stand in the order of their keys.
pub fn draw_up(sources: &Sources<'_>, allowed: impl Fn(u32) -> bool, plan: &Plan) -> Vec<Listed> {
    let Sources { catalog, terms, worth, events, liked, doubt } = sources;
    let mut scores = vec![0.0; catalog.len()];
    let addends: Vec<Vec<f32>> = terms
        .iter()
        .zip(*worth)
        .map(|(term, &worth)| {
            let mut addend = vec![0.0; catalog.len()];
            term.add_to(&mut addend);
            scores.iter_mut().zip(&addend).for_each(|(score, addend)| *score += worth * addend);
            addend
        })
        .collect();
    let candidates = catalog.top_k(&scores, plan.arrangement.pool(plan.k), &allowed);
    let picked = plan.arrangement.pick(catalog, &candidates, liked, plan.k);
    let mut list: Vec<(u32, bool)> = picked.into_iter().map(|ordinal| (ordinal, false)).collect();
    if plan.explore > 0.0 {
        explore_slots(catalog, &addends, worth, doubt.as_ref(), &allowed, plan, &mut list);
    }
    let line = |(ordinal, explored): (u32, bool)| {
        let reasons = if plan.explain { explain(terms, worth, ordinal, events) } else { Vec::new() };
        let addends = addends.iter().map(|addend| addend[ordinal as usize]).collect();
        Listed { ordinal, score: scores[ordinal as usize], explored, addends, reasons }
    };
    list.into_iter().map(line).collect()
}

fn explore_slots(
    catalog: &Catalog,
    addends: &[Vec<f32>],
    worth: &[f32],
    doubt: Option<&Doubt<'_>>,
    allowed: &impl Fn(u32) -> bool,
    plan: &Plan,
    list: &mut [(u32, bool)],
) {
    let mut rng = Rng::new(plan.seed);
    let slots = explore::slots(list.len(), plan.explore, &mut rng);
    if slots.is_empty() {
        return;
    }
    let listed: std::collections::HashSet<u32> = list.iter().map(|&(ordinal, _)| ordinal).collect();
    let count = u32::try_from(catalog.len()).unwrap_or(u32::MAX);
    let open = (0..count).filter(|&ordinal| allowed(ordinal) && !listed.contains(&ordinal)).collect();
    let mut open = explore::sample(open, &mut rng);
    let mut vectors: Vec<Vec<f32>> = open.iter().map(|&ordinal| catalog.vector(ordinal)).collect();
    let mut sources = plan.arrangement.sources(catalog);
    let nothing = Unknown::default();
    for slot in slots {
        let (worth, unknown) = match doubt {
            Some(doubt) => (Doubt::worth(doubt.places, &doubt.learner.sample(&mut rng)), doubt.unknown),
            None => (worth.to_vec(), &nothing),
        };
        let meaning = unknown.draw(catalog.dim(), &mut rng);
        let full = sources.full(list.iter().enumerate().filter(|(place, _)| *place != slot).map(|(_, &(ordinal, _))| ordinal));
        let mut best: Option<(usize, f32)> = None;
        for (place, (&ordinal, vector)) in open.iter().zip(&vectors).enumerate() {
            let known: f32 = addends.iter().zip(&worth).map(|(addend, worth)| worth * addend[ordinal as usize]).sum();
            let value = known + dot(&meaning, vector);
            if sources.of(ordinal).is_some_and(|source| full.contains(&source)) {
                continue;
            }
            if best.is_none_or(|(_, most)| value > most) {
                best = Some((place, value));
            }
        }
        let Some((place, _)) = best else { return };
        list[slot] = (open.remove(place), true);
        vectors.remove(place);
    }
}
