//! Each metric against values worked out by hand.

use palate::evaluate::judge::{judge, ranks};
use palate::evaluate::metrics::*;
use palate::math::stats::{bootstrap_means, quantile};

const TOLERANCE: f64 = 1e-12;

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < TOLERANCE, "{a} is not {b}");
}

#[test]
fn metrics_by_hand() {
    // Three targets at ranks 1, 4 and 12.
    let ranks = [1, 4, 12];
    near(hit_rate(&ranks, 10), 1.0);
    near(recall(&ranks, 10), 2.0 / 3.0);
    near(recall_capped(&ranks, 2), 0.5);
    near(precision(&ranks, 10), 0.2);
    near(mrr(&ranks, 10), 1.0);
    near(average_precision(&ranks, 10), (1.0 + 2.0 / 4.0) / 3.0);
    let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5;
    near(ndcg(&ranks, 10), (1.0 + 1.0 / 5f64.log2()) / ideal);
    near(ndcg(&ranks, 1), 1.0);
    near(mrr(&[3, 5], 10), 1.0 / 3.0);
    near(mrr(&[11], 10), 0.0);
}

#[test]
fn metrics_of_a_user_without_targets_are_zero() {
    for metric in [hit_rate, recall, recall_capped, precision, ndcg, mrr, average_precision] {
        near(metric(&[], 10), 0.0);
    }
}

#[test]
fn judge_ranks_ties_pessimistically() {
    // Targets 1 and 3 tie with 0 at the top, 4 is masked.
    let scores = [2.0, 2.0, 1.0, 2.0, f32::NEG_INFINITY, 0.0];
    let judged = judge(&scores, &[1, 3], 3);
    assert_eq!(judged.ranks, [2, 3]);
    assert_eq!(judged.list, [0, 1, 3]);
    assert_eq!(judged.candidates, 5);
    // Pairs: each target ties with item 0 (1/2), beats 2 and 5.
    near(judged.auc, 2.5 / 3.0);
}

#[test]
fn judge_never_finds_masked_targets() {
    let judged = judge(&[1.0, f32::NEG_INFINITY, f32::NAN], &[1, 2], 3);
    assert_eq!(ranks(&[1.0, f32::NEG_INFINITY, f32::NAN], &[1, 2, 0]), [1, u32::MAX, u32::MAX]);
    assert_eq!(judged.ranks, [u32::MAX, u32::MAX]);
    assert_eq!(judged.list, [0]);
    assert!(judged.auc.is_nan());
}

#[test]
fn judge_equals_a_plain_sort() {
    let mut rng = palate::math::rng::Rng::new(3);
    for _ in 0..300 {
        let n = 2 + rng.below(30);
        let scores: Vec<f32> = (0..n).map(|_| rng.below(6) as f32).collect();
        let targets: Vec<u32> = (0..n as u32).filter(|_| rng.below(4) == 0).collect();
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_by(|&a, &b| {
            scores[b as usize].total_cmp(&scores[a as usize]).then(targets.contains(&a).cmp(&targets.contains(&b)))
        });
        let expected: Vec<u32> =
            order.iter().enumerate().filter(|(_, i)| targets.contains(i)).map(|(r, _)| r as u32 + 1).collect();
        let judged = judge(&scores, &targets, n);
        assert_eq!(judged.ranks, expected);
        assert_eq!(ranks(&scores, &targets), expected);
        let mut list: Vec<u32> = (0..n as u32).collect();
        list.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
        assert_eq!(judged.list, list);
        let (mut wins, mut pairs) = (0.0, 0.0);
        for &t in &targets {
            for o in (0..n as u32).filter(|o| !targets.contains(o)) {
                pairs += 1.0;
                let (a, b) = (scores[t as usize], scores[o as usize]);
                wins += if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
            }
        }
        if pairs > 0.0 {
            near(judged.auc, wins / pairs);
        }
    }
}

#[test]
fn rating_errors_are_clipped_to_the_scale() {
    let (squared, absolute) = rating_errors(7.0, 4.0, 0.5, 5.0);
    near(squared, 1.0);
    near(absolute, 1.0);
}

#[test]
fn bootstrap_interval_holds_the_mean_and_narrows() {
    let column = |n: usize| vec![(0..n).map(|i| (i % 10) as f64).collect::<Vec<f64>>()];
    let (small, large) = (bootstrap_means(&column(50), 500, 1)[0], bootstrap_means(&column(5000), 500, 1)[0]);
    near(small.value, 4.5);
    assert!(small.low < 4.5 && 4.5 < small.high);
    assert!(large.high - large.low < (small.high - small.low) / 5.0);
    // The standard error of a mean of n values with deviation 2.872 is 2.872 / sqrt(n).
    let expected = 2.0 * 1.96 * 2.872 / 5000f64.sqrt();
    assert!((large.high - large.low - expected).abs() < 0.15 * expected);
}

#[test]
fn quantile_interpolates() {
    near(quantile(&mut [4.0, 1.0, 2.0, 3.0], 0.5), 2.5);
    near(quantile(&mut [], 0.5), 0.0);
}
