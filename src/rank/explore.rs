//! Exploration: a share of the slots goes to items that might be better than the profile knows.
//!
//! Thompson sampling (Chapelle & Li 2011) over all that is uncertain: what the terms are worth (the learner's posterior),
//! and what the visitor thinks of meanings that nothing in his history speaks of. The latter is a Gaussian over the
//! catalog's vector space that is narrowed along every interest and aversion, in the order of their weight; a draw lifts
//! all items of one meaning together. A seed decides, so that the same call gives the same list.

use crate::math::rng::Rng;
use crate::math::vector::{add_scaled, dot};

/// Deviation of what an unknown meaning is worth, where a taste of full confidence is 1 at a cosine of 1.
const UNKNOWN: f32 = 0.6;
/// Items that one list's explored slots are chosen from at most.
pub const CANDIDATES: usize = 1024;

/// Positions (from 0) of a list of `k` that are given to exploration: a share `amount` of them, never the first
/// where there are others.
pub fn slots(k: usize, amount: f32, rng: &mut Rng) -> Vec<usize> {
    let wanted = f64::from(amount) * k as f64;
    let mut count = wanted.floor() as usize;
    count += usize::from(rng.unit() < wanted.fract());
    let count = count.min(k);
    let mut places: Vec<usize> = (usize::from(k > 1)..k).collect();
    let mut slots = Vec::with_capacity(count);
    while slots.len() < count && !places.is_empty() {
        slots.push(places.swap_remove(rng.below(places.len())));
    }
    if slots.len() < count {
        slots.push(0);
    }
    slots.sort_unstable();
    slots
}

/// At most [`CANDIDATES`] of `allowed`, each as likely as the next, in the order of `allowed`.
pub fn sample(mut allowed: Vec<u32>, rng: &mut Rng) -> Vec<u32> {
    if allowed.len() > CANDIDATES {
        for place in 0..CANDIDATES {
            let other = place + rng.below(allowed.len() - place);
            allowed.swap(place, other);
        }
        allowed.truncate(CANDIDATES);
        allowed.sort_unstable();
    }
    allowed
}

/// What is not known of the visitor's taste: a Gaussian over meanings.
#[derive(Debug, Clone, Default)]
pub struct Unknown {
    /// Directions of unit length, at right angles, each with the share of its deviation that is left.
    known: Vec<(Vec<f32>, f32)>,
}

impl Unknown {
    /// `centers`: what is known of, heaviest first: a vector of any length and how much weight is behind it; at a weight of
    /// `half` half of the variance is left.
    pub fn beside<'a>(centers: impl Iterator<Item = (&'a [f32], f32)>, half: f32) -> Self {
        let mut known: Vec<(Vec<f32>, f32)> = Vec::new();
        for (center, weight) in centers {
            let mut direction = center.to_vec();
            let before = dot(center, center).sqrt();
            for (other, _) in &known {
                let along = dot(&direction, other);
                add_scaled(&mut direction, other, -along);
            }
            let length = dot(&direction, &direction).sqrt();
            if length > 1e-3 * before && length > 0.0 {
                direction.iter_mut().for_each(|value| *value /= length);
                known.push((direction, (half / (half + weight.max(0.0))).sqrt()));
            }
        }
        Self { known }
    }

    /// What meanings may be worth: a vector whose dot product with an item's is to be added to its score, `[dim]`.
    pub fn draw(&self, dim: usize, rng: &mut Rng) -> Vec<f32> {
        let mut drawn: Vec<f32> = (0..dim).map(|_| UNKNOWN * rng.normal() as f32).collect();
        for (direction, left) in &self.known {
            let along = dot(&drawn, direction);
            add_scaled(&mut drawn, direction, (left - 1.0) * along);
        }
        drawn
    }
}
