//! EASE, EASE with content, transitions and iALS against plain NumPy (`tests/reference/linear_golden.py`).

use palate::evaluate::dataset::Sequence;
use palate::train::ease::ease;
use palate::train::ease_content::ease_content;
use palate::train::features::Features;
use palate::train::ials::{IalsSettings, solve_side};
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
    same(&ease_content(&x, &features, 10.0, 1.5).expect("ease").0, &golden["ease_content"]);
    // The same rows as dense vectors.
    let dense = golden["content"].as_array().expect("content").iter().flat_map(floats).collect();
    let features = Features { sparse: Csr::new(0), dense, dim: 4, ..Features::default() };
    same(&ease_content(&x, &features, 10.0, 1.5).expect("ease").0, &golden["ease_content"]);
}

#[test]
fn transitions_equal_numpy() {
    let golden = golden();
    let settings = TransitionSettings { lambda: 5.0, past: 2.0, future: 3.0, window: 4 };
    // All at once, and in parts of a few sequences or of one.
    for most in [EVENTS, 40, 1] {
        same(&transitions(&sequences(&golden), 25, &settings, most).expect("transitions"), &golden["transitions"]);
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
