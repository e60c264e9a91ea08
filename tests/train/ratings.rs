//! Predicted ratings: better than biases where taste matters, folds that never leak, the fold-in of a visitor.

use palate::evaluate::dataset::{Interaction, Interactions};
use palate::math::rng::Rng;
use palate::train::rating_report::rating_report;
use palate::train::ratings::{Rating, RatingSettings, fit_ratings, folds, predict};

/// 300 people and 80 items with one hidden dimension of taste.
fn data() -> Vec<Rating> {
    let mut rng = Rng::new(6);
    let people: Vec<f64> = (0..300).map(|_| rng.normal()).collect();
    let items: Vec<(f64, f64)> = (0..80).map(|_| (rng.normal() * 0.4, rng.normal())).collect();
    let mut out = Vec::new();
    for (u, p) in people.iter().enumerate() {
        for (i, (bias, q)) in items.iter().enumerate() {
            if rng.unit() < 0.4 {
                let rating = (3.0 + bias + 0.8 * p * q + 0.3 * rng.normal()).clamp(0.5, 5.0);
                out.push((u as u32, i as u32, rating as f32));
            }
        }
    }
    out
}

fn rmse(settings: &RatingSettings) -> f64 {
    let ratings = data();
    let fold = folds(ratings.len(), 5, 1);
    let part = |test: bool| -> Vec<Rating> {
        ratings.iter().zip(&fold).filter(|(_, f)| (**f == 0) == test).map(|(r, _)| *r).collect()
    };
    let (train, test) = (part(false), part(true));
    let model = fit_ratings(&train, 300, 80, (0.5, 5.0), settings);
    let predicted = predict(&model, &train, &test, 300, 80);
    assert!(predicted.iter().all(|p| (0.5..=5.0).contains(p)));
    (predicted.iter().zip(&test).map(|(p, r)| f64::from(p - r.2).powi(2)).sum::<f64>() / test.len() as f64).sqrt()
}

#[test]
fn ratings_find_taste_beyond_biases() {
    let biases = rmse(&RatingSettings { dim: 0, neighbor_share: 0.0, ..RatingSettings::default() });
    let factors = rmse(&RatingSettings { dim: 2, ridge: 2.0, neighbor_share: 0.0, ..RatingSettings::default() });
    let neighbors = rmse(&RatingSettings { dim: 0, ..RatingSettings::default() });
    assert!(factors < 0.6 * biases && factors < 0.45, "{factors} against {biases}");
    assert!(neighbors < 0.9 * biases, "{neighbors} against {biases}");
}

#[test]
fn ratings_by_everything_leave_out_what_harms() {
    // Biases and noise: neighbors have nothing to add.
    let mut rng = Rng::new(2);
    let mut interactions = Interactions { has_rating: true, ..Interactions::default() };
    let users: Vec<u32> = (0..60).map(|u| interactions.users.intern(&format!("u{u}"))).collect();
    let items: Vec<u32> = (0..40).map(|i| interactions.items.intern(&format!("i{i}"))).collect();
    for &user in &users {
        for &item in &items {
            if rng.unit() < 0.4 {
                let value = (3.0 + f64::from(item % 5) * 0.3 + rng.normal()).clamp(0.5, 5.0) as f32;
                interactions.rows.push(Interaction { user, item, time: 0, value });
            }
        }
    }
    let methods = ["popularity", "item-knn", "hybrid"].map(String::from);
    let report = rating_report(&interactions, &methods, 5, 1, &|_| {}).expect("report");
    let [biases, neighbors, hybrid] = [0, 1, 2].map(|at| report[at].metrics["rmse"].value);
    assert!(hybrid < 1.005 * biases && neighbors > 1.02 * biases, "{hybrid}, {biases}, {neighbors}");
}

#[test]
fn ratings_folds_are_equal_and_seeded() {
    let fold = folds(1003, 5, 1);
    for f in 0..5 {
        assert!((200..=201).contains(&fold.iter().filter(|x| **x == f).count()));
    }
    assert_eq!(fold, folds(1003, 5, 1));
    assert_ne!(fold, folds(1003, 5, 2));
}

#[test]
fn ratings_of_strangers_and_unknown_items_are_the_means() {
    let model = fit_ratings(&data(), 300, 80, (0.5, 5.0), &RatingSettings::default());
    let stranger = model.fold_in(&[]);
    assert_eq!(stranger.bias, 0.0);
    assert_eq!(model.predict(&stranger, 999), model.mean);
    let fond = model.fold_in(&[(0, 5.0), (1, 5.0), (2, 5.0), (999, 5.0)]);
    assert!(fond.bias > 0.2);
}
