//! What training costs, on synthetic data: run with `--ignored --nocapture`. The peer's side is
//! `tests/reference/training_peer.py`, on the same interactions.

use std::time::Instant;

use palate::math::rng::Rng;
use palate::train::ease::ease;
use palate::train::ials::{IalsSettings, ials};
use palate::train::matrix::Csr;

/// `events` interactions of `users` people over `items` items, popular ones first: item = items u^3.
fn synthetic(users: usize, items: usize, events: usize) -> Csr {
    let mut rng = Rng::new(1);
    let mut rows: Vec<std::collections::BTreeSet<u32>> = vec![Default::default(); users];
    let mut count = 0;
    while count < events {
        let user = rng.below(users);
        let item = (items as f64 * rng.unit().powi(3)) as u32;
        count += usize::from(rows[user].insert(item));
    }
    let mut x = Csr::new(items);
    rows.into_iter().for_each(|row| x.push_row(row.into_iter().map(|i| (i, 1.0))));
    x
}

/// Seconds that EASE on 12,000 items and iALS of 15 sweeps on a million interactions may take on two cores.
const EASE_SECONDS: f64 = 60.0;
const IALS_SECONDS: f64 = 30.0;

#[test]
#[ignore = "a minute of both cores"]
fn cost_of_ease() {
    let x = synthetic(20_000, 12_000, 400_000);
    let start = Instant::now();
    let weights = ease(&x, 200.0).expect("ease");
    let seconds = start.elapsed().as_secs_f64();
    println!("EASE, 12,000 items, 400,000 interactions: {seconds:.1} s");
    assert!(weights.iter().all(|w| w.is_finite()));
    assert!(seconds <= EASE_SECONDS, "{seconds} s");
}

#[test]
#[ignore = "half a minute of both cores"]
fn cost_of_ials() {
    for steps in [3, 0] {
        ials_within_its_seconds(steps);
    }
}

fn ials_within_its_seconds(steps: usize) {
    let x = synthetic(20_000, 10_000, 1_000_000);
    let settings = IalsSettings { dim: 128, alpha0: 0.1, lambda: 0.003, nu: 1.0, sweeps: 15, steps, seed: 1 };
    let start = Instant::now();
    let (_, items) = ials(&x, &settings, &mut |_| {});
    let seconds = start.elapsed().as_secs_f64();
    println!("iALS, 128 dimensions, 1,000,000 interactions, 15 sweeps, {steps} steps (0: exact): {seconds:.1} s");
    assert!(items.iter().all(|v| v.is_finite()));
    assert!(seconds <= IALS_SECONDS, "{seconds} s");
}
