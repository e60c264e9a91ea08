//! Variety, against the definition written out plainly.

use palate::math::rng::Rng;
use palate::rank::diversify::diversify;

/// Carbonell & Goldstein's rule, every cosine computed anew in f64.
fn plain(candidates: &[(u32, f32)], vectors: &[Vec<f32>], k: usize, amount: f64) -> Vec<usize> {
    let (high, low) = (f64::from(candidates[0].1), f64::from(candidates[candidates.len() - 1].1));
    let mut picked: Vec<usize> = Vec::new();
    while picked.len() < k {
        let value = |at: usize| {
            let relevance = (f64::from(candidates[at].1) - low) / (high - low);
            let cosine = |other: &usize| vectors[at].iter().zip(&vectors[*other]).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            (1.0 - amount) * relevance - amount * picked.iter().map(cosine).fold(0.0, f64::max)
        };
        let open = (0..candidates.len()).filter(|at| !picked.contains(at));
        let best = open.max_by(|a, b| value(*a).total_cmp(&value(*b)).then(b.cmp(a))).unwrap();
        picked.push(best);
    }
    picked
}

#[test]
fn diversify_is_maximal_marginal_relevance() {
    let mut rng = Rng::new(7);
    for amount in [0.1, 0.3, 0.7, 1.0] {
        let vectors: Vec<Vec<f32>> = (0..40)
            .map(|_| {
                let vector: Vec<f32> = (0..12).map(|_| rng.unit() as f32 - 0.5).collect();
                let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
                vector.into_iter().map(|v| v / norm).collect()
            })
            .collect();
        let candidates: Vec<(u32, f32)> = (0..40).map(|n| (n, 1.0 - n as f32 * 0.02)).collect();
        assert_eq!(diversify(&candidates, &vectors, 15, amount as f32), plain(&candidates, &vectors, 15, amount), "{amount}");
    }
}

#[test]
fn diversify_of_nothing_keeps_the_order() {
    let candidates = [(5, 1.0), (3, 0.5)];
    assert_eq!(diversify(&candidates, &[], 10, 0.0), [0, 1]);
    assert!(diversify(&[], &[], 3, 0.5).is_empty());
}
