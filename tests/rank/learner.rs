//! The learner on the device: it finds what the visitor goes by, is unsure where it has seen little, and forgets on reset.

use palate::math::rng::Rng;
use palate::rank::learner::Learner;

/// A visitor who acts with logistic probability of `truth` over the terms' values.
fn taught(truth: &[f64], observations: usize) -> Learner {
    let mut rng = Rng::new(2);
    let mut learner = Learner::new(&vec![0.3; truth.len()], 10.0);
    for _ in 0..observations {
        let features: Vec<f64> = truth.iter().map(|_| rng.normal()).collect();
        let score: f64 = truth.iter().zip(&features).map(|(t, f)| t * f).sum();
        learner.observe(&features, rng.unit() < 1.0 / (1.0 + (-score).exp()));
    }
    learner
}

#[test]
fn learner_finds_the_weights() {
    let truth = [1.5, -0.8, 0.0];
    let learner = taught(&truth, 4000);
    for (weight, truth) in learner.weights().iter().zip(truth) {
        assert!((weight - truth).abs() < 0.2, "{weight} against {truth}");
    }
    assert_eq!(learner.observations(), 4000);
}

#[test]
fn learner_equals_the_exact_posterior_mode_of_one_observation() {
    // One term, prior N(0.3, 0.4), one act at feature 1: the mode solves (m - 0.3) / 0.4 = 1 - sigmoid(m).
    let mut learner = Learner::new(&[0.3], 10.0);
    learner.observe(&[1.0], true);
    let m = learner.weights()[0];
    let left = (m - 0.3) / 0.4 - (1.0 - 1.0 / (1.0 + (-m).exp()));
    assert!(left.abs() < 1e-6, "{left}");
    let p = 1.0 / (1.0 + (-m).exp());
    let variance = 1.0 / (1.0 / 0.4 + p * (1.0 - p));
    assert!((learner.deviations()[0].powi(2) - variance).abs() < 1e-9);
}

#[test]
fn learner_starts_from_the_publishers_gains_and_says_how_far_it_moved() {
    let learner = Learner::new(&[1.0, 2.0], 5.0);
    assert_eq!((learner.weights(), learner.moved()), (&[1.0, 2.0][..], vec![0.0, 0.0]));
    let taught = taught(&[1.0, 1.0], 50);
    assert!(taught.moved().iter().all(|m| *m != 0.0));
    assert!(taught.deviations()[0] < Learner::new(&[0.3, 0.3], 10.0).deviations()[0]);
}

#[test]
fn learner_draws_from_its_posterior() {
    let learner = taught(&[1.0, -1.0], 100);
    let mut rng = Rng::new(4);
    let draws: Vec<Vec<f64>> = (0..4000).map(|_| learner.sample(&mut rng)).collect();
    for term in 0..2 {
        let mean = draws.iter().map(|d| d[term]).sum::<f64>() / 4000.0;
        let deviation = (draws.iter().map(|d| (d[term] - mean).powi(2)).sum::<f64>() / 4000.0).sqrt();
        assert!((mean - learner.weights()[term]).abs() < 0.05);
        assert!((deviation / learner.deviations()[term] - 1.0).abs() < 0.1);
    }
}

#[test]
fn learner_leaves_out_what_is_no_observation() {
    let learner = taught(&[1.0, -1.0], 30);
    let mut odd = learner.clone();
    odd.observe(&[f64::NAN, 1.0], true);
    odd.observe(&[1.0], true);
    assert_eq!(odd, learner);
}
