//! Dense algebra for training against plain loops in f64.

use palate::math::rng::Rng;
use palate::train::linear::*;
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
    let p = ridge_inverse(x, lambda).expect("inverse");
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

#[test]
fn products_equal_plain_loops() {
    let (m, k, n) = (7, 5, 9);
    let mut rng = Rng::new(4);
    let mut draw = |len: usize| -> Vec<f32> { (0..len).map(|_| rng.normal() as f32).collect() };
    let (a, b) = (draw(m * k), draw(k * n));
    let transpose = |x: &[f32], r: usize, c: usize| -> Vec<f32> { (0..c * r).map(|i| x[(i % r) * c + i / r]).collect() };
    let expected: Vec<f32> =
        (0..m * n).map(|i| (0..k).map(|l| a[(i / n) * k + l] * b[l * n + i % n]).sum()).collect();
    let near = |out: &[f32], times: f32| out.iter().zip(&expected).all(|(o, e)| (o - times * e).abs() < 1e-4);
    let mut out = vec![0f32; m * n];
    matmul(&mut out, &a, &b, (m, k, n), false);
    assert!(near(&out, 1.0));
    matmul_left_transposed(&mut out, &transpose(&a, m, k), &b, (m, k, n), true);
    assert!(near(&out, 2.0));
    matmul_right_transposed(&mut out, &a, &transpose(&b, k, n), (m, k, n), true);
    assert!(near(&out, 3.0));
}
