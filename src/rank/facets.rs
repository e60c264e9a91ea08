//! The values of one metadata field as small numbers: what calibration, fairness and caps tell items apart by.

use std::collections::HashMap;

use serde_json::Value;

use crate::index::catalog::Catalog;

/// Most values of one item that count.
const MOST: usize = 64;

/// The values of a field met so far, numbered in the order in which they were met.
#[derive(Debug, Default)]
pub struct Facets {
    known: HashMap<String, u32>,
}

impl Facets {
    /// How many different values were met.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none was met.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The numbers of an item's values, each once, in the field's order: of a list all members, of a missing field none.
    pub fn of(&mut self, catalog: &Catalog, ordinal: u32, field: &str) -> Vec<u32> {
        let mut numbers = Vec::new();
        match catalog.field(ordinal, field) {
            Some(Value::Array(values)) => values.iter().take(MOST).for_each(|value| self.note(value, &mut numbers)),
            Some(value) => self.note(&value, &mut numbers),
            None => {}
        }
        numbers
    }

    fn note(&mut self, value: &Value, numbers: &mut Vec<u32>) {
        let name = match value {
            Value::Null | Value::Object(_) | Value::Array(_) => return,
            // A text and a number that reads like it are two values.
            scalar => scalar.to_string(),
        };
        let next = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        let number = *self.known.entry(name).or_insert(next);
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
}
