//! Calibration, popularity correction, caps of sources, fairness to providers.

use palate::rank::calibrate::{calibrate, distribution, divergence};
use palate::rank::correct::{cap_sources, exposure, fair_exposure, popularity};

#[test]
fn calibration_moves_the_list_towards_the_history() {
    // The visitor likes 70 % of category 0 and 30 % of 1; the best ten are all of 0.
    let zero: &[u32] = &[0];
    let one: &[u32] = &[1];
    let scores: Vec<f32> = (0..20).map(|i| 1.0 - i as f32 * 0.01).collect();
    let categories: Vec<&[u32]> = (0..20).map(|i| if i < 10 { zero } else { one }).collect();
    let target = [0.7, 0.3];
    assert_eq!(calibrate(&scores, &categories, &target, 10, 0.0), (0..10).collect::<Vec<_>>());
    let list = calibrate(&scores, &categories, &target, 10, 0.99);
    let ones = list.iter().filter(|&&i| i >= 10).count();
    assert_eq!(ones, 3, "{list:?}");
    // Within a category the better score comes first.
    assert!(list.iter().filter(|&&i| i < 10).is_sorted() && list.iter().filter(|&&i| i >= 10).is_sorted());
}

#[test]
fn divergence_is_zero_for_equals_and_grows() {
    let p = distribution([(&[0u32, 1][..], 1.0), (&[0][..], 1.0), (&[][..], 5.0)].into_iter(), 2).expect("categories");
    assert!((p[0] - 0.75).abs() < 1e-12 && (p[1] - 0.25).abs() < 1e-12);
    assert!(divergence(&p, &p).abs() < 1e-12);
    assert!(divergence(&p, &[0.5, 0.5]) < divergence(&p, &[0.0, 1.0]));
    assert!(distribution([(&[][..], 1.0)].into_iter(), 2).is_none());
}

#[test]
fn popularity_correction_trades_places() {
    let mut scores = [1.0, 0.9, 0.5];
    popularity(&mut scores, &[100.0, 1.0, 0.0], 0.0);
    assert_eq!(scores, [1.0, 0.9, 0.5]);
    popularity(&mut scores, &[100.0, 1.0, 0.0], 0.1);
    assert!((scores[0] - (1.0 - 0.1 * 100f32.ln())).abs() < 1e-6);
    // What has no count stands as the least popular.
    assert_eq!(scores[1..], [0.9, 0.5]);
    let mut unknown = [1.0];
    popularity(&mut unknown, &[0.0], 0.5);
    assert_eq!(unknown, [1.0]);
}

#[test]
fn caps_hold_and_still_fill_the_list() {
    let source = |i: u32| (i != 9).then_some(i / 4);
    assert_eq!(cap_sources(&[0, 1, 2, 4, 3, 9, 5], source, 4, 2), [0, 1, 4, 9]);
    // Only one source: the cap yields to a full list.
    assert_eq!(cap_sources(&[0, 1, 2, 3], source, 3, 1), [0, 1, 2]);
}

#[test]
fn fair_exposure_pays_providers_over_time() {
    // Two providers whose items are almost as good: by score alone the first takes every first place.
    let candidates = [(1.0, 0), (0.99, 1), (0.98, 0), (0.97, 1), (0.0, 0)];
    let (mut owed, mut given) = (vec![0.0; 2], [0.0; 2]);
    for _ in 0..200 {
        for (position, chosen) in fair_exposure(&candidates, &mut owed, 2, 1.0).into_iter().enumerate() {
            given[candidates[chosen].1] += exposure(position);
        }
    }
    let share = given[0] / (given[0] + given[1]);
    let merit = (1.0 + 0.98) / (1.0 + 0.99 + 0.98 + 0.97);
    assert!((share - merit).abs() < 0.01, "{share} against {merit}");
    assert_eq!(fair_exposure(&candidates, &mut [0.0; 2], 3, 0.0), [0, 1, 2]);
}
