//! Which entries of a learned item-item matrix devices get, and how much of the ranking they keep.
//!
//! Each column's mean is shipped apart, so that what is cut is a difference to the mean. An entry that is cut is missed as
//! often as its row is asked for and its column stands near the top of a list: entries are therefore chosen over the whole
//! matrix, rows of different lengths, by |W_ij - mean_j| n_i^a (c_j + 0.05)^b, with n_i the people who met item i and c_j
//! the people who have item j among the first 50 of what they have not met. The exponents are chosen on validation cases, among them
//! to keep each row's largest, which is better where histories are short. Where 50 entries a row cost films' EASE 4 % of
//! NDCG@10, these cost 0.6 % in as many bytes (`tests/bench/record/`, shipping). The method is our own.
//!
//! A matrix that is symmetric but for a factor of each column needs half of its entries: pairs are chosen by what both of their entries
//! weigh, and no mean is shipped, which such matrices keep more of their lists without (`pairs`). As many entries are taken as the first
//! ten of the lists need.
//!
//! Not here: how rows are stored and scored (`rank::learned::sparse`), the budget of the hybrid (`hybrid`).

use std::fmt;

use rayon::prelude::*;

use super::blend::{quality, sample};
use super::dense::Dense;
use super::pairs::{Sides, fewer, pairs_of};
use crate::evaluate::dataset::Sequence;
use crate::evaluate::judge::ranks;
use crate::evaluate::report::mask;
use crate::evaluate::split::Case;
use crate::math::topk::top_k;
use crate::rank::learned::neighbors::Neighbors;
use crate::rank::learned::sparse::{SparseRows, keep_largest};
use crate::rank::learned::terms::{Term, history_of};

/// How entries are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keep {
    /// Each row's largest.
    EachRow,
    /// The largest of all, weighed by the row's people and the column's place in lists, to these powers.
    Weighed { people: f32, head: f32 },
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EachRow => f.write_str("each item's largest"),
            Self::Weighed { people, head } => write!(f, "those that lists need most (people^{people} x places^{head})"),
        }
    }
}

/// Powers that are tried.
const PEOPLE: [f32; 3] = [0.0, 0.25, 0.5];
const HEAD: [f32; 3] = [0.1, 0.25, 0.5];
/// So many places are the head of a list.
const PLACES: usize = 50;
/// Lists of at most so many people are looked at, and so many validation cases.
const PEOPLE_SEEN: usize = 4000;
const CASES: usize = 8000;
/// Scores that one choice is judged by, at most: of catalogs of more than 12,500 items fewer cases are looked at, down to 1,000.
const SCORES: usize = 100_000_000;
/// What is added to a column's people, so that items in nobody's head are not all alike.
const NOBODY: f32 = 0.05;
/// Each row's largest are left where others are better by this factor: on validation histories that were learned from, they look
/// better than they are.
const EARNS: f64 = 1.01;
/// As much of the first ten is to be kept, by a standard error more on the cases, and entries are tried up to so many times as many for
/// it, in quarters; of a small catalog, whose dense histories need more, up to so many entries in all (1.5 MB) and times.
const OVERLAP: f64 = 0.95;
const MOST_TIMES: usize = 2;
const SMALL: usize = 750_000;
const SMALL_TIMES: usize = 6;
const QUARTERS: [usize; 10] = [4, 5, 6, 7, 8, 10, 12, 16, 20, 24];
/// Of the choices within this part of the best one's quality, the one is taken whose first ten are most like the whole matrix's.
const WITHIN: f64 = 0.99;

/// Chooses entries of one matrix.
#[derive(Clone)]
pub struct Entries {
    pub keep: Keep,
    /// What an entry's magnitude is multiplied by, for its row and for its column, `[items]`.
    pub(super) rows: Vec<f32>,
    pub(super) columns: Vec<f32>,
}

/// How much of the learned ranking a choice keeps, over cases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// Mean of NDCG at 10 and at 100.
    pub quality: f64,
    /// Share of the first ten that are the same.
    pub overlap: f64,
    /// Its standard error.
    pub error: f64,
}

/// What a matrix's choice of entries depends on: `n` and `c` of the module's text.
pub struct Popular {
    people: Vec<f32>,
    head: Vec<f32>,
}

impl Popular {
    /// Counts over `sequences`: of all of them who met an item, of an even sample whose head the items are in.
    pub fn new(learned: &Dense, sequences: &[Sequence]) -> Self {
        let items = learned.items;
        let mut people = vec![0f32; items];
        sequences.iter().flat_map(|s| &s.items).for_each(|&item| people[item as usize] += 1.0);
        let step = sequences.len().div_ceil(PEOPLE_SEEN).max(1);
        let seen: Vec<&Sequence> = sequences.iter().step_by(step).filter(|s| !s.items.is_empty()).collect();
        let first = |sequence: &&Sequence| {
            let mut scores = learned.scores(&history_of(&sequence.items));
            sequence.items.iter().for_each(|&met| scores[met as usize] = f32::NEG_INFINITY);
            top_k(&scores, PLACES)
        };
        let mut head = vec![0f32; items];
        let firsts: Vec<Vec<u32>> = seen.par_iter().map(first).collect();
        firsts.iter().flatten().for_each(|&item| head[item as usize] += step as f32);
        Self { people, head }
    }
}

/// A learned matrix beside the means of its columns, which are shipped apart: rows are differences to them. Of a symmetric one nothing
/// is taken off, and rows are what lies above the diagonal.
pub struct Centered<'a> {
    learned: &'a Dense,
    /// `[width]`.
    base: Vec<f32>,
    sides: Option<Sides>,
}

impl<'a> Centered<'a> {
    /// Takes the means.
    pub fn new(learned: &'a Dense) -> Self {
        let n = learned.width();
        if let Some(heights) = &learned.heights {
            let mut of_items = vec![0f32; learned.items];
            heights.iter().enumerate().for_each(|(at, height)| of_items[learned.column(at) as usize] = *height);
            return Self { learned, base: vec![0.0; n], sides: Some(Sides { ratios: of_items }) };
        }
        let mut mean = vec![0f64; n];
        for row in learned.weights.chunks_exact(n.max(1)) {
            mean.iter_mut().zip(row).for_each(|(m, w)| *m += f64::from(*w));
        }
        Self { learned, base: mean.into_iter().map(|m| (m / n.max(1) as f64) as f32).collect(), sides: None }
    }

    /// What differs from the mean in an item's row. A row of zeros, of an item that nothing was learned of, stays empty: such an
    /// event is like the mean one.
    fn row(&self, item: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let row = self.learned.row(item);
        let row = if row.iter().all(|w| *w == 0.0) { &[] } else { row };
        let first = self.learned.place(item).filter(|_| self.sides.is_some()).map_or(0, |place| place + 1);
        let entries = row.iter().zip(&self.base).enumerate().skip(first);
        entries.map(|(at, (w, b))| (self.learned.column(at), w - b)).filter(|(_, w)| *w != 0.0)
    }

    /// Rows that hold anything.
    fn rows(&self) -> usize {
        (0..self.learned.items).into_par_iter().filter(|&item| self.learned.row(item).iter().any(|w| *w != 0.0)).count()
    }
}

impl Entries {
    /// Each row's largest; of a symmetric matrix the largest of all.
    pub fn each_row() -> Self {
        Self { keep: Keep::EachRow, rows: Vec::new(), columns: Vec::new() }
    }

    /// As `keep` says.
    pub fn new(keep: Keep, popular: &Popular) -> Self {
        match keep {
            Keep::EachRow => Self::each_row(),
            Keep::Weighed { people, head } => Self {
                keep,
                rows: popular.people.iter().map(|n| n.powf(people)).collect(),
                columns: popular.head.iter().map(|c| (c + NOBODY).powf(head)).collect(),
            },
        }
    }

    /// The choice that does best on `cases` with `least` entries a row in the mean, and as many as it needs for the first ten; each row's
    /// largest without cases. `note` hears what it keeps.
    pub fn choose(learned: &Dense, popular: &Popular, least: usize, cases: &[Case], candidates: Option<&[bool]>, note: &dyn Fn(&str)) -> (Self, usize) {
        let cases = sample(cases, CASES.min((SCORES / learned.items.max(1)).max(1000)));
        if cases.is_empty() {
            return (Self::each_row(), least);
        }
        let lists = exact_lists(learned, &cases, candidates);
        let centered = Centered::new(learned);
        let with = |entries: &Self, k: usize| kept(&entries.of(&centered, k), &cases, candidates, &lists);
        let of = |entries: &Self| with(entries, least);
        let mut best = (Self::each_row(), of(&Self::each_row()));
        let told = |kept: &Kept| format!("{:.4} on validation, {:.0} % of the first ten", kept.quality, 100.0 * kept.overlap);
        let plain = told(&best.1);
        let weighed = PEOPLE.iter().flat_map(|&people| HEAD.iter().map(move |&head| Self::new(Keep::Weighed { people, head }, popular)));
        let tried: Vec<(Self, Kept)> = weighed.map(|entries| { let kept = of(&entries); (entries, kept) }).collect();
        let most = tried.iter().map(|(_, kept)| kept.quality).fold(0.0, f64::max);
        // Pairs hold enough of every row for no such doubt.
        let earns = if learned.heights.is_some() { WITHIN } else { EARNS };
        if most > earns * best.1.quality {
            let good = tried.into_iter().filter(|(_, kept)| kept.quality >= WITHIN * most);
            best = good.fold(best, |a, b| if b.1.overlap > a.1.overlap { b } else { a });
        }
        let most = MOST_TIMES * least;
        let small = Some((SMALL / learned.items.max(1)).min(SMALL_TIMES * least)).filter(|&small| small > most);
        let most = small.unwrap_or(most);
        let more = QUARTERS.iter().map(|quarters| least * quarters / 4).take_while(|&k| k <= most);
        let (mut k, mut reached) = (least, best.1);
        for tried in more {
            let kept = if tried == least { best.1 } else { with(&best.0, tried) };
            let enough = kept.overlap - kept.error >= OVERLAP;
            // What is not enough is worth its bytes only where they are few.
            if enough || small.is_some() {
                (k, reached) = (tried, kept);
            }
            if enough {
                break;
            }
        }
        note(&format!("{}: devices get {k} weights an item in the mean, {}: {}; of the {least} largest of each item: {plain}", learned.name, best.0.keep, told(&reached)));
        (best.0, k)
    }

    /// The term that devices get of a learned one, `k` entries a row in the mean.
    pub fn of(&self, centered: &Centered<'_>, k: usize) -> Neighbors {
        let learned = centered.learned;
        let kept = self.largest(learned.items, k * centered.rows(), k, |item| centered.row(item), centered.sides.as_ref());
        if let Some(sides) = &centered.sides {
            return Neighbors { name: learned.name.clone(), weights: pairs_of(&kept, &sides.ratios), tau: learned.tau, window: usize::MAX };
        }
        let mut base = vec![0f32; learned.items];
        centered.base.iter().enumerate().for_each(|(at, b)| base[learned.column(at) as usize] = *b);
        let weights = SparseRows::from_rows(learned.items, kept.into_iter(), usize::MAX).with_base(base);
        Neighbors { name: learned.name.clone(), weights, tau: learned.tau, window: usize::MAX }
    }

    /// Shipped rows with fewer entries, `k` a row in the mean.
    pub fn cut(&self, rows: &SparseRows, k: usize) -> SparseRows {
        let sides = Sides::of(rows);
        let all = k * (0..rows.rows()).filter(|&row| rows.row(row as u32).next().is_some()).count();
        let held = |row: usize| rows.row(row as u32).filter(move |(column, _)| !rows.is_mirrored() || *column as usize > row);
        let kept = self.largest(rows.rows(), all, k, held, sides.as_ref());
        if sides.is_some() {
            return fewer(&kept, rows);
        }
        SparseRows::from_rows(rows.columns(), kept.into_iter(), usize::MAX).with_base(rows.base().to_vec())
    }

    /// What an entry weighs: its magnitude by its row and its column; of a pair both entries.
    fn weigh(&self, row: usize, (column, weight): (u32, f32), sides: Option<&Sides>) -> f32 {
        let of = |factors: &[f32], item: usize| factors.get(item).copied().unwrap_or(1.0);
        let one = |row: usize, column: usize| of(&self.rows, row) * of(&self.columns, column);
        let column = column as usize;
        let other = sides.map_or(0.0, |sides| one(column, row) * sides.ratios[row] / sides.ratios[column]);
        weight.abs() * (one(row, column) + other)
    }

    /// The `k` largest of each row, or `wanted` of all rows together; of equal ones the first in the order of rows and columns.
    fn largest<E: Iterator<Item = (u32, f32)>>(&self, rows: usize, wanted: usize, k: usize, row: impl Fn(usize) -> E + Sync, sides: Option<&Sides>) -> Vec<Vec<(u32, f32)>> {
        if self.keep == Keep::EachRow && sides.is_none() {
            let cut = |at: usize| {
                let mut entries: Vec<(u32, f32)> = row(at).collect();
                keep_largest(&mut entries, k);
                entries
            };
            return (0..rows).into_par_iter().map(cut).collect();
        }
        // Of floats that are not negative the bits are in the floats' order: two passes of counting find the least that is kept.
        let bits = |at: usize, entry: &(u32, f32)| self.weigh(at, *entry, sides).to_bits();
        let count = |bucket: &(dyn Fn(u32) -> Option<usize> + Sync)| {
            let empty = || vec![0usize; 1 << 16];
            let counted = (0..rows).into_par_iter().fold(empty, |mut counts, at| {
                row(at).filter_map(|entry| bucket(bits(at, &entry))).for_each(|bucket| counts[bucket] += 1);
                counts
            });
            counted.reduce(empty, |a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect())
        };
        let (high, left) = reached(&count(&|bits| Some((bits >> 16) as usize)), wanted);
        let (low, ties) = reached(&count(&|bits| ((bits >> 16) as usize == high).then_some((bits & 0xffff) as usize)), left);
        let least = (high << 16 | low) as u32;
        let mut kept: Vec<Vec<(u32, f32)>> =
            (0..rows).into_par_iter().map(|at| row(at).filter(|entry| bits(at, entry) >= least).collect()).collect();
        let mut ties = 0..ties;
        for (at, entries) in kept.iter_mut().enumerate() {
            entries.retain(|entry| bits(at, entry) > least || ties.next().is_some());
        }
        kept
    }
}

/// The bucket, counted from the last one, in which `wanted` is reached, and how many are wanted of it; the first one and all where
/// there are not so many.
fn reached(counts: &[usize], wanted: usize) -> (usize, usize) {
    let mut left = wanted;
    for (bucket, &count) in counts.iter().enumerate().rev() {
        if count >= left {
            return (bucket, left);
        }
        left -= count;
    }
    (0, usize::MAX)
}

/// The first ten of every case by the whole matrix.
pub fn exact_lists(learned: &Dense, cases: &[&Case], candidates: Option<&[bool]>) -> Vec<Vec<u32>> {
    cases.par_iter().map(|case| top_k(&masked(learned, case, candidates), 10)).collect()
}

/// How much of `lists` a term keeps, and how good it is.
pub fn kept(term: &dyn Term, cases: &[&Case], candidates: Option<&[bool]>, lists: &[Vec<u32>]) -> Kept {
    let of = |(case, list): (&&Case, &Vec<u32>)| {
        let scores = masked(term, case, candidates);
        let ten = top_k(&scores, 10);
        let same = list.iter().filter(|item| ten.contains(item)).count() as f64 / list.len().max(1) as f64;
        [quality(&ranks(&scores, &case.targets)), same]
    };
    // Collected first, so that the sum does not depend on how threads share the work.
    let each: Vec<[f64; 2]> = cases.par_iter().zip(lists).map(of).collect();
    let mean = |at: usize| each.iter().map(|one| one[at]).sum::<f64>() / each.len().max(1) as f64;
    let overlap = mean(1);
    let deviation = each.iter().map(|one| (one[1] - overlap).powi(2)).sum::<f64>().sqrt();
    Kept { quality: mean(0), overlap, error: deviation / each.len().max(1) as f64 }
}

fn masked(term: &dyn Term, case: &Case, candidates: Option<&[bool]>) -> Vec<f32> {
    let mut scores = term.scores(&history_of(&case.history.items));
    mask(&mut scores, case, candidates);
    scores
}
