//! Exploration: a share of the slots goes to items that the profile alone would not have picked.
//!
//! Which ones is decided by a seed, so that the same call gives the same list.

use crate::math::rng::Rng;

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
        let at = ((rng.unit() * places.len() as f64) as usize).min(places.len() - 1);
        slots.push(places.swap_remove(at));
    }
    if slots.len() < count {
        slots.push(0);
    }
    slots.sort_unstable();
    slots
}

/// Draws one of `allowed` (in the order of their keys or ordinals), each as likely as the next.
pub fn draw(allowed: &[u32], rng: &mut Rng) -> Option<u32> {
    let at = ((rng.unit() * allowed.len() as f64) as usize).min(allowed.len().checked_sub(1)?);
    allowed.get(at).copied()
}
