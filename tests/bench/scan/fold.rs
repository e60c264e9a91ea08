//! iALS's exact fold-in alone, of 1,000 events among 100,000 items, whatever tells the time.

use std::hint::black_box;

use palate::math::rng::Rng;
use palate::rank::learned::factors::Factors;
use palate::rank::learned::terms::history_of;

/// Dimensions that are measured; the bar is 2 ms.
pub const DIMS: [usize; 2] = [64, 128];
const EVENTS: u32 = 1000;
const ITEMS: usize = 100_000;

/// Milliseconds of each of so many fold-ins, the least first. What the vectors say makes no difference; `now` gives milliseconds.
pub fn fold(dim: usize, rounds: usize, now: impl Fn() -> f64) -> Vec<f64> {
    let mut rng = Rng::new(3);
    let vectors: Vec<f32> = (0..ITEMS * dim).map(|_| rng.unit() as f32 - 0.5).collect();
    let factors = Factors { tau: 50.0, ..Factors::quantize(&vectors, dim, 0.1, 0.003, 1.0) };
    let items: Vec<u32> = (0..EVENTS).map(|n| n * 7919 % ITEMS as u32).collect();
    let history = history_of(&items);
    let one = || {
        let start = now();
        black_box(factors.fold_in(black_box(&history)));
        now() - start
    };
    let mut times: Vec<f64> = (0..rounds).map(|_| one()).collect();
    times.sort_by(f64::total_cmp);
    times
}
