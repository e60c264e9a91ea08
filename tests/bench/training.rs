//! What training costs on made-up data: `cargo bench --features publisher --bench training -- [cg|als|ease]`. Prints one JSON
//! object: one method a process, so that its peak memory (Linux) is its own.
//!
//! The peers' side, on data of the same kind, is `tests/reference/training_peer.py`. The bars on two cores: EASE on 12,000
//! items in 60 s, iALS of 128 dimensions with 15 sweeps over a million interactions in 30 s.

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

/// The most memory this process ever held, in GB; none where the system does not tell.
fn peak_gb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0 / 1e9)
}

fn timed(what: &str, train: impl FnOnce() -> Vec<f32>) {
    let start = Instant::now();
    let learned = train();
    let seconds = start.elapsed().as_secs_f64();
    assert!(learned.iter().all(|w| w.is_finite()));
    println!("{}", serde_json::json!({ "method": what, "seconds": seconds, "peak_gb": peak_gb() }));
}

fn main() {
    // Cargo passes `--bench` too.
    let what = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let als = |what: &str, steps: usize| {
        let x = synthetic(20_000, 10_000, 1_000_000);
        let settings = IalsSettings { dim: 128, alpha0: 0.1, lambda: 0.003, nu: 1.0, sweeps: 15, steps, seed: 1 };
        timed(what, || ials(&x, &settings).1);
    };
    match what.as_deref() {
        Some("ease") => {
            let x = synthetic(20_000, 12_000, 400_000);
            timed("EASE", || ease(&x, 200.0).expect("EASE"));
        }
        Some("cg") => als("iALS, 3 steps of conjugate gradients", 3),
        None | Some("als") => als("iALS, exact", 0),
        Some(other) => panic!("no method {other}"),
    }
}
