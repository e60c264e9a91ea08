//! Learns what people turn to at which time of the week: groups of items by meaning, and how much likelier each group is.
//!
//! Groups are spherical k-means over the items' vectors. bias(p, g) = ln((n_pg + k s_g) / ((n_p + k) s_g)), where n_pg counts the
//! events of group g in part p of the week, s_g is the group's share of all events, and k = 50 events shrink what was seen
//! seldom to nothing. Cells that too few people are behind stay 0. Not here: the term on the device (`rank::clock`).

use rayon::prelude::*;

use super::blend::quality;
use super::features::Features;
use crate::evaluate::dataset::Sequence;
use crate::evaluate::judge::judge;
use crate::evaluate::report::mask;
use crate::evaluate::split::Case;
use crate::format::clock::{Clock, NONE, PARTS};
use crate::math::rng::Rng;
use crate::math::vector::{add_scaled, dot};
use crate::rank::clock::part;
use crate::rank::learned::terms::{Term, history_of};

/// Most groups, and items that one should have.
const GROUPS: usize = 32;
const ITEMS_A_GROUP: usize = 20;
/// Events of prior knowledge that a part of the week is as usual.
const SHRINK: f64 = 50.0;
const ROUNDS: usize = 12;

/// Most bytes that a clock over so many items takes.
pub fn clock_bytes(items: usize) -> usize {
    items + 4 * PARTS * (items / ITEMS_A_GROUP).clamp(2, GROUPS)
}

/// The part of the week of a file's time: seconds since 1970, or milliseconds where `milliseconds`; `offset`: hours to add.
pub fn part_of(time: i64, milliseconds: bool, offset: f64) -> usize {
    let seconds = if milliseconds { time.div_euclid(1000) } else { time } + (offset * 3600.0) as i64;
    part(seconds.div_euclid(86_400), seconds.rem_euclid(86_400) / 3600)
}

/// Whether times are milliseconds: as seconds they would lie beyond the year 5000.
pub fn in_milliseconds(sequences: &[Sequence]) -> bool {
    sequences.iter().flat_map(|sequence| &sequence.times).max().is_some_and(|&latest| latest > 100_000_000_000)
}

/// The clock of `sequences`, whose times are real ones; `None` where items have no vectors or nothing repeats itself.
/// `least`: people behind a cell.
pub fn clock(sequences: &[Sequence], items: usize, features: &Features, least: usize, offset: f64) -> Option<Clock> {
    let groups = groups(features, items)?;
    let count = groups.iter().filter(|&&group| group != NONE).max().map_or(0, |&most| usize::from(most) + 1);
    let milliseconds = in_milliseconds(sequences);
    let mut events = vec![0f64; PARTS * count];
    let mut people = vec![0usize; PARTS * count];
    for sequence in sequences {
        let mut met = vec![false; PARTS * count];
        for (&item, &time) in sequence.items.iter().zip(&sequence.times) {
            let group = groups[item as usize];
            if group != NONE {
                let cell = part_of(time, milliseconds, offset) * count + usize::from(group);
                events[cell] += 1.0;
                people[cell] += usize::from(!std::mem::replace(&mut met[cell], true));
            }
        }
    }
    let total: f64 = events.iter().sum();
    if total == 0.0 {
        return None;
    }
    let share = |group: usize| (0..PARTS).map(|part| events[part * count + group]).sum::<f64>() / total;
    let mut bias = vec![0f32; PARTS * count];
    for part in 0..PARTS {
        let of_part: f64 = events[part * count..(part + 1) * count].iter().sum();
        for group in 0..count {
            let (cell, share) = (part * count + group, share(group));
            if people[cell] >= least.max(1) && share > 0.0 {
                bias[cell] = ((events[cell] + SHRINK * share) / ((of_part + SHRINK) * share)).ln() as f32;
            }
        }
    }
    bias.iter().any(|value| value.abs() > 1e-3).then_some(Clock { groups, bias })
}

/// Each item's group by its vector.
fn groups(features: &Features, items: usize) -> Option<Vec<u8>> {
    let dim = features.dim;
    let rows: Vec<&[f32]> = features.dense.chunks_exact(dim.max(1)).collect();
    if dim == 0 || rows.len() != items {
        return None;
    }
    let with: Vec<usize> = (0..items).filter(|&item| rows[item].iter().any(|v| *v != 0.0)).collect();
    let count = (with.len() / ITEMS_A_GROUP).clamp(2, GROUPS).min(with.len());
    let mut order = with.clone();
    Rng::new(1).shuffle(&mut order);
    let mut centers: Vec<Vec<f32>> = order.iter().take(count).map(|&item| rows[item].to_vec()).collect();
    let nearest = |centers: &[Vec<f32>], item: usize| {
        let near = |a: &(usize, f32), b: &(usize, f32)| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0));
        centers.iter().map(|center| dot(center, rows[item])).enumerate().max_by(near).map_or(0, |(group, _)| group)
    };
    let mut assigned: Vec<usize> = Vec::new();
    for _ in 0..ROUNDS {
        let next: Vec<usize> = with.par_iter().map(|&item| nearest(&centers, item)).collect();
        if next == assigned {
            break;
        }
        assigned = next;
        let mut sums = vec![vec![0f32; dim]; centers.len()];
        with.iter().zip(&assigned).for_each(|(&item, &group)| add_scaled(&mut sums[group], rows[item], 1.0));
        for (center, sum) in centers.iter_mut().zip(sums) {
            let norm = dot(&sum, &sum).sqrt();
            // A group that lost all its items keeps its center.
            if norm > 0.0 {
                *center = sum.into_iter().map(|v| v / norm).collect();
            }
        }
    }
    let mut groups = vec![NONE; items];
    with.iter().zip(&assigned).for_each(|(&item, &group)| groups[item] = group as u8);
    Some(groups)
}

/// Factors of the ranker's unit that a clock is tried with.
const GAINS: [f32; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// A clock is worth shipping where it helps by this factor.
const EARNS: f64 = 1.01;
/// Cases that are looked at.
const CASES: usize = 1500;

/// How much a clock is worth beside a blend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// In the blend's units.
    pub gain: f32,
    /// Quality on the cases without it and with it.
    pub without: f64,
    pub with: f64,
}

/// The gain that does best on cases with the part of the week of their targets; `None` where none earns its place.
pub fn worth(clock: &Clock, blend: &dyn Term, unit: f32, cases: &[Case], parts: &[usize]) -> Option<Worth> {
    let n = cases.len().min(CASES);
    let looked: Vec<usize> = (0..n).map(|at| at * cases.len() / n).collect();
    let of = |&at: &usize| -> [f64; GAINS.len() + 1] {
        let case = &cases[at];
        let mut scores = blend.scores(&history_of(&case.history.items));
        mask(&mut scores, case, None);
        let judged = |gain: f32| {
            let with = |(item, score): (usize, &f32)| score + gain * unit * clock.of(parts[at], item);
            quality(&judge(&scores.iter().enumerate().map(with).collect::<Vec<f32>>(), &case.targets, 0).ranks)
        };
        std::array::from_fn(|place| judged(if place == 0 { 0.0 } else { GAINS[place - 1] }))
    };
    let all: Vec<[f64; GAINS.len() + 1]> = looked.par_iter().map(of).collect();
    let mean = |place: usize| all.iter().map(|qualities| qualities[place]).sum::<f64>() / n.max(1) as f64;
    let best = (1..=GAINS.len()).reduce(|best, place| if mean(place) > mean(best) { place } else { best })?;
    (mean(best) > EARNS * mean(0)).then(|| Worth { gain: GAINS[best - 1], without: mean(0), with: mean(best) })
}
