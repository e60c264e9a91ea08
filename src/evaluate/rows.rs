//! Interactions in file order, by columns: 8 bytes a row, 8 more where there are times and 4 where there are values.
//!
//! Not here: keys (`keys`), cleaning (`dataset`).

use super::dataset::Sequence;

/// One interaction, by dense user and item numbers. `time` is in the file's own unit; where a file has none it is the
/// row's number, so that file order is time order. `value` is a rating or an implicit weight (1 where the file has neither).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction {
    pub user: u32,
    pub item: u32,
    pub time: i64,
    pub value: f32,
}

/// Rows of interactions.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    users: Vec<u32>,
    items: Vec<u32>,
    /// None as long as every time is its row's number.
    times: Option<Vec<i64>>,
    /// None as long as every value is 1.
    values: Option<Vec<f32>>,
}

impl Rows {
    /// Appends a row.
    pub fn push(&mut self, row: Interaction) {
        let at = self.users.len();
        if self.times.is_none() && row.time != at as i64 {
            self.times = Some((0..at as i64).collect());
        }
        if self.values.is_none() && row.value != 1.0 {
            self.values = Some(vec![1.0; at]);
        }
        self.times.iter_mut().for_each(|times| times.push(row.time));
        self.values.iter_mut().for_each(|values| values.push(row.value));
        self.users.push(row.user);
        self.items.push(row.item);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// One row.
    pub fn get(&self, at: usize) -> Interaction {
        Interaction {
            user: self.users[at],
            item: self.items[at],
            time: self.times.as_ref().map_or(at as i64, |times| times[at]),
            value: self.values.as_ref().map_or(1.0, |values| values[at]),
        }
    }

    /// All rows in file order.
    pub fn iter(&self) -> impl Iterator<Item = Interaction> + '_ {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Keeps the rows that `keep` gives a number for their item, with that number; times stay what they were.
    pub fn keep(&mut self, mut keep: impl FnMut(Interaction) -> Option<u32>) {
        let mut kept = 0;
        for at in 0..self.len() {
            let row = self.get(at);
            let Some(item) = keep(row) else { continue };
            if kept < at && self.times.is_none() {
                self.times = Some((0..self.users.len() as i64).collect());
            }
            (self.users[kept], self.items[kept]) = (row.user, item);
            self.times.iter_mut().for_each(|times| times[kept] = row.time);
            self.values.iter_mut().for_each(|values| values[kept] = row.value);
            kept += 1;
        }
        self.users.truncate(kept);
        self.items.truncate(kept);
        self.times.iter_mut().for_each(|times| times.truncate(kept));
        self.values.iter_mut().for_each(|values| values.truncate(kept));
    }

    /// One sequence a user, each in time order, equal times in file order; users without rows have empty ones. Each column is
    /// given back to the system when it is dealt out, so that there is never a second copy of all rows.
    pub fn into_sequences(self, users: usize) -> Vec<Sequence> {
        let Self { users: of, items, times, values } = self;
        let mut counts = vec![0u32; users];
        of.iter().for_each(|&user| counts[user as usize] += 1);
        let mut sequences: Vec<Sequence> = (0..users as u32).map(|user| Sequence { user, ..Sequence::default() }).collect();
        for (sequence, &count) in sequences.iter_mut().zip(&counts) {
            sequence.items.reserve_exact(count as usize);
        }
        of.iter().zip(items).for_each(|(&user, item)| sequences[user as usize].items.push(item));
        for (sequence, &count) in sequences.iter_mut().zip(&counts) {
            sequence.times.reserve_exact(count as usize);
        }
        match times {
            None => of.iter().enumerate().for_each(|(at, &user)| sequences[user as usize].times.push(at as i64)),
            Some(times) => of.iter().zip(times).for_each(|(&user, time)| sequences[user as usize].times.push(time)),
        }
        for (sequence, &count) in sequences.iter_mut().zip(&counts) {
            sequence.values.reserve_exact(count as usize);
        }
        match values {
            None => sequences.iter_mut().zip(&counts).for_each(|(sequence, &count)| sequence.values.resize(count as usize, 1.0)),
            Some(values) => of.iter().zip(values).for_each(|(&user, value)| sequences[user as usize].values.push(value)),
        }
        for sequence in &mut sequences {
            if !sequence.times.is_sorted() {
                let mut order: Vec<usize> = (0..sequence.len()).collect();
                order.sort_by_key(|&at| sequence.times[at]);
                *sequence = sequence.pick(&order);
            }
        }
        sequences
    }
}
