//! The protocol `rating`: folds of ratings, each predicted from the others, with RMSE and MAE.
//!
//! Not here: the model (`ratings`), printing (`bin`).

use std::collections::BTreeMap;

use super::ratings::{Rating, RatingSettings, fit_ratings, folds, predict};
use crate::evaluate::dataset::Interactions;
use crate::evaluate::metrics::rating_errors;
use crate::math::stats::{Interval, bootstrap_means};
use crate::{Error, Result};

/// One method's errors.
#[derive(Debug, Clone)]
pub struct RatingOutcome {
    pub method: String,
    pub metrics: BTreeMap<String, Interval>,
    pub download_bytes: usize,
    pub ms_per_recommendation: f64,
}

impl RatingOutcome {
    /// As in the command's JSON.
    pub fn json(&self) -> serde_json::Value {
        let interval = |i: &Interval| serde_json::json!({"value": i.value, "low": i.low, "high": i.high});
        let metrics: serde_json::Map<String, serde_json::Value> =
            self.metrics.iter().map(|(name, i)| (name.clone(), interval(i))).collect();
        serde_json::json!({"method": self.method, "metrics": metrics, "download_bytes": self.download_bytes,
            "ms_per_recommendation": self.ms_per_recommendation})
    }

    /// One line for the terminal.
    pub fn line(&self) -> String {
        let parts: Vec<String> =
            self.metrics.iter().map(|(name, i)| format!("{name} {:.4} ({:.4}-{:.4})", i.value, i.low, i.high)).collect();
        format!("{:<12} {}  {:.2} MB", self.method, parts.join("  "), self.download_bytes as f64 / 1e6)
    }
}

/// What there is to choose from behind each method name (biases alone, factors, neighbors over biases, all of it): settings, and the
/// shares that neighbors may have in a prediction. All of it may come down to any of its parts.
fn settings(method: &str) -> Result<(Vec<RatingSettings>, Vec<f32>)> {
    let all = RatingSettings::default();
    let biases = RatingSettings { dim: 0, sweeps: 10, ..all };
    let ridges = || [8.0, 14.0, 20.0, 28.0].map(|ridge| RatingSettings { ridge, ..all }).to_vec();
    Ok(match method {
        "popularity" => (vec![biases], vec![0.0]),
        "ials" => (ridges(), vec![0.0]),
        "item-knn" => (vec![biases], vec![all.neighbor_share]),
        "hybrid" => ([ridges(), vec![biases]].concat(), vec![0.0, 0.4, 0.8, 1.0]),
        other => {
            return Err(Error::input(format!(
                "The method `{other}` predicts no ratings. Use popularity, ials, item-knn or hybrid."
            )));
        }
    })
}

/// The settings with the smallest error on a tenth of the first fold's training ratings. No tested rating of that fold is
/// looked at.
fn choose(
    (tried, shares): (&[RatingSettings], &[f32]),
    ratings: &[Rating],
    fold: &[usize],
    (users, items): (usize, usize),
    scale: (f32, f32),
    seed: u64,
) -> RatingSettings {
    if tried.len() * shares.len() == 1 {
        return RatingSettings { neighbor_share: shares[0], ..tried[0] };
    }
    let known: Vec<Rating> = ratings.iter().zip(fold).filter(|(_, f)| **f != 0).map(|(r, _)| *r).collect();
    let inner = folds(known.len(), 10, seed ^ 0x1a2b);
    let part = |held: bool| -> Vec<Rating> {
        known.iter().zip(&inner).filter(|(_, f)| (**f == 0) == held).map(|(r, _)| *r).collect()
    };
    let (train, held) = (part(false), part(true));
    let most = shares.iter().copied().fold(0.0, f32::max);
    let mut best = (f64::MAX, tried[0]);
    for settings in tried {
        let mut model = fit_ratings(&train, users, items, scale, &RatingSettings { neighbor_share: most, ..*settings });
        for &neighbor_share in shares {
            model.neighbor_share = neighbor_share;
            let predicted = predict(&model, &train, &held, users, items);
            let error: f64 = predicted.iter().zip(&held).map(|(p, r)| f64::from(p - r.2).powi(2)).sum();
            if error < best.0 {
                best = (error, RatingSettings { neighbor_share, ..*settings });
            }
        }
    }
    best.1
}

/// Runs every method over the folds. A like is a rating at or above 70 % of the scale, for `accuracy`.
pub fn rating_report(
    interactions: &Interactions,
    methods: &[String],
    count: usize,
    seed: u64,
    note: &dyn Fn(&str),
) -> Result<Vec<RatingOutcome>> {
    let ratings: Vec<Rating> = interactions.rows.iter().map(|r| (r.user, r.item, r.value)).collect();
    let (users, items) = (interactions.users.len(), interactions.items.len());
    let (low, high) = ratings.iter().fold((f32::MAX, f32::MIN), |(l, h), r| (l.min(r.2), h.max(r.2)));
    if ratings.len() < 2 * count {
        return Err(Error::input(format!("{} ratings are too few for {count} folds. Give more, or fewer folds.", ratings.len())));
    }
    let fold = folds(ratings.len(), count, seed);
    let like = low + 0.7 * (high - low);
    let mut out = Vec::new();
    for method in methods {
        let (tried, shares) = settings(method)?;
        let settings = choose((&tried, &shares), &ratings, &fold, (users, items), (low, high), seed);
        if tried.len() > 1 {
            note(&format!("{method}: {} dimensions, ridge {}, neighbors count {}", settings.dim, settings.ridge, settings.neighbor_share));
        }
        let (mut squares, mut absolutes, mut right) = (Vec::new(), Vec::new(), Vec::new());
        let (mut bytes, mut per_fold) = (0, Vec::new());
        let mut seconds = 0.0;
        for f in 0..count {
            let part = |test: bool| -> Vec<Rating> {
                ratings.iter().zip(&fold).filter(|(_, g)| (**g == f) == test).map(|(r, _)| *r).collect()
            };
            let (train, test) = (part(false), part(true));
            let model = fit_ratings(&train, users, items, (low, high), &settings);
            bytes = bytes.max(model.download_bytes());
            let start = std::time::Instant::now();
            let predicted = predict(&model, &train, &test, users, items);
            seconds += start.elapsed().as_secs_f64();
            let before = squares.len();
            for (p, (_, _, actual)) in predicted.iter().zip(&test) {
                let (square, absolute) =
                    rating_errors(f64::from(*p), f64::from(*actual), f64::from(low), f64::from(high));
                squares.push(square);
                absolutes.push(absolute);
                right.push(f64::from(u8::from((*p >= like) == (*actual >= like))));
            }
            let mean = squares[before..].iter().sum::<f64>() / test.len() as f64;
            per_fold.push(format!("{:.4}", mean.sqrt()));
        }
        note(&format!("{method}: RMSE by fold {}", per_fold.join(", ")));
        let intervals = bootstrap_means(&[squares, absolutes, right], 300, seed);
        let root = |i: Interval| Interval { value: i.value.sqrt(), low: i.low.sqrt(), high: i.high.sqrt() };
        let metrics = [("rmse", root(intervals[0])), ("mae", intervals[1]), ("accuracy", intervals[2])];
        out.push(RatingOutcome {
            method: method.clone(),
            metrics: metrics.into_iter().map(|(n, i)| (n.to_owned(), i)).collect(),
            download_bytes: bytes,
            ms_per_recommendation: seconds * 1e3 / ratings.len() as f64,
        });
    }
    Ok(out)
}
