//! Means, quantiles and bootstrap intervals over samples.
//!
//! Not here: ranking metrics (`evaluate`).

use super::rng::Rng;

/// A value with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Arithmetic mean; 0 for no values.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Quantile `q` in `[0, 1]` with linear interpolation between order statistics (NumPy's default); 0 for no values.
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f64::total_cmp);
    let at = q.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    values[low] + (values[high] - values[low]) * (at - low as f64)
}

/// Percentile bootstrap (Efron 1979) of the means of several columns at once.
///
/// `columns[c][u]` is metric `c` of user `u`; all columns share one resampling of users per replicate, so that
/// differences of columns may be bootstrapped by passing the difference as a column. NaN marks "not defined for this
/// user" and is left out of that column's mean.
pub fn bootstrap_means(columns: &[Vec<f64>], replicates: usize, seed: u64) -> Vec<Interval> {
    let users = columns.first().map_or(0, Vec::len);
    let finite_mean = |column: &Vec<f64>| {
        let (sum, n) = column.iter().filter(|v| !v.is_nan()).fold((0.0, 0usize), |(s, n), v| (s + v, n + 1));
        if n == 0 { f64::NAN } else { sum / n as f64 }
    };
    let values: Vec<f64> = columns.iter().map(finite_mean).collect();
    let mut draws: Vec<Vec<f64>> = vec![Vec::with_capacity(replicates); columns.len()];
    let mut rng = Rng::new(seed);
    let mut counts = vec![0f64; users];
    for _ in 0..replicates {
        counts.fill(0.0);
        for _ in 0..users {
            counts[rng.below(users)] += 1.0;
        }
        for (column, draws) in columns.iter().zip(&mut draws) {
            let (mut sum, mut n) = (0.0, 0.0);
            for (value, count) in column.iter().zip(&counts) {
                if !value.is_nan() {
                    sum += value * count;
                    n += count;
                }
            }
            if n > 0.0 {
                draws.push(sum / n);
            }
        }
    }
    values
        .into_iter()
        .zip(&mut draws)
        .map(|(value, draws)| match draws.is_empty() {
            true => Interval { value, low: value, high: value },
            false => Interval { value, low: quantile(draws, 0.025), high: quantile(draws, 0.975) },
        })
        .collect()
}
