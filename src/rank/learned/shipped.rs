//! The trained ranker as the index brings it: from the shard's parts to a blend of terms.
//!
//! Not here: the bytes (`format::ranker`), and putting a blend into them (`train::ship`).

use std::sync::Arc;

use super::blend::{Blend, Scale};
use super::factors::Factors;
use super::neighbors::Neighbors;
use super::popularity::Popularity;
use super::sequence::{BlockLayout, SequenceEncoder, Shape};
use super::sparse::SparseRows;
use super::terms::Term;
use crate::error::{Error, Result};
use crate::format::clock::Clock;
use crate::format::ranker::{Ranker, Trained, Weights};

/// How popularity fades with the history: 1 / (events + 1).
pub const POPULARITY_FADE: f32 = 1.0;

/// A trained ranker, ready for scoring.
pub struct Shipped {
    pub blend: Blend,
    /// How far the tenth best item stands above the mean after one event, above 0: the unit that other terms are met in.
    pub unit: f32,
    /// People who met each item, `[items]`.
    pub popularity: Vec<u32>,
    /// What the time of the week says.
    pub clock: Option<Clock>,
}

impl Shipped {
    /// From a parsed shard; `what` names the file in errors.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where parts do not fit together.
    pub fn open(ranker: Ranker, what: &str) -> Result<Self> {
        let Ranker { users, popularity, by_deviation, unit, terms, clock, .. } = ranker;
        let gains = terms.iter().map(|term| term.gain).collect();
        let open = |trained: Trained| {
            let name = trained.name.clone();
            term(trained, &popularity, users).ok_or_else(|| Error::corrupt(what, format!("the parts of {name} do not fit together")))
        };
        let terms = terms.into_iter().map(open).collect::<Result<Vec<_>>>()?;
        let scale = if by_deviation { Scale::Deviation } else { Scale::Raw };
        Ok(Self { blend: Blend { terms, gains, scale }, unit, popularity, clock })
    }
}

fn term(trained: Trained, counts: &[u32], users: u32) -> Option<Arc<dyn Term>> {
    let Trained { name, tau, weights, .. } = trained;
    let items = counts.len();
    Some(match weights {
        Weights::Popularity => Arc::new(Popularity::from_counts(counts, users as usize, POPULARITY_FADE)),
        Weights::Rows(rows) => {
            let weights = SparseRows::from_parts(items, rows.offsets, rows.columns, rows.values, rows.scales, rows.base)?;
            Arc::new(Neighbors { name, weights, tau, window: usize::MAX })
        }
        Weights::Pairs(p) => {
            let weights = SparseRows::mirrored(p.offsets, p.columns, p.values, p.scales, p.heights).filter(|weights| weights.rows() == items)?;
            Arc::new(Neighbors { name, weights, tau, window: usize::MAX })
        }
        Weights::Factors(f) => {
            let fits = f.values.len() == items * f.dim && f.scales.len() == items && f.gram.len() == f.dim * f.dim;
            let factors = Factors { dim: f.dim, values: f.values, scales: f.scales, gram: f.gram, alpha0: f.alpha0, lambda: f.lambda, nu: f.nu, tau, solved: Default::default() };
            fits.then(|| Arc::new(factors))?
        }
        Weights::Sequence(s) => {
            let [heads, blocks, window, hidden] = s.sizes;
            let shape = Shape { items, dim: s.dim, heads, blocks, window, hidden };
            let parameters = blocks * BlockLayout::new(&shape).len + 2 * s.dim;
            let fits = s.table.len() == items * s.dim && s.scales.len() == items && s.blocks.len() == parameters;
            fits.then(|| Arc::new(SequenceEncoder { shape, table: s.table, scales: s.scales, blocks: s.blocks }))?
        }
    })
}
