//! The methods by name: from training sequences to the term that a device would run.
//!
//! Not here: how each one learns (its own file), evaluation.

use super::ease::ease;
use super::matrix::Csr;
use crate::evaluate::dataset::Sequence;
use crate::rank::neighbors::Neighbors;
use crate::rank::popularity::Popularity;
use crate::rank::sparse::SparseRows;
use crate::rank::terms::Term;
use crate::{Error, Result};

/// Every method name, in the order of reports.
pub const METHODS: [&str; 2] = ["popularity", "ease"];

/// What a method learns from.
pub struct Data<'a> {
    pub sequences: &'a [Sequence],
    pub items: usize,
}

impl Data<'_> {
    /// Training users of each item.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0u32; self.items];
        for item in self.sequences.iter().flat_map(|s| &s.items) {
            counts[*item as usize] += 1;
        }
        counts
    }
}

/// Hyper-parameters of all methods, with defaults that hold across data sets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Entries kept per row of an item-item matrix.
    pub row_entries: usize,
    pub ease_lambda: f32,
    pub ease_tau: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { row_entries: 50, ease_lambda: 200.0, ease_tau: 2.0 }
    }
}

/// Trains `method`.
pub fn train(method: &str, data: &Data<'_>, settings: &Settings) -> Result<Box<dyn Term>> {
    Ok(match method {
        "popularity" => Box::new(Popularity::from_counts(&data.counts(), data.sequences.len(), 0.0)),
        "ease" => {
            let x = Csr::binary(data.sequences, data.items);
            let weights = ease(&x, settings.ease_lambda)?;
            Box::new(Neighbors {
                name: method.into(),
                weights: SparseRows::from_dense(&weights, data.items, settings.row_entries),
                tau: settings.ease_tau,
                window: usize::MAX,
            })
        }
        other => {
            return Err(Error::input(format!(
                "The method `{other}` is not known. Use one of {}, or `all`.",
                METHODS.join(", ")
            )));
        }
    })
}
