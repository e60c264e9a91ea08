//! Runs a scorer over a protocol's cases and collects every metric with its interval.
//!
//! Not here: printing (`bin`), training (`train`).

use std::collections::BTreeMap;

use super::judge::{Judged, judge};
use super::split::Case;
use super::{lists, metrics};
use crate::math::stats::{Interval, bootstrap_means, quantile};

/// What metrics need to know about the catalog and the training data.
pub struct Context<'a> {
    pub items: usize,
    pub train_users: usize,
    /// Training users of each item, `[items]`.
    pub popularity: Vec<u32>,
    /// Popularity order, 1 is the most popular, ties by ordinal, `[items]`.
    pub popularity_rank: Vec<u32>,
    pub tail: Vec<bool>,
    /// Unit-length content rows with ascending columns (diversity), empty where there are none.
    pub vectors: &'a [Vec<(u32, f32)>],
    /// Categories of each item and how many there are (calibration), empty where there are none.
    pub categories: &'a [Vec<u32>],
    pub category_count: usize,
    /// Items that may be recommended; `None`: all.
    pub candidates: Option<&'a [bool]>,
    pub cutoffs: Vec<usize>,
    pub seed: u64,
}

impl<'a> Context<'a> {
    /// A context from the training counts.
    pub fn new(popularity: Vec<u32>, train_users: usize, cutoffs: &[usize], seed: u64) -> Self {
        let mut order: Vec<u32> = (0..popularity.len() as u32).collect();
        order.sort_by_key(|&i| (std::cmp::Reverse(popularity[i as usize]), i));
        let mut popularity_rank = vec![0; popularity.len()];
        for (rank, item) in order.into_iter().enumerate() {
            popularity_rank[item as usize] = rank as u32 + 1;
        }
        let tail = lists::long_tail(&popularity);
        Self {
            items: popularity.len(),
            train_users,
            popularity,
            popularity_rank,
            tail,
            vectors: &[],
            categories: &[],
            category_count: 0,
            candidates: None,
            cutoffs: cutoffs.to_vec(),
            seed,
        }
    }
}

/// One method's figures.
#[derive(Debug, Clone)]
pub struct Figures {
    /// By metric name, `ndcg@10`.
    pub metrics: BTreeMap<String, Interval>,
    /// Per-user values behind the averaged ones, for paired differences.
    pub columns: BTreeMap<String, Vec<f64>>,
    pub users: usize,
    pub ms_per_recommendation: f64,
}

/// Masks what must not be recommended: seen items, and items that are no candidates.
pub fn mask(scores: &mut [f32], case: &Case, candidates: Option<&[bool]>) {
    for &item in &case.history.items {
        scores[item as usize] = f32::NEG_INFINITY;
    }
    if let Some(candidates) = candidates {
        for (score, allowed) in scores.iter_mut().zip(candidates) {
            if !allowed {
                *score = f32::NEG_INFINITY;
            }
        }
    }
}

/// Judges every case. `scorer` fills `[items]` scores for a case; `now` gives milliseconds (a clock of the caller's).
/// With the feature `publisher` the cases run on all threads.
pub fn judge_cases(
    cases: &[Case],
    items: usize,
    candidates: Option<&[bool]>,
    k: usize,
    scorer: &(dyn Fn(&Case, &mut [f32]) + Sync),
) -> Vec<Judged> {
    let one = |case: &Case| {
        let mut scores = vec![0f32; items];
        scorer(case, &mut scores);
        mask(&mut scores, case, candidates);
        judge(&scores, &case.targets, k)
    };
    #[cfg(feature = "publisher")]
    {
        use rayon::prelude::*;
        cases.par_iter().map(one).collect()
    }
    #[cfg(not(feature = "publisher"))]
    {
        cases.iter().map(one).collect()
    }
}

const REPLICATES: usize = 1000;
const LIST_REPLICATES: usize = 100;

/// Every metric of the judged cases at every cutoff.
pub fn figures(cases: &[Case], judged: &[Judged], context: &Context<'_>) -> Figures {
    let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut add = |name: String, values: Vec<f64>| {
        if values.iter().any(|v| !v.is_nan()) {
            columns.insert(name, values);
        }
    };
    let vector = |item: u32| context.vectors.get(item as usize).filter(|v| !v.is_empty()).map(Vec::as_slice);
    let categories = |item: u32| context.categories.get(item as usize).map_or(&[][..], Vec::as_slice);
    for &k in &context.cutoffs {
        type OfRanks = fn(&[u32], usize) -> f64;
        let of_ranks: [(&str, OfRanks); 7] = [
            ("hr", metrics::hit_rate),
            ("recall", metrics::recall),
            ("recall_capped", metrics::recall_capped),
            ("precision", metrics::precision),
            ("ndcg", metrics::ndcg),
            ("mrr", metrics::mrr),
            ("map", metrics::average_precision),
        ];
        for (name, metric) in of_ranks {
            add(format!("{name}@{k}"), judged.iter().map(|j| metric(&j.ranks, k)).collect());
        }
        let list = |j: &Judged| j.list[..k.min(j.list.len())].to_vec();
        let each = |metric: &dyn Fn(&Case, &Judged, &[u32]) -> f64| -> Vec<f64> {
            cases.iter().zip(judged).map(|(case, j)| metric(case, j, &list(j))).collect()
        };
        add(
            format!("novelty@{k}"),
            each(&|_, _, l| lists::novelty(l, &context.popularity, context.train_users)),
        );
        add(format!("arp@{k}"), each(&|_, _, l| lists::average_popularity(l, &context.popularity)));
        add(format!("tail_share@{k}"), each(&|_, _, l| lists::tail_share(l, &context.tail)));
        add(
            format!("serendipity@{k}"),
            each(&|_, j, l| lists::serendipity(l, &j.is_hit[..l.len()], j.candidates, &context.popularity_rank)),
        );
        if !context.vectors.is_empty() {
            add(format!("ild@{k}"), each(&|_, _, l| lists::intra_list_diversity(l, vector)));
        }
        if context.category_count > 0 {
            add(
                format!("calibration_kl@{k}"),
                each(&|c, _, l| lists::calibration_kl(&c.history.items, l, categories, context.category_count)),
            );
        }
    }
    add("auc".into(), judged.iter().map(|j| j.auc).collect());
    add_segments(cases, judged, context, &mut columns);

    let names: Vec<String> = columns.keys().cloned().collect();
    let values: Vec<Vec<f64>> = columns.values().cloned().collect();
    let intervals = bootstrap_means(&values, REPLICATES, context.seed);
    let mut metrics: BTreeMap<String, Interval> = names.into_iter().zip(intervals).collect();
    add_list_metrics(judged, context, &mut metrics);
    add_gaps(&context.cutoffs, &mut metrics);
    let users = cases.len();
    Figures { metrics, columns, users, ms_per_recommendation: f64::NAN }
}

const SEGMENTS: [&str; 3] = ["short", "medium", "long"];

/// Users in thirds by history length, and targets in the head and the tail: `ndcg@10/short`, `recall@20/tail`.
fn add_segments(cases: &[Case], judged: &[Judged], context: &Context<'_>, columns: &mut BTreeMap<String, Vec<f64>>) {
    let mut lengths: Vec<f64> = cases.iter().map(|c| c.history.len() as f64).collect();
    let (low, high) = (quantile(&mut lengths, 1.0 / 3.0), quantile(&mut lengths, 2.0 / 3.0));
    let segment = |c: &Case| match c.history.len() as f64 {
        n if n <= low => 0,
        n if n <= high => 1,
        _ => 2,
    };
    for &k in &context.cutoffs {
        for (s, name) in SEGMENTS.iter().enumerate() {
            let of = |(c, j): (&Case, &Judged)| if segment(c) == s { metrics::ndcg(&j.ranks, k) } else { f64::NAN };
            let column: Vec<f64> = cases.iter().zip(judged).map(of).collect();
            if column.iter().any(|v| !v.is_nan()) {
                columns.insert(format!("ndcg@{k}/{name}"), column);
            }
        }
        for (name, tail) in [("head", false), ("tail", true)] {
            let of = |(c, j): (&Case, &Judged)| {
                let wanted: Vec<u32> =
                    c.targets.iter().copied().filter(|&t| context.tail[t as usize] == tail).collect();
                let listed = &j.list[..k.min(j.list.len())];
                match wanted.len() {
                    0 => f64::NAN,
                    n => wanted.iter().filter(|t| listed.contains(t)).count() as f64 / n as f64,
                }
            };
            let column: Vec<f64> = cases.iter().zip(judged).map(of).collect();
            if column.iter().any(|v| !v.is_nan()) {
                columns.insert(format!("recall@{k}/{name}"), column);
            }
        }
    }
}

/// The largest difference between the history-length segments.
fn add_gaps(cutoffs: &[usize], metrics: &mut BTreeMap<String, Interval>) {
    for k in cutoffs {
        let of: Vec<Interval> =
            SEGMENTS.iter().filter_map(|s| metrics.get(&format!("ndcg@{k}/{s}")).copied()).collect();
        if of.len() < 2 {
            continue;
        }
        let fold = |f: fn(f64, f64) -> f64, v: fn(&Interval) -> f64, start| of.iter().map(v).fold(start, f);
        let gap = fold(f64::max, |i| i.value, f64::MIN) - fold(f64::min, |i| i.value, f64::MAX);
        let low = (fold(f64::max, |i| i.low, f64::MIN) - fold(f64::min, |i| i.high, f64::MAX)).max(0.0);
        let high = fold(f64::max, |i| i.high, f64::MIN) - fold(f64::min, |i| i.low, f64::MAX);
        metrics.insert(format!("gap_ndcg@{k}"), Interval { value: gap, low, high });
    }
}

/// Coverage, Gini and entropy of all lists together; their intervals resample users.
fn add_list_metrics(judged: &[Judged], context: &Context<'_>, metrics: &mut BTreeMap<String, Interval>) {
    let catalog = context.candidates.map_or(context.items, |c| c.iter().filter(|&&allowed| allowed).count());
    for &k in &context.cutoffs {
        let all: Vec<&[u32]> = judged.iter().map(|j| &j.list[..k.min(j.list.len())]).collect();
        let of = |lists: &[&[u32]]| {
            let exposure = lists::exposure(lists, context.items);
            let exposure: Vec<u32> = match context.candidates {
                None => exposure,
                Some(allowed) => exposure.into_iter().zip(allowed).filter(|(_, a)| **a).map(|(n, _)| n).collect(),
            };
            let covered = exposure.iter().filter(|&&n| n > 0).count() as f64 / catalog.max(1) as f64;
            [covered, lists::gini(&exposure), lists::entropy(&exposure)]
        };
        let values = of(&all);
        let mut rng = crate::math::rng::Rng::new(context.seed ^ 0x11_57);
        let mut draws: [Vec<f64>; 3] = Default::default();
        for _ in 0..LIST_REPLICATES {
            let sample: Vec<&[u32]> = (0..all.len()).map(|_| all[rng.below(all.len())]).collect();
            for (draws, value) in draws.iter_mut().zip(of(&sample)) {
                draws.push(value);
            }
        }
        for ((name, value), draws) in ["coverage", "gini", "entropy"].iter().zip(values).zip(&mut draws) {
            let (low, high) = (quantile(draws, 0.025).min(value), quantile(draws, 0.975).max(value));
            metrics.insert(format!("{name}@{k}"), Interval { value, low, high });
        }
    }
}

/// One method's figures over several folds: users are pooled, what belongs to all lists of a fold is averaged.
pub fn pool(folds: &[Figures], cutoffs: &[usize], seed: u64) -> Figures {
    let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for name in folds.iter().flat_map(|f| f.columns.keys()) {
        if !columns.contains_key(name) {
            // A metric that one fold lacks is undefined for that fold's users.
            let of = |f: &Figures| f.columns.get(name).cloned().unwrap_or_else(|| vec![f64::NAN; f.users]);
            columns.insert(name.clone(), folds.iter().flat_map(of).collect());
        }
    }
    let values: Vec<Vec<f64>> = columns.values().cloned().collect();
    let mut metrics: BTreeMap<String, Interval> =
        columns.keys().cloned().zip(bootstrap_means(&values, REPLICATES, seed)).collect();
    for name in folds.iter().flat_map(|f| f.metrics.keys()).filter(|n| !columns.contains_key(*n)) {
        let of: Vec<Interval> = folds.iter().filter_map(|f| f.metrics.get(name).copied()).collect();
        let mean = |v: fn(&Interval) -> f64| of.iter().map(v).sum::<f64>() / of.len() as f64;
        metrics.insert(name.clone(), Interval { value: mean(|i| i.value), low: mean(|i| i.low), high: mean(|i| i.high) });
    }
    add_gaps(cutoffs, &mut metrics);
    let ms = folds.iter().map(|f| f.ms_per_recommendation).sum::<f64>() / folds.len().max(1) as f64;
    Figures { metrics, columns, users: folds.iter().map(|f| f.users).sum(), ms_per_recommendation: ms }
}

/// Paired bootstrap of the difference between two methods' per-user values, for every averaged metric both have.
pub fn differences(of: &Figures, baseline: &Figures, seed: u64) -> BTreeMap<String, Interval> {
    let mut names = Vec::new();
    let mut columns = Vec::new();
    for (name, values) in &of.columns {
        if let Some(base) = baseline.columns.get(name).filter(|b| b.len() == values.len()) {
            names.push(name.clone());
            columns.push(values.iter().zip(base).map(|(a, b)| a - b).collect());
        }
    }
    names.into_iter().zip(bootstrap_means(&columns, REPLICATES, seed)).collect()
}
