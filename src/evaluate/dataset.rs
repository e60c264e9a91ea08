//! Interactions in memory: who met which item, when, how strongly; and their cleaning.
//!
//! Not here: reading files (`publish::interactions`), how rows and keys are held (`rows`, `keys`), splitting (`split`).

pub use super::keys::Keys;
pub use super::rows::{Interaction, Rows};
use crate::{Error, Result};

/// All interactions of a file, in file order.
#[derive(Debug, Clone, Default)]
pub struct Interactions {
    pub users: Keys,
    pub items: Keys,
    pub rows: Rows,
    /// Whether the file carries timestamps, ratings.
    pub has_time: bool,
    pub has_rating: bool,
}

/// What to drop before anything is learned. The defaults drop repeats only.
#[derive(Debug, Clone)]
pub struct Cleaning {
    /// Ratings below this are not positives and are dropped (never for rating prediction).
    pub min_value: Option<f32>,
    /// Of several rows of one user with one item, keep the first by time.
    pub drop_repeats: bool,
    /// Users and items with fewer rows are dropped, again and again until none is left (k-core). 0 or 1: off.
    pub core: usize,
    /// Users with fewer rows are dropped once.
    pub min_user_rows: usize,
    /// A user with more rows than this within one second of the file's clock, on average, is taken for a robot. 0: off.
    pub max_rate: f64,
    /// Of each user at most this many latest rows stay. 0: off.
    pub max_user_rows: usize,
}

impl Default for Cleaning {
    fn default() -> Self {
        Self { min_value: None, drop_repeats: true, core: 0, min_user_rows: 0, max_rate: 0.0, max_user_rows: 0 }
    }
}

/// How many rows each step of [`Cleaning`] dropped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    pub read: usize,
    pub below_min_value: usize,
    pub repeats: usize,
    pub robots: usize,
    pub over_user_limit: usize,
    pub short_users: usize,
    pub outside_core: usize,
    pub kept: usize,
}

impl Account {
    /// One line for the terminal: what was read, dropped and why, kept.
    pub fn line(&self) -> String {
        let mut parts = vec![format!("{} rows read", self.read)];
        for (count, why) in [
            (self.below_min_value, "below the least value"),
            (self.repeats, "repeats of a user with an item (the first one stays)"),
            (self.robots, "of users with an impossible rate"),
            (self.over_user_limit, "over the limit of rows a user"),
            (self.short_users, "of users with too few rows"),
            (self.outside_core, "outside the k-core"),
        ] {
            if count > 0 {
                parts.push(format!("{count} dropped: {why}"));
            }
        }
        parts.push(format!("{} kept", self.kept));
        parts.join("; ")
    }
}

/// One user's events in time order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sequence {
    pub user: u32,
    pub items: Vec<u32>,
    pub times: Vec<i64>,
    pub values: Vec<f32>,
}

impl Sequence {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The events `range` alone.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        Self {
            user: self.user,
            items: self.items[range.clone()].to_vec(),
            times: self.times[range.clone()].to_vec(),
            values: self.values[range].to_vec(),
        }
    }

    /// The events at `at`, in that order.
    pub fn pick(&self, at: &[usize]) -> Self {
        Self {
            user: self.user,
            items: at.iter().map(|&i| self.items[i]).collect(),
            times: at.iter().map(|&i| self.times[i]).collect(),
            values: at.iter().map(|&i| self.values[i]).collect(),
        }
    }

    /// The events `range` as a history that is asked about: items alone, in a quarter of the memory.
    pub fn history(&self, range: std::ops::Range<usize>) -> Self {
        Self { user: self.user, items: self.items[range].to_vec(), ..Self::default() }
    }

    /// The events at `at`, in that order, as a history that is asked about.
    pub fn history_of(&self, at: &[usize]) -> Self {
        Self { user: self.user, items: at.iter().map(|&i| self.items[i]).collect(), ..Self::default() }
    }
}

impl Interactions {
    /// The rows, which are used up, as one sequence per user, in time order; equal times keep file order. Users without rows are
    /// left out.
    pub fn sequences(&mut self, cleaning: &Cleaning) -> Result<(Vec<Sequence>, Account)> {
        let mut account = Account { read: self.rows.len(), ..Account::default() };
        let mut sequences = std::mem::take(&mut self.rows).into_sequences(self.users.len());
        let mut last_user_of_item = vec![u32::MAX; self.items.len()];
        for sequence in &mut sequences {
            // First of all: what a robot repeats shows its rate.
            if cleaning.max_rate > 0.0 && self.has_time && sequence.len() > 50 {
                let span = (sequence.times[sequence.len() - 1] - sequence.times[0]).max(1) as f64;
                if sequence.len() as f64 / span > cleaning.max_rate {
                    account.robots += sequence.len();
                    *sequence = sequence.slice(0..0);
                }
            }
            if let Some(least) = cleaning.min_value {
                let keep: Vec<usize> = (0..sequence.len()).filter(|&i| sequence.values[i] >= least).collect();
                if keep.len() < sequence.len() {
                    account.below_min_value += sequence.len() - keep.len();
                    *sequence = sequence.pick(&keep);
                }
            }
            if cleaning.drop_repeats {
                let user = sequence.user;
                let keep: Vec<usize> = (0..sequence.len())
                    .filter(|&i| {
                        let seen = &mut last_user_of_item[sequence.items[i] as usize];
                        std::mem::replace(seen, user) != user
                    })
                    .collect();
                if keep.len() < sequence.len() {
                    account.repeats += sequence.len() - keep.len();
                    *sequence = sequence.pick(&keep);
                }
            }
            if cleaning.max_user_rows > 0 && sequence.len() > cleaning.max_user_rows {
                let drop = sequence.len() - cleaning.max_user_rows;
                account.over_user_limit += drop;
                *sequence = sequence.slice(drop..sequence.len());
            }
            if sequence.len() < cleaning.min_user_rows {
                account.short_users += sequence.len();
                *sequence = sequence.slice(0..0);
            }
        }
        if cleaning.core > 1 {
            account.outside_core = keep_core(&mut sequences, self.items.len(), cleaning.core);
        }
        sequences.retain(|s| !s.is_empty());
        account.kept = sequences.iter().map(Sequence::len).sum();
        if account.kept == 0 {
            return Err(Error::input(format!(
                "Nothing is left after cleaning ({}). Loosen the cleaning options or give more interactions.",
                account.line()
            )));
        }
        Ok((sequences, account))
    }
}

/// Drops users and items with fewer than `core` rows until none is left; the number of rows dropped.
fn keep_core(sequences: &mut [Sequence], items: usize, core: usize) -> usize {
    let before: usize = sequences.iter().map(Sequence::len).sum();
    loop {
        let mut counts = vec![0usize; items];
        for item in sequences.iter().flat_map(|s| &s.items) {
            counts[*item as usize] += 1;
        }
        let mut changed = false;
        for sequence in sequences.iter_mut() {
            let keep: Vec<usize> = match sequence.len() < core {
                true => Vec::new(),
                false => (0..sequence.len()).filter(|&i| counts[sequence.items[i] as usize] >= core).collect(),
            };
            if keep.len() < sequence.len() {
                *sequence = sequence.pick(&keep);
                changed = true;
            }
        }
        if !changed {
            return before - sequences.iter().map(Sequence::len).sum::<usize>();
        }
    }
}
