//! Inverses against plain sums in f64, and one that is stopped in the middle.

use std::cell::RefCell;

use palate::Error;
use palate::math::rng::Rng;
use palate::platform::memory::MemoryCheckpoint;
use palate::train::inverse::{Stand, invert, ridge_inverse};
use palate::train::kept::Kept;
use palate::train::linear::gram;
use palate::train::matrix::Csr;

fn random(rows: usize, columns: usize, share: f64, seed: u64) -> Csr {
    let mut rng = Rng::new(seed);
    let mut x = Csr::new(columns);
    for _ in 0..rows {
        let row: Vec<(u32, f32)> =
            (0..columns as u32).filter(|_| rng.unit() < share).map(|c| (c, 1.0)).collect();
        x.push_row(row);
    }
    x
}

/// (X'X + lambda I) P must be the identity.
fn check_inverse(x: &Csr, lambda: f32) {
    let n = x.columns;
    let p = ridge_inverse(x, lambda, &Stand::nowhere()).expect("inverse");
    let a = gram(x, lambda);
    for i in 0..n {
        for j in 0..n {
            let value: f64 = (0..n).map(|k| f64::from(a[i * n + k]) * f64::from(p[k * n + j])).sum();
            assert!((value - f64::from(u8::from(i == j))).abs() < 2e-4, "({i}, {j}) is {value}");
        }
    }
}

#[test]
fn ridge_inverse_inverts_tall_wide_and_gappy_systems() {
    check_inverse(&random(300, 130, 0.1, 1), 5.0);
    check_inverse(&random(40, 130, 0.1, 2), 5.0);
    // A third of the columns have no entries.
    let full = random(300, 90, 0.1, 3);
    let mut gappy = Csr::new(130);
    (0..full.rows()).for_each(|r| gappy.push_row(full.entries(r).map(|(c, v)| (c + c / 2, v)).filter(|(c, _)| *c < 130)));
    check_inverse(&gappy, 5.0);
}

#[test]
fn invert_refuses_what_is_not_positive_definite() {
    let error = invert(&mut [1.0, 2.0, 2.0, 1.0], 2).expect_err("indefinite").to_string();
    assert!(error.contains("not positive definite") && error.contains("Raise"), "{error}");
}

/// More than two panels, the last one not whole.
const COLUMNS: usize = 1100;

#[test]
fn inverse_goes_on_in_the_middle_to_the_same_bits() {
    let x = random(1500, COLUMNS, 0.02, 4);
    let whole = ridge_inverse(&x, 5.0, &Stand::nowhere()).expect("inverse");
    let a = gram(&x, 5.0);
    for (i, j) in (0..COLUMNS).step_by(53).flat_map(|i| (0..COLUMNS).step_by(61).chain([i]).map(move |j| (i, j))) {
        let value: f64 = (0..COLUMNS).map(|k| f64::from(a[i * COLUMNS + k]) * f64::from(whole[k * COLUMNS + j])).sum();
        assert!((value - f64::from(u8::from(i == j))).abs() < 2e-4, "({i}, {j}) is {value}");
    }
    for (stop, told) in [(1, "going on after 512 of 1100"), (2, "going on after 1024 of 1100")] {
        let checkpoint = MemoryCheckpoint::default();
        checkpoint.stop_after.set(Some(stop));
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        let run = |system: &str| ridge_inverse(&x, 5.0, &Stand::new(&Kept::new(&checkpoint, "run", "choosing", &note), "ease", system));
        assert_eq!(run("200").unwrap_err(), Error::Aborted);
        checkpoint.stop_after.set(None);
        let left = checkpoint.kept.borrow().clone();
        assert!(run("200").expect("the rest") == whole, "stopped at write {stop}");
        assert!(notes.borrow().iter().any(|text| text.contains(told)), "{:?}", notes.borrow());
        assert_eq!(checkpoint.writes.get(), 2, "no panel is swept twice");
        // Another system of the same method begins anew.
        checkpoint.kept.borrow_mut().clone_from(&left);
        notes.borrow_mut().clear();
        assert!(run("400").expect("another") == whole && notes.borrow().is_empty(), "{:?}", notes.borrow());
    }
}
