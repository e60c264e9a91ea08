//! From the best candidates to the list: variety, the visitor's own mix, fairness to providers, caps, in this order.
//!
//! Every stage picks greedily, so that the first k of a longer list are what it would pick for k. A stage that stands
//! behind another goes by the places that the other gave. Not here: exploration (`explore`), hard filters (`rules`).

use std::collections::HashMap;

use super::calibrate::{calibrate, distribution};
use super::correct::{cap_sources, fair_exposure};
use super::determinantal::determinantal;
use super::diversify::diversify;
use super::facets::Facets;
use crate::error::{Error, Result};
use crate::index::catalog::Catalog;

/// How variety is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variety {
    /// Maximal marginal relevance, see [`super::diversify`].
    #[default]
    Mmr,
    /// A determinantal point process, see [`super::determinantal`].
    Dpp,
}

impl Variety {
    /// The way of that name on the page.
    pub fn named(name: &str) -> Result<Variety> {
        match name {
            "mmr" => Ok(Variety::Mmr),
            "dpp" => Ok(Variety::Dpp),
            _ => Err(Error::input("The kind of variety is not known. Pass 'mmr' or 'dpp'.")),
        }
    }
}

/// A metadata field and how much it counts against the score, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Aim {
    pub field: String,
    pub weight: f64,
}

/// At most so many items of one value of a metadata field; the first of a list of values counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Cap {
    pub field: String,
    pub most: usize,
}

/// How the best candidates become a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arrangement {
    pub variety: Variety,
    /// 0 (by score alone) to 1 (variety alone).
    pub diversity: f32,
    /// The mix of the list is to be like the history's in this field.
    pub calibrate: Option<Aim>,
    /// Attention (exposure by place) is to be shared among this field's values by merit.
    pub fair: Option<Aim>,
    pub cap: Option<Cap>,
}

/// Candidates per slot that the stages choose from.
const POOL: usize = 6;
/// Fewest candidates that they choose from.
const LEAST_POOL: usize = 60;
/// Slots that are filled by volume at most: its cost grows with their square.
const MOST_BY_VOLUME: usize = 100;

impl Arrangement {
    /// How many candidates a list of `k` is chosen from.
    pub fn pool(&self, k: usize) -> usize {
        if self.diversity > 0.0 || self.has_later() { k.saturating_mul(POOL).max(LEAST_POOL) } else { k }
    }

    /// Whether a stage stands behind variety.
    fn has_later(&self) -> bool {
        self.calibrate.is_some() || self.fair.is_some() || self.cap.is_some()
    }

    /// The sources that the cap counts; without a cap no item has one.
    pub fn sources<'a>(&'a self, catalog: &'a Catalog) -> Sources<'a> {
        Sources { catalog, cap: self.cap.as_ref(), facets: Facets::default(), met: HashMap::new() }
    }

    /// The list of `k` out of `candidates` (best first: ordinal and score). `liked`: ordinals of the history with their
    /// weights above 0, which calibration goes by.
    pub fn pick(&self, catalog: &Catalog, candidates: &[(u32, f32)], liked: &[(u32, f64)], k: usize) -> Vec<u32> {
        if !self.has_later() {
            return self.varied(catalog, candidates, k).into_iter().map(|at| candidates[at].0).collect();
        }
        // What later stages have to choose from.
        let mut order = self.varied(catalog, candidates, candidates.len());
        let mut merits = self.merits(candidates, &order);
        if let Some(aim) = &self.calibrate
            && let Some(picked) = calibrated(catalog, candidates, &order, &merits, liked, aim)
        {
            order = picked;
            merits = by_place(order.len());
        }
        if let Some(aim) = &self.fair {
            let mut facets = Facets::default();
            let provider = |&at: &usize| facets.of(catalog, candidates[at].0, &aim.field).first().map_or(usize::MAX, |&n| n as usize);
            let providers: Vec<usize> = order.iter().map(provider).collect();
            let offered: Vec<(f32, usize)> = merits.iter().map(|&merit| merit as f32).zip(providers).collect();
            let picked = fair_exposure(&offered, &mut vec![0.0; facets.len()], offered.len(), aim.weight);
            order = picked.into_iter().map(|place| order[place]).collect();
        }
        let ordered: Vec<u32> = order.into_iter().map(|at| candidates[at].0).collect();
        match &self.cap {
            Some(cap) => {
                let mut sources = self.sources(catalog);
                cap_sources(&ordered, |ordinal| sources.of(ordinal), k, cap.most)
            }
            None => ordered.into_iter().take(k).collect(),
        }
    }

    /// Positions in `candidates`, `k` of them, in the order of variety; all that follow where volume gives up.
    fn varied(&self, catalog: &Catalog, candidates: &[(u32, f32)], k: usize) -> Vec<usize> {
        if self.diversity <= 0.0 {
            return (0..k.min(candidates.len())).collect();
        }
        let vectors: Vec<Vec<f32>> = candidates.iter().map(|&(ordinal, _)| catalog.vector(ordinal)).collect();
        match self.variety {
            Variety::Mmr => diversify(candidates, &vectors, k, self.diversity),
            Variety::Dpp => {
                let mut picked = determinantal(candidates, &vectors, k.min(MOST_BY_VOLUME), self.diversity);
                let mut taken = vec![false; candidates.len()];
                picked.iter().for_each(|&at| taken[at] = true);
                picked.extend((0..candidates.len()).filter(|&at| !taken[at]));
                picked.truncate(k);
                picked
            }
        }
    }

    /// What each of `order` is worth to the next stage, 0 to 1: by score, or by place where variety gave the places.
    fn merits(&self, candidates: &[(u32, f32)], order: &[usize]) -> Vec<f64> {
        if self.diversity > 0.0 {
            return by_place(order.len());
        }
        let scores: Vec<f64> = order.iter().map(|&at| f64::from(candidates[at].1)).collect();
        let (low, high) = scores.iter().fold((f64::MAX, f64::MIN), |(low, high), &score| (low.min(score), high.max(score)));
        scores.into_iter().map(|score| if high > low { (score - low) / (high - low) } else { 1.0 }).collect()
    }
}

/// What a cap counts items by.
pub struct Sources<'a> {
    catalog: &'a Catalog,
    cap: Option<&'a Cap>,
    facets: Facets,
    met: HashMap<u32, Option<u32>>,
}

impl Sources<'_> {
    /// The source of an item, if it has one.
    pub fn of(&mut self, ordinal: u32) -> Option<u32> {
        let cap = self.cap?;
        let (catalog, facets) = (self.catalog, &mut self.facets);
        *self.met.entry(ordinal).or_insert_with(|| facets.of(catalog, ordinal, &cap.field).first().copied())
    }

    /// The sources that have as many of `list` as the cap allows.
    pub fn full(&mut self, list: impl Iterator<Item = u32>) -> Vec<u32> {
        let Some(most) = self.cap.map(|cap| cap.most) else { return Vec::new() };
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for ordinal in list {
            if let Some(source) = self.of(ordinal) {
                *counts.entry(source).or_default() += 1;
            }
        }
        counts.into_iter().filter(|(_, count)| *count >= most).map(|(source, _)| source).collect()
    }
}

fn by_place(count: usize) -> Vec<f64> {
    (0..count).map(|place| 1.0 - place as f64 / count.max(1) as f64).collect()
}

/// `order` calibrated; `None` where the history says nothing of the field.
fn calibrated(catalog: &Catalog, candidates: &[(u32, f32)], order: &[usize], merits: &[f64], liked: &[(u32, f64)], aim: &Aim) -> Option<Vec<usize>> {
    let mut facets = Facets::default();
    let past: Vec<(Vec<u32>, f64)> = liked.iter().map(|&(ordinal, weight)| (facets.of(catalog, ordinal, &aim.field), weight)).collect();
    let target = distribution(past.iter().map(|(values, weight)| (values.as_slice(), *weight)), facets.len())?;
    let values: Vec<Vec<u32>> = order.iter().map(|&at| facets.of(catalog, candidates[at].0, &aim.field)).collect();
    let values: Vec<&[u32]> = values.iter().map(Vec::as_slice).collect();
    let picked = calibrate(merits, &values, &target, order.len(), aim.weight);
    Some(picked.into_iter().map(|place| order[place]).collect())
}
