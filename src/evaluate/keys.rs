//! String keys and their dense numbers, some 30 bytes a key beside its text.
//!
//! Not here: what has keys (`dataset`).

use crate::format::digest::key_hash;

/// A place of the table that no key has.
const FREE: u32 = u32::MAX;

/// String keys and their dense numbers, in order of first appearance. All texts stand in one string; an open-addressed table of
/// numbers finds them.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
    /// Numbers at their keys' hashes or behind; a power of two, at most three quarters full.
    table: Vec<u32>,
}

impl Keys {
    /// The number of `name`, a new one if it was not seen before.
    pub fn intern(&mut self, name: &str) -> u32 {
        if (self.ends.len() + 1) * 4 > self.table.len() * 3 {
            self.grow();
        }
        let place = self.place(name);
        if self.table[place] == FREE {
            self.table[place] = self.ends.len() as u32;
            self.texts.push_str(name);
            self.ends.push(self.texts.len());
        }
        self.table[place]
    }

    /// The number of `name`, if it has one.
    pub fn get(&self, name: &str) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        Some(self.table[self.place(name)]).filter(|&number| number != FREE)
    }

    /// The key of `number`. Numbers come from this table.
    pub fn name(&self, number: u32) -> &str {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.texts[start..self.ends[at]]
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where `name` is in the table, or where it would be.
    fn place(&self, name: &str) -> usize {
        let mask = self.table.len() - 1;
        let mut place = key_hash(name) as usize & mask;
        while self.table[place] != FREE && self.name(self.table[place]) != name {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        self.table = vec![FREE; (self.table.len() * 2).max(16)];
        for number in 0..self.ends.len() as u32 {
            let place = self.place(self.name(number));
            self.table[place] = number;
        }
    }
}
