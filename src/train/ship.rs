//! A blend into the parts of the index's ranker shard.
//!
//! Not here: the bytes (`format::ranker`), the way back (`rank::learned::shipped`).

use std::any::Any;

use crate::format::ranker::{self, Ranker, Trained, Weights};
use crate::math::rng::Rng;
use crate::math::topk::top_k;
use crate::rank::learned::blend::{Blend, Scale};
use crate::rank::learned::factors::Factors;
use crate::rank::learned::neighbors::Neighbors;
use crate::rank::learned::popularity::Popularity;
use crate::rank::learned::sequence::SequenceEncoder;
use crate::rank::learned::terms::{Seen, Term};
use crate::{Error, Result};

/// Items whose single-event histories the unit is measured on.
const SAMPLE: usize = 500;
/// The rank at which an item still stands out; in a catalog of fewer than 200 items, one in twenty does.
const HEAD: usize = 10;

/// The shard's parts. `counts`: people who met each item, of `users`; `keys`: hash of the catalog's keys.
///
/// # Errors
/// [`Error::Internal`] for a term that no shard can hold.
pub fn ranker(blend: &Blend, counts: &[u32], users: usize, keys: u64) -> Result<Ranker> {
    let terms = blend.terms.iter().zip(&blend.gains).map(|(term, &gain)| part(term.as_ref(), gain)).collect::<Result<_>>()?;
    Ok(Ranker {
        keys,
        users: users as u32,
        popularity: counts.to_vec(),
        by_deviation: blend.scale == Scale::Deviation,
        unit: unit(blend, counts),
        terms,
        clock: None,
    })
}

/// One term as it is stored.
///
/// # Errors
/// [`Error::Internal`] for a term that no shard can hold.
pub fn part(term: &dyn Term, gain: f32) -> Result<Trained> {
    let name = term.name().to_owned();
    let term = term as &dyn Any;
    let (tau, weights) = if term.is::<Popularity>() {
        (f32::INFINITY, Weights::Popularity)
    } else if let Some(n) = term.downcast_ref::<Neighbors>().filter(|n| n.window == usize::MAX) {
        let (offsets, columns, values) = n.weights.parts();
        let (scales, heights) = n.weights.scales();
        let scales = scales.to_vec();
        let weights = match n.weights.is_mirrored() {
            true => Weights::Pairs(ranker::Pairs { offsets, columns, values, scales, heights: heights.to_vec() }),
            false => Weights::Rows(ranker::Rows { offsets, columns, values, scales, base: n.weights.base().to_vec() }),
        };
        (n.tau, weights)
    } else if let Some(f) = term.downcast_ref::<Factors>() {
        let Factors { dim, values, scales, gram, alpha0, lambda, nu, tau, .. } = f.clone();
        (tau, Weights::Factors(ranker::Factors { dim, values, scales, gram, alpha0, lambda, nu }))
    } else if let Some(s) = term.downcast_ref::<SequenceEncoder>() {
        let sizes = [s.shape.heads, s.shape.blocks, s.shape.window, s.shape.hidden];
        let stored = ranker::Sequence { dim: s.shape.dim, sizes, table: s.table.clone(), scales: s.scales.clone(), blocks: s.blocks.clone() };
        (f32::INFINITY, Weights::Sequence(stored))
    } else {
        return Err(Error::Internal(format!("the term {name} has no place in a ranker shard")));
    };
    Ok(Trained { name, gain, tau, weights })
}

/// How far the best items stand out after one event of weight 1: the score of the tenth best ([`HEAD`]) above the mean of all, in
/// the mean over a seeded sample of the items that somebody met. 1 where no item stands out.
pub fn unit(blend: &Blend, counts: &[u32]) -> f32 {
    let mut met: Vec<u32> = (0..counts.len() as u32).filter(|&item| counts[item as usize] > 0).collect();
    Rng::new(1).shuffle(&mut met);
    met.truncate(SAMPLE);
    let rank = (counts.len() / 20).clamp(1, HEAD);
    let head = |&item: &u32| {
        let scores = blend.scores(&[Seen { item, age: 0.0, weight: 1.0 }]);
        let mean = scores.iter().map(|&score| f64::from(score)).sum::<f64>() / scores.len().max(1) as f64;
        top_k(&scores, rank).last().map_or(0.0, |&tenth| f64::from(scores[tenth as usize]) - mean)
    };
    let mean = met.iter().map(head).sum::<f64>() / met.len().max(1) as f64;
    if mean > 1e-9 { mean as f32 } else { 1.0 }
}
