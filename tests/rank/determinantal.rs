//! Variety by volume: against every subset on small cases, and its ends.

use palate::math::rng::Rng;
use palate::rank::determinantal::determinantal;

fn unit(mut v: Vec<f32>) -> Vec<f32> {
    let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    v.iter_mut().for_each(|x| *x /= norm);
    v
}

#[test]
fn determinantal_keeps_the_order_at_zero_and_leaves_twins_for_last() {
    let candidates = [(0, 3.0), (1, 2.9), (2, 2.8), (3, 1.0)];
    let vectors = vec![unit(vec![1.0, 0.0]), unit(vec![1.0, 0.0]), unit(vec![0.0, 1.0]), unit(vec![-1.0, 0.1])];
    assert_eq!(determinantal(&candidates, &vectors, 3, 0.0), [0, 1, 2]);
    let varied = determinantal(&candidates, &vectors, 4, 0.9);
    assert_eq!(varied[0], 0);
    assert_eq!(varied[3], 1, "the twin of the first comes last: {varied:?}");
    assert_eq!(determinantal(&candidates, &vectors, 9, 0.5).len(), 4);
    assert!(determinantal(&[], &[], 3, 0.5).is_empty());
}

/// Determinant of the kernel over a set, by elimination.
fn volume(set: &[usize], vectors: &[Vec<f32>]) -> f64 {
    let n = set.len();
    let mut a: Vec<Vec<f64>> = set
        .iter()
        .map(|&i| {
            set.iter()
                .map(|&j| {
                    let dot: f32 = vectors[i].iter().zip(&vectors[j]).map(|(x, y)| x * y).sum();
                    if i == j { 1.0 + 1e-6 } else { 0.5 * (1.0 + f64::from(dot)) }
                })
                .collect()
        })
        .collect();
    let mut det = 1.0;
    for i in 0..n {
        det *= a[i][i];
        for j in i + 1..n {
            let f = a[j][i] / a[i][i];
            for k in i..n {
                let x = a[i][k];
                a[j][k] -= f * x;
            }
        }
    }
    det
}

#[test]
fn determinantal_steps_are_the_greedy_ones() {
    let mut rng = Rng::new(8);
    for _ in 0..20 {
        let vectors: Vec<Vec<f32>> = (0..9).map(|_| unit((0..5).map(|_| rng.normal() as f32).collect())).collect();
        let candidates: Vec<(u32, f32)> = (0..9).map(|i| (i, 1.0)).collect();
        let picked = determinantal(&candidates, &vectors, 4, 1.0);
        for step in 1..4 {
            let grown = |i: usize| {
                let mut set = picked[..step].to_vec();
                set.push(i);
                volume(&set, &vectors)
            };
            let best = (0..9).filter(|i| !picked[..step].contains(i)).map(grown).fold(f64::MIN, f64::max);
            assert!((grown(picked[step]) - best).abs() < 1e-9 * best.abs().max(1e-9) + 1e-9);
        }
    }
}
