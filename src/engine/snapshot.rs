//! One index, opened: what lists are drawn from until another one takes its place.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::error::Result;
use crate::format::manifest::{Kind, Manifest};
use crate::index::catalog::Catalog;
use crate::rank::content::Spread;
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
    /// 0 to 1 by ordinal, where the catalog says something of it.
    pub popularity: Option<Rc<Vec<f32>>>,
    masks: RefCell<Vec<Mask>>,
}

impl Snapshot {
    /// Opens an index from its verified shards, in the manifest's order.
    pub fn open(manifest: Manifest, shards: Vec<(Kind, Vec<u8>)>) -> Result<Snapshot> {
        let items = shards.into_iter().filter(|(kind, _)| *kind == Kind::Items).map(|(_, bytes)| Arc::new(bytes));
        let catalog = Rc::new(Catalog::open(&manifest, items.collect())?);
        let spread = Spread::of(&catalog);
        let popularity = popularity::of(&catalog).map(Rc::new);
        Ok(Snapshot { manifest, catalog, spread, popularity, masks: RefCell::default() })
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
