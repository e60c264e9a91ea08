//! Which items of a large catalog dense item-item algebra knows: those that most people met.
//!
//! An inverse over n items takes n^2 floats, a few times. Above a limit the methods that need one learn from the interactions with
//! the most frequent items alone; the other terms know all. Not here: the methods, what memory affords (`bin`).

use crate::evaluate::dataset::Sequence;
use super::features::Features;
use super::matrix::Csr;

/// No place.
const NONE: u32 = u32::MAX;

/// The items that are covered, and their places among themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Covered {
    /// Ascending.
    pub items: Vec<u32>,
    /// `[catalog]`: each item's place in `items`.
    places: Vec<u32>,
}

impl Covered {
    /// The `most` items with the largest counts, the first of equal ones; `None` where that is all.
    pub fn new(counts: &[u32], most: usize) -> Option<Self> {
        if counts.len() <= most {
            return None;
        }
        let mut items: Vec<u32> = (0..counts.len() as u32).collect();
        items.sort_by_key(|&item| (std::cmp::Reverse(counts[item as usize]), item));
        items.truncate(most);
        items.sort_unstable();
        let mut places = vec![NONE; counts.len()];
        items.iter().enumerate().for_each(|(place, &item)| places[item as usize] = place as u32);
        Some(Self { items, places })
    }

    /// Where `item` stands among the covered ones.
    pub fn place(&self, item: u32) -> Option<u32> {
        self.places.get(item as usize).copied().filter(|&place| place != NONE)
    }

    /// How many of the interactions are with covered items.
    pub fn share(&self, counts: &[u32]) -> f64 {
        let sum = |items: &mut dyn Iterator<Item = usize>| items.map(|item| f64::from(counts[item])).sum::<f64>();
        sum(&mut self.items.iter().map(|&item| item as usize)) / sum(&mut (0..counts.len())).max(1.0)
    }

    /// The columns of the covered items alone.
    pub fn columns(&self, x: &Csr) -> Csr {
        let mut out = Csr::new(self.items.len());
        for row in 0..x.rows() {
            out.push_row(x.entries(row).filter_map(|(item, value)| Some((self.place(item)?, value))));
        }
        out
    }

    /// The events with covered items, by place.
    pub fn sequences(&self, sequences: &[Sequence]) -> Vec<Sequence> {
        let of = |sequence: &Sequence| {
            let at: Vec<usize> = (0..sequence.len()).filter(|&at| self.place(sequence.items[at]).is_some()).collect();
            let mut known = sequence.pick(&at);
            known.items.iter_mut().for_each(|item| *item = self.places[*item as usize]);
            known
        };
        sequences.iter().map(of).filter(|sequence| !sequence.is_empty()).collect()
    }

    /// The content of the covered items.
    pub fn features(&self, features: &Features) -> Features {
        let mut sparse = Csr::new(features.sparse.columns);
        if features.sparse.rows() > 0 {
            self.items.iter().for_each(|&item| sparse.push_row(features.sparse.entries(item as usize)));
        }
        let dense = self.items.iter().flat_map(|&item| features.dense_row(item as usize)).copied().collect();
        Features { sparse, dense, dim: features.dim, ..Features::default() }
    }
}
