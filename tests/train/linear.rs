//! Dense products for training against plain loops.

use palate::math::rng::Rng;
use palate::train::linear::*;
use palate::train::matrix::Csr;

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

#[test]
fn balanced_rows_weigh_by_a_power_of_their_length() {
    let mut x = Csr::new(6);
    [&[0u32, 1][..], &[], &[0, 1, 2, 3, 4, 5], &[2], &[1, 2, 3, 5]].iter().for_each(|row| x.push_row(row.iter().map(|&c| (c, 1.0))));
    assert_eq!(x.clone().balanced(0.0), x);
    for power in [0.5f32, 1.0] {
        let balanced = x.clone().balanced(power);
        let weight = |row: usize| f64::from(balanced.row(row).1[0]).powi(2);
        for (row, n) in [(0, 2.0f64), (2, 6.0), (4, 4.0)] {
            assert!((weight(row) / weight(3) - n.powf(-f64::from(power))).abs() < 1e-6, "power {power}, row {row}");
        }
        let sum: f64 = balanced.values.iter().map(|v| f64::from(*v).powi(2)).sum();
        assert!((sum - 13.0).abs() < 1e-5, "{sum}");
    }
}
