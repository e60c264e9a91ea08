//! What each modality adds to a learned joint space, and what a missing one costs: measured on items that were never learned from.
//!
//! Metrics and intervals are those of `evaluate`. Not here: learning (`fusion`), printing (`bin`).

use std::collections::HashMap;

use rayon::prelude::*;

use super::fusion::content_scores;
use super::fusion_space::Space;
use crate::evaluate::report::judge_cases;
use crate::evaluate::split::Case;
use crate::evaluate::metrics;
use crate::math::stats::{Interval, bootstrap_means};

const REPLICATES: usize = 1000;

/// One line of the ablation.
#[derive(Debug, Clone)]
pub struct Line {
    /// "text + image", "image alone", "history without text".
    pub name: String,
    /// By metric name.
    pub metrics: Vec<(String, Interval)>,
    /// How much better the whole is, paired, with the first metric's name: positive where something is lost without it.
    pub lost: Option<Interval>,
    columns: Columns,
}

/// A line's values by metric name, and whose they are.
#[derive(Debug, Clone, Default)]
struct Columns {
    of: Vec<u32>,
    values: Vec<(String, Vec<f64>)>,
}

impl Columns {
    /// One value for each person: the mean of theirs, in the order in which they come.
    fn by_person(self) -> Self {
        let mut place = HashMap::new();
        let mut of = Vec::new();
        let places: Vec<usize> = self.of.iter().map(|&person| *place.entry(person).or_insert_with(|| { of.push(person); of.len() - 1 })).collect();
        let mut counts = vec![0f64; of.len()];
        places.iter().for_each(|&at| counts[at] += 1.0);
        let mean = |values: Vec<f64>| {
            let mut means = vec![0f64; counts.len()];
            values.iter().zip(&places).for_each(|(value, &at)| means[at] += value / counts[at]);
            means
        };
        Self { of, values: self.values.into_iter().map(|(name, values)| (name, mean(values))).collect() }
    }
}

/// One way to make the vectors of what is asked with and of what is found, `[items, dim]` each.
pub struct View {
    pub name: String,
    pub dim: usize,
    pub asked: Vec<f32>,
    /// `None`: the same.
    pub found: Option<Vec<f32>>,
}

/// The views of a learned space: everything, each modality alone, the encoders' own vectors, and histories without a modality.
pub fn views(space: &Space, parameters: &[f32]) -> Vec<View> {
    let names: Vec<&str> = space.contents().iter().map(|c| c.name.as_str()).collect();
    let dim = space.dim;
    let count = names.len();
    let encode = |uses: &dyn Fn(usize) -> bool| space.encode(parameters, &(0..count).map(uses).collect::<Vec<_>>());
    let whole = encode(&|_| true);
    let mut out = vec![View { name: names.join(" + "), dim, asked: whole.clone(), found: None }];
    if count > 1 {
        out.extend((0..count).map(|m| View { name: format!("{} alone", names[m]), dim, asked: encode(&|other| other == m), found: None }));
    }
    out.extend(space.contents().iter().map(|c| View { name: format!("{}, not learned", c.name), dim: c.dim, asked: c.vectors.clone(), found: None }));
    if count > 1 {
        let without = |m: usize| View { name: format!("asked without {}", names[m]), dim, asked: encode(&|other| other != m), found: Some(whole.clone()) };
        out.extend((0..count).map(without));
    }
    out
}

/// Ranks the candidates of each case by every view; the first is what the others are held against.
pub fn by_cases(views: &[View], cases: &[Case], candidates: Option<&[bool]>, k: usize, seed: u64) -> Vec<Line> {
    let lines = views.iter().map(|view| {
        let found = view.found.as_ref().unwrap_or(&view.asked);
        let items = view.asked.len() / view.dim.max(1);
        let judged = judge_cases(cases, items, candidates, k, &|case, scores| match view.found {
            None => content_scores(&view.asked, view.dim, candidates, case, scores),
            Some(_) => {
                let profile = profile(&view.asked, view.dim, case);
                for (item, score) in scores.iter_mut().enumerate() {
                    *score = dot(&profile, &found[item * view.dim..(item + 1) * view.dim]);
                }
            }
        });
        let column = |metric: fn(&[u32], usize) -> f64| judged.iter().map(|j| metric(&j.ranks, k)).collect::<Vec<f64>>();
        let mut columns = vec![(format!("recall@{k}"), column(metrics::recall)), (format!("ndcg@{k}"), column(metrics::ndcg))];
        columns.push(("auc".into(), judged.iter().map(|j| j.auc).collect()));
        (view.name.clone(), Columns { of: cases.iter().map(|case| case.history.user).collect(), values: columns })
    });
    finish(lines.collect(), seed)
}

/// Each item of `held` asks with a modality and is to be found among them by the others: without interactions.
pub fn by_items(space: &Space, parameters: &[f32], held: &[u32], seed: u64) -> Vec<Line> {
    let names: Vec<&str> = space.contents().iter().map(|c| c.name.as_str()).collect();
    let (d, count) = (space.dim, names.len());
    // What is asked with and what is found is there in every item that is counted.
    let with = |needs: &dyn Fn(u32) -> bool| held.iter().copied().filter(|&i| needs(i)).collect::<Vec<u32>>();
    let has = |m: usize, i: u32| space.contents()[m].has[i as usize];
    let mut lines = Vec::new();
    let mut measure = |name: String, items: &[u32], from: &dyn Fn(usize) -> bool, to: &dyn Fn(usize) -> bool| {
        if items.is_empty() {
            return;
        }
        let seen = |uses: &dyn Fn(usize) -> bool| space.forward(parameters, items, &|_, m| uses(m), None).vectors;
        let (from, to) = (seen(from), seen(to));
        let rank = |at: usize| {
            let score = |other: usize| dot(&from[at * d..(at + 1) * d], &to[other * d..(other + 1) * d]);
            let own = score(at);
            1 + (0..items.len()).filter(|&other| other != at && score(other) >= own).count() as u32
        };
        let ranks: Vec<u32> = (0..items.len()).map(rank).collect();
        let hits = |k: u32| ranks.iter().map(|&r| f64::from(u8::from(r <= k))).collect::<Vec<f64>>();
        let values = vec![("recall@10".to_string(), hits(10)), ("recall@1".to_string(), hits(1))];
        lines.push((name, Columns { of: items.to_vec(), values }));
    };
    for a in 0..count {
        for b in (0..count).filter(|&b| b != a) {
            measure(format!("{} finds {}", names[a], names[b]), &with(&|i| has(a, i) && has(b, i)), &|m| m == a, &|m| m == b);
        }
        let several = with(&|i| has(a, i) && (0..count).any(|b| b != a && has(b, i)));
        measure(format!("{} finds the whole", names[a]), &several, &|m| m == a, &|_| true);
    }
    let mut lines = finish(lines, seed);
    lines.iter_mut().for_each(|line| line.lost = None);
    lines
}

fn profile(vectors: &[f32], dim: usize, case: &Case) -> Vec<f32> {
    let mut profile = vec![0f32; dim];
    for &item in &case.history.items {
        profile.iter_mut().zip(&vectors[item as usize * dim..]).for_each(|(p, v)| *p += v);
    }
    profile
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Intervals of every line, and of its first metric's difference to the first line's.
fn finish(lines: Vec<(String, Columns)>, seed: u64) -> Vec<Line> {
    let first = lines.first().and_then(|(_, columns)| columns.values.first().cloned());
    let line = |(at, (name, columns)): (usize, (String, Columns))| {
        let values: Vec<Vec<f64>> = columns.values.iter().map(|(_, values)| values.clone()).collect();
        let intervals = bootstrap_means(&values, REPLICATES, seed);
        let metrics = columns.values.iter().map(|(name, _)| name.clone()).zip(intervals).collect();
        let lost = first.as_ref().filter(|_| at > 0).and_then(|(_, whole)| {
            let difference: Vec<f64> = whole.iter().zip(&columns.values.first()?.1).map(|(a, b)| a - b).collect();
            bootstrap_means(&[difference], REPLICATES, seed).pop()
        });
        Line { name, metrics, lost, columns }
    };
    lines.into_iter().enumerate().map(line).collect()
}

/// The lines of several folds as one: each person counts once, by the mean of their cases, so that intervals are those of people.
pub fn pool(mut folds: Vec<Vec<Line>>, seed: u64) -> Vec<Line> {
    if folds.len() == 1 {
        return folds.remove(0);
    }
    let mut folds = folds.into_iter();
    let Some(mut whole) = folds.next().map(|lines| lines.into_iter().map(|l| (l.name, l.columns)).collect::<Vec<_>>()) else {
        return Vec::new();
    };
    for fold in folds {
        for ((_, columns), line) in whole.iter_mut().zip(fold) {
            columns.of.extend(line.columns.of);
            columns.values.iter_mut().zip(line.columns.values).for_each(|((_, values), (_, more))| values.extend(more));
        }
    }
    finish(whole.into_iter().map(|(name, columns)| (name, columns.by_person())).collect(), seed)
}

/// Held-out items that are enough to look for one among them alone.
const ENOUGH: usize = 50;

/// For each pair of modalities: the share of the items of `held` whose one modality has the other of the same item among its
/// ten nearest of them. Where few are held out, which any ten would hold, all items are looked at, and of fewer than 50 the nearest fifth.
pub fn between(space: &Space, parameters: &[f32], held: &[u32]) -> Vec<(usize, usize, f64)> {
    let count = space.contents().len();
    let d = space.dim;
    let mut out = Vec::new();
    for (a, b) in (0..count).flat_map(|a| (0..count).map(move |b| (a, b))).filter(|(a, b)| a != b) {
        let has = |i: &u32| space.contents()[a].has[*i as usize] && space.contents()[b].has[*i as usize];
        let both: Vec<u32> = held.iter().copied().filter(has).collect();
        let mut among = both.clone();
        if both.len() < ENOUGH {
            among.extend((0..space.items as u32).filter(|i| has(i) && !both.contains(i)));
        }
        let first = (among.len() / 5).clamp(1, 10);
        let seen = |items: &[u32], m: usize| space.forward(parameters, items, &|_, other| other == m, None).vectors;
        let (from, to) = (seen(&both, a), seen(&among, b));
        let hit = |at: usize| {
            let score = |other: usize| from[at * d..(at + 1) * d].iter().zip(&to[other * d..(other + 1) * d]).map(|(x, y)| x * y).sum::<f32>();
            let own = score(at);
            usize::from((0..among.len()).filter(|&other| other != at && score(other) >= own).count() < first)
        };
        let hits: usize = (0..both.len()).into_par_iter().map(hit).sum();
        out.push((a, b, hits as f64 / both.len().max(1) as f64));
    }
    out
}
