//! The part of the ranker shard that knows the clock: groups of items, and how much likelier each is at a time of the week.
//!
//! | tensor | type | shape | holds |
//! | --- | --- | --- | --- |
//! | `clock.groups` | U8 | `[items]` | each item's group; 255: none |
//! | `clock.bias` | F32 | `[8, groups]` | a group's addend in each of the week's eight parts, in the ranker's unit |
//!
//! Both are missing where time taught nothing. Not here: which part a moment falls into (`rank::clock`).

use super::tensors::{DType, Part, TensorFile};
use crate::error::{Error, Result};

/// Parts of a week: night, morning, afternoon and evening of workdays, then of weekends.
pub const PARTS: usize = 8;
/// The group of items that have none.
pub const NONE: u8 = 255;
/// Largest magnitude of a bias.
const MOST: f32 = 100.0;

/// What time taught.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// `[items]`, [`NONE`] for none.
    pub groups: Vec<u8>,
    /// `[PARTS, groups]`.
    pub bias: Vec<f32>,
}

impl Clock {
    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.bias.len() / PARTS
    }

    /// The addend of an item in a part of the week.
    pub fn of(&self, part: usize, ordinal: usize) -> f32 {
        let group = self.groups.get(ordinal).copied().unwrap_or(NONE);
        if usize::from(group) < self.count() { self.bias.get(part * self.count() + usize::from(group)).copied().unwrap_or(0.0) } else { 0.0 }
    }

    /// Reads it, if `file` has it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where shapes, groups or numbers are not as in the table above.
    pub fn parse(file: &TensorFile, items: usize, what: &str) -> Result<Option<Self>> {
        if !file.contains("clock.groups") && !file.contains("clock.bias") {
            return Ok(None);
        }
        let corrupt = |detail: String| Err(Error::corrupt(what, detail));
        let groups = file.typed("clock.groups", DType::U8)?;
        let bias = file.typed("clock.bias", DType::F32)?;
        let count = match *bias.shape.as_slice() {
            [PARTS, count] if (1..usize::from(NONE)).contains(&count) => count,
            _ => return corrupt(format!("clock.bias has the shape {:?}, expected [{PARTS}, 1 to {}]", bias.shape, NONE - 1)),
        };
        let groups = groups.bytes().to_vec();
        if groups.len() != items || groups.iter().any(|&group| group != NONE && usize::from(group) >= count) {
            return corrupt(format!("clock.groups does not name one of {count} groups for each of {items} items"));
        }
        let bias = bias.to_f32();
        if bias.iter().any(|value| !(-MOST..=MOST).contains(value)) {
            return corrupt(format!("clock.bias holds numbers beyond {MOST}"));
        }
        Ok(Some(Self { groups, bias }))
    }

    /// Its tensors.
    pub fn parts(&self) -> [Part<'_>; 2] {
        [Part::u8("clock.groups", &self.groups), Part::f32("clock.bias", &[PARTS, self.count()], &self.bias)]
    }
}
