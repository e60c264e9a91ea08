//! EASE, EASE with content, transitions and iALS against plain NumPy (`tests/reference/linear_golden.py`).

use std::collections::BTreeSet;

use palate::evaluate::dataset::Sequence;
use palate::math::rng::Rng;
use palate::train::ease::ease;
use palate::train::ease_content::ease_content;
use palate::train::features::Features;
use palate::train::ials::{IalsSettings, ials, solve_side};
use palate::train::inverse::Stand;
use palate::train::matrix::Csr;
use palate::train::transitions::{EVENTS, TransitionSettings, transitions};
use serde_json::Value;

const TOLERANCE: f32 = 1e-4;

fn golden() -> Value {
    serde_json::from_str(include_str!("linear_golden.json")).expect("golden file")
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().expect("array").iter().map(|v| v.as_f64().expect("number") as f32).collect()
}

fn sequences(golden: &Value) -> Vec<Sequence> {
    let of = |(user, items): (usize, &Value)| {
        let items: Vec<u32> = floats(items).iter().map(|&i| i as u32).collect();
        Sequence { user: user as u32, times: (0..items.len() as i64).collect(), values: vec![1.0; items.len()], items }
    };
    golden["sequences"].as_array().expect("sequences").iter().enumerate().map(of).collect()
}

fn same(ours: &[f32], theirs: &Value) {
    let theirs = floats(theirs);
    assert_eq!(ours.len(), theirs.len());
    let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(worst < TOLERANCE, "largest difference {worst}");
    assert!(theirs.iter().any(|v| v.abs() > 0.05), "the golden values are not all tiny");
}

#[test]
fn ease_equals_numpy() {
    let golden = golden();
    let x = Csr::binary(&sequences(&golden), 25);
    same(&ease(&x, 10.0).expect("ease"), &golden["ease"]);
}

#[test]
fn ease_content_equals_numpy() {
    let golden = golden();
    let x = Csr::binary(&sequences(&golden), 25);
    let mut sparse = Csr::new(4);
    for row in golden["content"].as_array().expect("content") {
        sparse.push_row(floats(row).into_iter().enumerate().filter(|(_, v)| *v > 0.0).map(|(c, v)| (c as u32, v)));
    }
    let features = Features { sparse, ..Features::default() };
    same(&ease_content(&x, &features, 10.0, 1.5, &Stand::nowhere()).expect("ease").0, &golden["ease_content"]);
    // The same rows as dense vectors.
    let dense = golden["content"].as_array().expect("content").iter().flat_map(floats).collect();
    let features = Features { sparse: Csr::new(0), dense, dim: 4, ..Features::default() };
    same(&ease_content(&x, &features, 10.0, 1.5, &Stand::nowhere()).expect("ease").0, &golden["ease_content"]);
}

#[test]
fn transitions_equal_numpy() {
    let golden = golden();
    let settings = TransitionSettings { lambda: 5.0, past: 2.0, future: 3.0, window: 4 };
    // All at once, and in parts of a few sequences or of one.
    for most in [EVENTS, 40, 1] {
        same(&transitions(&sequences(&golden), 25, &settings, most, &Stand::nowhere()).expect("transitions"), &golden["transitions"]);
    }
}

#[test]
fn ials_equals_numpy() {
    let golden = golden();
    let x = Csr::binary(&sequences(&golden), 25);
    let settings = IalsSettings { dim: 6, alpha0: 0.1, lambda: 0.01, nu: 1.0, sweeps: 3, steps: 0, seed: 1 };
    let mut items = floats(&golden["ials_start"]);
    let mut users = vec![0f32; x.rows() * 6];
    let by_item = x.transpose();
    for _ in 0..settings.sweeps {
        solve_side(&x, &items, &mut users, &settings);
        solve_side(&by_item, &users, &mut items, &settings);
    }
    same(&users, &golden["ials_users"]);
    same(&items, &golden["ials_items"]);
    // As many steps as dimensions solve the systems exactly too, up to rounding.
    let conjugate = IalsSettings { steps: 12, ..settings };
    let mut items = floats(&golden["ials_start"]);
    let mut users = vec![0f32; x.rows() * 6];
    for _ in 0..settings.sweeps {
        solve_side(&x, &items, &mut users, &conjugate);
        solve_side(&by_item, &users, &mut items, &conjugate);
    }
    same(&items, &golden["ials_items"]);
}

/// Rows of very different lengths, some empty, one longer than a batch may be: steps come near the exact solution, and the
/// number of threads changes no bit.
#[test]
fn ials_is_the_same_for_any_number_of_threads() {
    let mut rng = Rng::new(3);
    let mut x = Csr::new(60);
    for user in 0..2000 {
        let taken = if user % 50 == 0 { 0 } else { 1 + rng.below(12) };
        // The first of everyone's items is the last one.
        let items: BTreeSet<u32> = (0..taken).map(|at| if at == 0 { 59 } else { (60.0 * rng.unit().powi(3)) as u32 }).collect();
        x.push_row(items.into_iter().map(|item| (item, 1.0)));
    }
    assert!(x.transpose().row(59).0.len() > 1900);
    let learned = |threads: usize, steps: usize| {
        let settings = IalsSettings { dim: 19, alpha0: 0.1, lambda: 0.01, nu: 1.0, sweeps: 6, steps, seed: 1 };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| ials(&x, &settings))
    };
    let bits = |(users, items): &(Vec<f32>, Vec<f32>)| users.iter().chain(items).map(|v| v.to_bits()).collect::<Vec<_>>();
    let exact = learned(1, 0);
    let steps = learned(1, 25);
    for threads in [2, 5] {
        assert_eq!(bits(&exact), bits(&learned(threads, 0)));
        assert_eq!(bits(&steps), bits(&learned(threads, 25)));
    }
    let apart = exact.1.iter().zip(&steps.1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-3, "{apart}");
}
