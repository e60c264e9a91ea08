//! The protocols: which events a method may learn from, which it is asked about.
//!
//! Not here: metrics (`metrics`, `lists`), rating folds (`train::rating`).

use super::dataset::Sequence;
use crate::math::rng::Rng;
use crate::{Error, Result};

/// One question: given this history, the targets should be on top.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Without times and values.
    pub history: Sequence,
    pub targets: Vec<u32>,
}

/// A protocol's outcome.
#[derive(Debug, Clone, Default)]
pub struct Split {
    /// What may be learned from with `--fit train`.
    pub train: Vec<Sequence>,
    /// What may be learned from with `--fit train+valid`.
    pub train_and_valid: Vec<Sequence>,
    pub valid: Vec<Case>,
    pub test: Vec<Case>,
    /// Items that may be recommended in validation and test; `None`: all. Seen items are excluded always.
    pub valid_candidates: Option<Vec<bool>>,
    pub test_candidates: Option<Vec<bool>>,
    /// One sentence for reports.
    pub statement: String,
}

/// The protocols of `palate evaluate` that rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    LeaveOneOut,
    Temporal,
    Strong,
    ColdItems,
}

impl Protocol {
    /// By its name on the command line.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "leave-one-out" => Self::LeaveOneOut,
            "temporal" => Self::Temporal,
            "strong" => Self::Strong,
            "cold-items" => Self::ColdItems,
            other => {
                return Err(Error::input(format!(
                    "The protocol `{other}` is not known. Use leave-one-out, temporal, strong, cold-items or rating."
                )));
            }
        })
    }
}

/// Splits `sequences` (time order) over a catalog of `items` items.
///
/// `fold` of `folds` rotates the held-out users of `strong` and the cold items of `cold-items`.
pub fn split(
    protocol: Protocol,
    sequences: &[Sequence],
    items: usize,
    seed: u64,
    fold: usize,
    folds: usize,
) -> Result<Split> {
    let split = match protocol {
        Protocol::LeaveOneOut => leave_one_out(sequences),
        Protocol::Temporal => temporal(sequences),
        Protocol::Strong => strong(sequences, seed, fold, folds),
        Protocol::ColdItems => cold_items(sequences, items, seed, fold, folds),
    };
    if split.test.is_empty() || split.train.is_empty() {
        return Err(Error::input(format!(
            "The protocol leaves {} users to learn from and {} to test on. Give more interactions, or another protocol.",
            split.train.len(),
            split.test.len()
        )));
    }
    Ok(split)
}

fn leave_one_out(sequences: &[Sequence]) -> Split {
    let mut split = Split {
        statement: "leave-one-out: each user's last event is the target, the one before it is for validation and part of \
                    the test history; users with fewer than 3 events are learned from only"
            .into(),
        ..Split::default()
    };
    for sequence in sequences {
        let n = sequence.len();
        if n < 3 {
            split.train.push(sequence.clone());
            split.train_and_valid.push(sequence.clone());
            continue;
        }
        split.train.push(sequence.slice(0..n - 2));
        split.train_and_valid.push(sequence.slice(0..n - 1));
        split.valid.push(Case { history: sequence.history(0..n - 2), targets: vec![sequence.items[n - 2]] });
        split.test.push(Case { history: sequence.history(0..n - 1), targets: vec![sequence.items[n - 1]] });
    }
    split
}

/// Last events that were taken out of sequences.
pub struct HeldOut {
    /// Each with what came before it.
    pub cases: Vec<Case>,
    /// Place of each one's sequence; time and value.
    taken: Vec<(usize, i64, f32)>,
}

impl HeldOut {
    /// When the events were.
    pub fn times(&self) -> impl Iterator<Item = i64> + '_ {
        self.taken.iter().map(|&(_, time, _)| time)
    }

    /// Puts the events back.
    pub fn give_back(self, sequences: &mut [Sequence]) {
        for (case, (place, time, value)) in self.cases.iter().zip(self.taken) {
            let sequence = &mut sequences[place];
            sequence.items.extend(&case.targets);
            sequence.times.push(time);
            sequence.values.push(value);
        }
    }
}

/// Takes the last event out of the sequences with more than one: of all of them, or of `most` evenly spread ones.
pub fn hold_out_last(sequences: &mut [Sequence], most: usize) -> HeldOut {
    let several: Vec<usize> = (0..sequences.len()).filter(|&place| sequences[place].len() > 1).collect();
    let count = several.len().min(most);
    let mut held = HeldOut { cases: Vec::with_capacity(count), taken: Vec::with_capacity(count) };
    for at in 0..count {
        let place = several[at * several.len() / count];
        let sequence = &mut sequences[place];
        if let (Some(item), Some(time), Some(value)) = (sequence.items.pop(), sequence.times.pop(), sequence.values.pop()) {
            held.cases.push(Case { history: sequence.history(0..sequence.len()), targets: vec![item] });
            held.taken.push((place, time, value));
        }
    }
    held
}

/// Cuts at the times before which 80 % and 90 % of all events lie.
fn temporal(sequences: &[Sequence]) -> Split {
    let mut times: Vec<i64> = sequences.iter().flat_map(|s| s.times.iter().copied()).collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
    let (first, second) = (at(0.8), at(0.9));
    let mut split = Split {
        statement: format!(
            "temporal: events before {first} are learned from, before {second} are for validation, the rest are targets; \
             a user's history is everything before the cut; users without one are left out"
        ),
        ..Split::default()
    };
    for sequence in sequences {
        let a = sequence.times.partition_point(|&t| t < first);
        let b = sequence.times.partition_point(|&t| t < second);
        let n = sequence.len();
        if a > 0 {
            split.train.push(sequence.slice(0..a));
        }
        if b > 0 {
            split.train_and_valid.push(sequence.slice(0..b));
        }
        if a > 0 && b > a {
            split.valid.push(Case { history: sequence.history(0..a), targets: sequence.items[a..b].to_vec() });
        }
        if b > 0 && n > b {
            split.test.push(Case { history: sequence.history(0..b), targets: sequence.items[b..].to_vec() });
        }
    }
    split
}

/// Which of `folds` groups each of `n` things falls in, seeded.
fn groups(n: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    Rng::new(seed).shuffle(&mut order);
    let mut group = vec![0; n];
    for (at, thing) in order.into_iter().enumerate() {
        group[thing] = at * folds / n.max(1);
    }
    group
}

/// What is chosen on one share of a few people's events is chosen by chance: each validating user is asked for each of up to so many
/// disjoint shares, as long as there are no more than so many cases.
const VALID_PARTS: usize = 5;
const VALID_CASES: usize = 20_000;

/// How several folds are told of, where each `thing` is tested in one of them at most.
fn pooled(folds: usize, thing: &str) -> String {
    if folds == 1 { String::new() } else { format!(", {folds} folds pooled, no {thing} tested twice; in each of them") }
}

fn strong(sequences: &[Sequence], seed: u64, fold: usize, folds: usize) -> Split {
    // Ten groups of users: two are tested, one validates. Every fold moves on by two.
    let group = groups(sequences.len(), 10, seed);
    let test = [(2 * fold) % 10, (2 * fold + 1) % 10];
    let valid = (2 * fold + 2) % 10;
    let parts = (VALID_CASES / group.iter().filter(|&&group| group == valid).count().max(1)).clamp(1, VALID_PARTS);
    let mut split = Split {
        statement: format!(
            "strong generalization{}: 20 % of the users are tested and 10 % validate, none of their events are learned \
             from with fit train; a seeded random 80 % of each one's events is the history, in time order, the rest are \
             the targets",
            pooled(folds, "user")
        ),
        ..Split::default()
    };
    let mut rng = Rng::new(seed ^ 0x5eed_f01d);
    for (sequence, group) in sequences.iter().zip(group) {
        let n = sequence.len();
        let mut order: Vec<usize> = (0..n).collect();
        rng.shuffle(&mut order);
        let held = ((n as f64 * 0.2).round() as usize).clamp(1, n.max(2) - 1);
        // The part-th of the disjoint shares of the events is to be found.
        let case = |part: usize| {
            let (mut targets, mut history) = (order[part * held..(part + 1) * held].to_vec(), order[..part * held].to_vec());
            history.extend(&order[(part + 1) * held..]);
            targets.sort_unstable();
            history.sort_unstable();
            Case { history: sequence.history_of(&history), targets: targets.iter().map(|&i| sequence.items[i]).collect() }
        };
        if test.contains(&group) {
            if n >= 2 {
                split.test.push(case(0));
            }
        } else {
            split.train_and_valid.push(sequence.clone());
            if group == valid {
                if n >= 2 {
                    split.valid.extend((0..parts.min(n / held)).map(case));
                }
            } else {
                split.train.push(sequence.clone());
            }
        }
    }
    split
}

fn cold_items(sequences: &[Sequence], items: usize, seed: u64, fold: usize, folds: usize) -> Split {
    let mut touched = vec![false; items];
    for item in sequences.iter().flat_map(|s| &s.items) {
        touched[*item as usize] = true;
    }
    let alive: Vec<usize> = (0..items).filter(|&i| touched[i]).collect();
    let group = groups(alive.len(), 10, seed);
    let mut role = vec![0u8; items];
    for (&item, group) in alive.iter().zip(group) {
        if group == (2 * fold) % 10 || group == (2 * fold + 1) % 10 {
            role[item] = 2;
        } else if group == (2 * fold + 2) % 10 {
            role[item] = 1;
        }
    }
    let mut split = Split {
        valid_candidates: Some(role.iter().map(|&r| r == 1).collect()),
        test_candidates: Some(role.iter().map(|&r| r == 2).collect()),
        statement: format!(
            "cold items{}: a seeded 20 % of the items with events are never learned from and are the only candidates, \
             another 10 % are for validation; a user's history is the events with other items",
            pooled(folds, "item")
        ),
        ..Split::default()
    };
    for sequence in sequences {
        let of = |roles: &[u8]| -> Vec<usize> {
            (0..sequence.len()).filter(|&i| roles.contains(&role[sequence.items[i] as usize])).collect()
        };
        let targets = |at: &[usize]| at.iter().map(|&i| sequence.items[i]).collect::<Vec<u32>>();
        let (warm, valid, cold) = (of(&[0]), of(&[1]), of(&[2]));
        let known = of(&[0, 1]);
        if !warm.is_empty() {
            split.train.push(sequence.pick(&warm));
            if !valid.is_empty() {
                split.valid.push(Case { history: sequence.history_of(&warm), targets: targets(&valid) });
            }
        }
        if !known.is_empty() {
            split.train_and_valid.push(sequence.pick(&known));
        }
        if !warm.is_empty() && !cold.is_empty() {
            split.test.push(Case { history: sequence.history_of(&known), targets: targets(&cold) });
        }
    }
    split
}
