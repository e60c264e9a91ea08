//! One index, opened: what lists are drawn from until another one takes its place.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::compute::cpu::isa::Isa;
use crate::error::{Error, Result};
use crate::format::manifest::{Kind, Manifest};
use crate::format::ranker::Ranker;
use crate::fuse::{Film, Fuser};
use crate::index::catalog::{Catalog, VIDEO};
use crate::rank::content::Spread;
use crate::rank::learned::shipped::Shipped;
use crate::rank::popularity;
use crate::rank::rules::Filter;

/// Filters whose outcome is kept.
const MASKS: usize = 8;

type Mask = (Filter, Rc<Vec<bool>>);

/// An opened index.
pub struct Snapshot {
    pub manifest: Manifest,
    pub catalog: Rc<Catalog>,
    pub spread: Spread,
    /// 0 to 1 by ordinal, where the ranker or the catalog says something of it.
    pub popularity: Option<Rc<Vec<f32>>>,
    /// What the publisher trained, if the index has it.
    pub trained: Option<Shipped>,
    /// What joins the modalities of a query, where the index's vectors are joined ones.
    pub fusion: Option<Fuser>,
    /// What reads films, where the index has vectors of them.
    pub film: Option<Film>,
    masks: RefCell<Vec<Mask>>,
}

impl Snapshot {
    /// Opens an index from its verified shards, in the manifest's order.
    pub fn open(manifest: Manifest, shards: Vec<(Kind, Vec<u8>)>) -> Result<Snapshot> {
        let (items, rest): (Vec<_>, Vec<_>) = shards.into_iter().partition(|(kind, _)| *kind == Kind::Items);
        let catalog = Rc::new(Catalog::open(&manifest, items.into_iter().map(|(_, bytes)| Arc::new(bytes)).collect())?);
        let mut rest: BTreeMap<Kind, Vec<u8>> = rest.into_iter().collect();
        let fusion = fusion(rest.remove(&Kind::Fusion), &catalog)?;
        let film = film(rest.remove(&Kind::Film), &catalog)?;
        let trained = rest.remove(&Kind::Ranker).map(|bytes| trained(bytes, &manifest, &catalog)).transpose()?;
        let spread = Spread::of(&catalog);
        let counted = trained.as_ref().and_then(|trained| popularity::of_counts(&trained.popularity));
        let popularity = counted.or_else(|| popularity::of(&catalog)).map(Rc::new);
        Ok(Snapshot { manifest, catalog, spread, popularity, trained, fusion, film, masks: RefCell::default() })
    }

    /// Which items a filter allows; worked out once for each of the last few filters.
    pub fn mask(&self, filter: &Filter) -> Option<Rc<Vec<bool>>> {
        if filter.is_empty() {
            return None;
        }
        let mut masks = self.masks.borrow_mut();
        if let Some(place) = masks.iter().position(|(known, _)| known == filter) {
            let found = masks.remove(place);
            let mask = found.1.clone();
            masks.push(found);
            return Some(mask);
        }
        let mask = Rc::new(filter.mask(&self.catalog));
        if masks.len() >= MASKS {
            masks.remove(0);
        }
        masks.push((filter.clone(), mask.clone()));
        Some(mask)
    }
}

/// The fusion that made the catalog's vectors. Its products are small: plain instructions do, and are the same everywhere.
fn fusion(bytes: Option<Vec<u8>>, catalog: &Catalog) -> Result<Option<Fuser>> {
    if !catalog.is_fused() {
        return Ok(None);
    }
    let bytes = bytes.ok_or_else(|| Error::corrupt("the manifest", "its vectors are fused ones, and it names no fusion"))?;
    let fuser = Fuser::open(bytes, Isa::plain())?;
    super::model::check(fuser.id(), fuser.dim(), catalog.model())?;
    Ok(Some(fuser))
}

/// What made the catalog's vectors of films.
fn film(bytes: Option<Vec<u8>>, catalog: &Catalog) -> Result<Option<Film>> {
    let Some(model) = catalog.other_model(VIDEO) else { return Ok(None) };
    let bytes = bytes.ok_or_else(|| Error::corrupt("the manifest", "it has vectors of films, and nothing that reads films"))?;
    let film = Film::open(bytes, Isa::plain())?;
    super::model::check(film.id(), film.dim(), model)?;
    Ok(Some(film))
}

fn trained(bytes: Vec<u8>, manifest: &Manifest, catalog: &Catalog) -> Result<Shipped> {
    let what = manifest.shards_of(&Kind::Ranker).next().map_or("the ranker", |shard| &shard.file);
    let ranker = Ranker::parse(bytes, what)?;
    if ranker.popularity.len() != catalog.len() || ranker.keys != catalog.keys_hash() {
        return Err(Error::Mismatch(format!("{what} was learned for other items than the index has. Build the index again, items and interactions in one call.")));
    }
    Shipped::open(ranker, what)
}
