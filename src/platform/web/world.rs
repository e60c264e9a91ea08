//! Everything of a browser's worker that one session needs, opened together.

use super::shared::Shared;
use super::store::{Preference, WebStore};
use super::{WebClock, WebFetch, WebSeal};
use crate::error::{Error, Result};
use crate::platform::{Store, World};

/// A browser's worker.
pub type WebWorld = World<WebStore, WebFetch, WebClock, WebSeal>;

/// What was found while opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `opfs`, `indexeddb` or `memory`.
    pub store: &'static str,
    /// Why it is that one.
    pub why: String,
    /// Whether the browser has cleared what an earlier visit had stored.
    pub evicted: bool,
    /// Whether tabs can take turns; without that, two tabs may get in each other's way.
    pub locks: bool,
}

/// Opens the store of `space` for a session that keeps nothing of the visitor's: without a key, which takes as long as a megabyte's
/// download.
pub async fn open_keyless(space: &str, preference: Preference) -> Result<(WebWorld, Found)> {
    let store = WebStore::open(space, preference).await?;
    let found = Found { store: store.name(), why: store.why.clone(), evicted: false, locks: Shared::has_locks() };
    Ok((World { store, fetch: WebFetch::default(), clock: WebClock, seal: WebSeal::keyless()? }, found))
}

/// Opens the store and the key of `space`.
///
/// A history that nobody can open again is worse than one that ends with the visit: where the browser keeps no key,
/// nothing is kept (`Error::Storage` if a lasting store was asked for by name).
pub async fn open(space: &str, preference: Preference) -> Result<(WebWorld, Found)> {
    let mut store = WebStore::open(space, preference).await?;
    let seal = WebSeal::open(space, store.is_lasting()).await?;
    if store.is_lasting() && !seal.lasting {
        if preference != Preference::Auto {
            return Err(Error::Storage("The browser keeps no key for this page, so no history can be stored. Allow the site to store data, or open with store: 'memory'.".to_owned()));
        }
        store = WebStore::memory(space, "the browser keeps no key for this page, so nothing could be read again".to_owned());
    }
    let evicted = seal.known && store.list().await?.is_empty();
    let found = Found { store: store.name(), why: store.why.clone(), evicted, locks: Shared::has_locks() };
    Ok((World { store, fetch: WebFetch::default(), clock: WebClock, seal }, found))
}
