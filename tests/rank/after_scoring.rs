//! Calibration, caps of sources, fairness to providers, what exploration doubts.

use palate::math::rng::Rng;
use palate::math::vector::dot;
use palate::rank::calibrate::{calibrate, distribution, divergence};
use palate::rank::correct::{cap_sources, exposure, fair_exposure};
use palate::rank::explore::{CANDIDATES, Unknown, sample, slots};

#[test]
fn calibration_moves_the_list_towards_the_history() {
    // The visitor likes 70 % of category 0 and 30 % of 1; the best ten are all of 0.
    let zero: &[u32] = &[0];
    let one: &[u32] = &[1];
    let merits: Vec<f64> = (0..20).map(|i| 1.0 - f64::from(i) * 0.01).collect();
    let categories: Vec<&[u32]> = (0..20).map(|i| if i < 10 { zero } else { one }).collect();
    let target = [0.7, 0.3];
    assert_eq!(calibrate(&merits, &categories, &target, 10, 0.0), (0..10).collect::<Vec<_>>());
    let list = calibrate(&merits, &categories, &target, 10, 0.99);
    let ones = list.iter().filter(|&&i| i >= 10).count();
    assert_eq!(ones, 3, "{list:?}");
    // Within a category the better score comes first.
    assert!(list.iter().filter(|&&i| i < 10).is_sorted() && list.iter().filter(|&&i| i >= 10).is_sorted());
}

#[test]
fn calibration_steps_are_the_greedy_ones() {
    let mut rng = Rng::new(3);
    for _ in 0..20 {
        let categories: Vec<Vec<u32>> = (0..15)
            .map(|_| {
                let mut own: Vec<u32> = (0..rng.below(4)).map(|_| rng.below(7) as u32).collect();
                own.sort_unstable();
                own.dedup();
                own
            })
            .collect();
        let categories: Vec<&[u32]> = categories.iter().map(Vec::as_slice).collect();
        let merits: Vec<f64> = (0..15).map(|_| rng.unit()).collect();
        // Two categories (5 and 6) are not the history's.
        let target = [0.4, 0.3, 0.2, 0.1, 0.0];
        let picked = calibrate(&merits, &categories, &target, 8, 0.6);
        for step in 0..8 {
            let value = |i: usize| {
                let list = picked[..step].iter().chain([&i]).map(|&i| (categories[i], 1.0));
                let q = distribution(list, target.len()).unwrap_or(vec![0.0; target.len()]);
                0.4 * merits[i] - 0.6 * divergence(&target, &q)
            };
            let best = (0..15).filter(|i| !picked[..step].contains(i)).map(value).fold(f64::MIN, f64::max);
            assert!((value(picked[step]) - best).abs() < 1e-9, "step {step} of {picked:?}");
        }
    }
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

#[test]
fn exploration_slots_are_a_share_and_spare_the_first() {
    let mut rng = Rng::new(5);
    let mut total = 0;
    for _ in 0..400 {
        let slots = slots(9, 0.25, &mut rng);
        assert!(slots.is_sorted() && !slots.contains(&0) && slots.iter().all(|&slot| slot < 9), "{slots:?}");
        total += slots.len();
    }
    assert!((total as f64 / 400.0 - 2.25).abs() < 0.1, "{total}");
    assert_eq!(slots(1, 1.0, &mut rng), [0]);
}

#[test]
fn exploration_samples_without_repeats_and_leaves_short_catalogs_whole() {
    let mut rng = Rng::new(6);
    assert_eq!(sample((0..10).collect(), &mut rng), (0..10).collect::<Vec<_>>());
    let sampled = sample((0..5000).collect(), &mut rng);
    assert!(sampled.len() == CANDIDATES && sampled.windows(2).all(|pair| pair[0] < pair[1]));
    let mean = sampled.iter().map(|&i| f64::from(i)).sum::<f64>() / CANDIDATES as f64;
    assert!((mean - 2500.0).abs() < 200.0, "{mean}");
}

#[test]
fn exploration_doubts_least_where_most_is_known() {
    // Weight 3 along the first axis, 1 along a direction between the first two, nothing of the rest.
    let centers = [vec![5.0, 0.0, 0.0, 0.0], vec![1.0, 1.0, 0.0, 0.0]];
    let unknown = Unknown::beside(centers.iter().map(Vec::as_slice).zip([3.0, 1.0]), 1.0);
    let mut rng = Rng::new(7);
    let draws: Vec<Vec<f32>> = (0..4000).map(|_| unknown.draw(4, &mut rng)).collect();
    let variance = |axis: usize| draws.iter().map(|d| f64::from(d[axis]).powi(2)).sum::<f64>() / 4000.0;
    assert!((variance(0) / variance(3) - 0.25).abs() < 0.03, "half of the variance at a weight of 1, a quarter at 3");
    assert!((variance(1) / variance(3) - 0.5).abs() < 0.05);
    assert!((variance(2) / variance(3) - 1.0).abs() < 0.1);
    // A draw lifts what means the same together.
    let near = unit([0.0, 0.0, 1.0, 0.05]);
    let both = draws.iter().filter(|d| (dot(d, &[0.0, 0.0, 1.0, 0.0]) > 0.0) == (dot(d, &near) > 0.0)).count();
    assert!(both > 3800, "{both}");
}

fn unit(v: [f32; 4]) -> [f32; 4] {
    let norm = dot(&v, &v).sqrt();
    v.map(|x| x / norm)
}
