//! List metrics against values worked out by hand.

use palate::evaluate::lists::*;

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}

#[test]
fn coverage_gini_entropy_by_hand() {
    let lists: [&[u32]; 2] = [&[0, 1], &[0, 2]];
    near(coverage(&lists, 4), 0.75);
    let exposure = exposure(&lists, 4);
    assert_eq!(exposure, [2, 1, 1, 0]);
    // Sorted 0 1 1 2: (-3*0 - 1*1 + 1*1 + 3*2) / (4 * 4).
    near(gini(&exposure), 6.0 / 16.0);
    near(entropy(&exposure), 0.5 * 1.0 + 2.0 * 0.25 * 2.0);
    near(gini(&[5, 5, 5]), 0.0);
    near(gini(&[0, 0, 0, 9]), 0.75);
}

#[test]
fn novelty_is_information() {
    near(novelty(&[0, 1], &[4, 1], 8), (1.0 + 3.0) / 2.0);
    near(novelty(&[0], &[0], 8), 3.0);
}

#[test]
fn diversity_is_mean_distance() {
    let rows: [&[(u32, f32)]; 3] = [&[(0, 1.0)], &[(0, 1.0)], &[(1, 1.0)]];
    near(intra_list_diversity(&[0, 1, 2], |i| Some(rows[i as usize])), 2.0 / 3.0);
    assert!(intra_list_diversity(&[0], |i| Some(rows[i as usize])).is_nan());
}

#[test]
fn serendipity_counts_hits_that_popularity_misses() {
    // Of 5 candidates: item 4 is listed first (P = 1) and least popular (P = 0); item 0 is second (3/4), most popular (1).
    near(serendipity(&[4, 0], &[true, true], 5, &[1, 2, 3, 4, 5]), 0.5);
    near(serendipity(&[4, 0], &[false, true], 5, &[1, 2, 3, 4, 5]), 0.0);
}

#[test]
fn calibration_is_zero_for_a_list_like_the_history() {
    let categories: [&[u32]; 4] = [&[0], &[1], &[0], &[1]];
    near(calibration_kl(&[0, 1], &[2, 3], |i| categories[i as usize], 2), 0.0);
    // p = (1/2, 1/2), q = (1, 0): 0.5 ln(0.5 / 0.995) + 0.5 ln(0.5 / 0.005).
    let expected = 0.5 * (0.5f64 / 0.995).ln() + 0.5 * (0.5f64 / 0.005).ln();
    near(calibration_kl(&[0, 1], &[0, 2], |i| categories[i as usize], 2), expected);
    assert!(calibration_kl(&[], &[0], |i| categories[i as usize], 2).is_nan());
}

#[test]
fn popularity_bias_by_hand() {
    let counts = [80, 10, 6, 4];
    near(average_popularity(&[0, 3], &counts), 42.0);
    assert_eq!(long_tail(&counts), [false, true, true, true]);
    near(tail_share(&[0, 1], &long_tail(&counts)), 0.5);
}
