//! What the validation cases decide: made once, and kept for learning again from everything.
//!
//! Not here: how each one is decided (`methods`, `blend`, `hybrid`).

use std::collections::BTreeMap;

use super::entries::Keep;
use crate::rank::learned::blend::Scale;

/// The choices so far. A trainer that starts with them makes only those that are missing, so that a second one, over the
/// validation's events too, needs no cases of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choices {
    /// How fast the past fades, by method: events after which one counts 1/e.
    pub taus: BTreeMap<String, f32>,
    /// Which entries of its matrix devices get, by method.
    pub entries: BTreeMap<String, Keep>,
    /// EASE's regularization.
    pub ease_lambda: Option<f32>,
    /// iALS: regularization, and the weight of unobserved pairs.
    pub ials: Option<(f32, f32)>,
    /// The sequence encoder's epoch.
    pub epochs: Option<usize>,
    pub blend: Option<Blended>,
}

/// How terms are joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Blended {
    pub scale: Scale,
    /// Terms with a gain above 0.
    pub gains: Vec<(String, f32)>,
    /// Entries kept per row of an item-item matrix, in the mean.
    pub row_entries: usize,
    /// Mean of NDCG at 10 and at 100 on the validation cases; of the best single term too.
    pub reached: f64,
    pub best_alone: (String, f64),
}
