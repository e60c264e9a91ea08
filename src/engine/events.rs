//! The calls of a session that concern the history: record, forget, export, import.

use super::session::{Session, unknown_item};
use crate::error::{Error, Result};
use crate::format::history::{EventRow, read_export, write_export};
use crate::history::Event;
use crate::math::sort::stable;
use crate::platform::{Clock, Platform};

/// Most events of one call.
const MAX_BATCH: usize = 10_000;

/// What is to be forgotten.
#[derive(Debug, Clone, PartialEq)]
pub enum Forget {
    /// Every event of one item.
    Item(String),
    /// Every event before a time, in milliseconds since 1970.
    Before(f64),
    /// What was learned of how much the terms are worth; the events stay.
    Learned,
    /// Everything.
    All,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Events that were added.
    pub added: usize,
    /// Events that were there already.
    pub known: usize,
    /// Added events of items that this index does not have; they count when it has them again.
    pub unknown_items: usize,
}

impl<P: Platform> Session<P> {
    /// Records events; when this returns `Ok` they are at rest, all of them, and on an error none.
    ///
    /// Errors: `Error::Input` for a row that is out of range,
    /// `Error::NotFound` for an item that the index does not have, `Error::Quota` and `Error::Storage`.
    pub async fn record(&self, rows: Vec<EventRow>) -> Result<()> {
        self.check_open()?;
        if rows.len() > MAX_BATCH {
            return Err(Error::input(format!("{} events in one call. Pass at most {MAX_BATCH}.", rows.len())));
        }
        let now = self.world.clock().now();
        let catalog = self.snapshot().catalog.clone();
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let event = Event::checked(row, now)?;
            if catalog.ordinal(&event.item).is_none() {
                return Err(unknown_item());
            }
            events.push(event);
        }
        events.iter_mut().for_each(|event| self.learning.tell(event));
        let told: Vec<String> = events.iter().filter(|event| !event.shown.is_empty()).map(|event| event.item.clone()).collect();
        self.log.append(self.world.store(), self.world.seal(), events).await?;
        told.iter().for_each(|item| self.learning.forget(item));
        Ok(())
    }

    /// The time that a row without one gets.
    pub fn now(&self) -> f64 {
        self.world.clock().now()
    }

    /// Forgets for good: the file is rewritten without the events. Returns how many went (of how many nothing is learned any
    /// more, for [`Forget::Learned`]).
    pub async fn forget(&self, what: &Forget) -> Result<usize> {
        self.check_open()?;
        let (store, seal) = (self.world.store(), self.world.seal());
        match what {
            Forget::Item(key) => self.learning.forget(key),
            _ => self.learning.clear(),
        }
        match what {
            Forget::Item(key) => self.log.retain(store, seal, |event| event.item != *key).await,
            Forget::Before(time) if time.is_finite() => self.log.retain(store, seal, |event| event.at >= *time).await,
            Forget::Before(_) => Err(Error::input("before is no time. Pass a Date or milliseconds since 1970.")),
            Forget::Learned => self.log.clear_shown(store, seal).await,
            Forget::All => self.log.clear(store, seal).await,
        }
    }

    /// The whole history as the text of a file.
    pub async fn export_history(&self) -> Result<String> {
        self.check_open()?;
        self.refresh().await?;
        let rows = self.log.events().iter().map(|event| EventRow { call: None, ..event.row() }).collect();
        write_export(rows)
    }

    /// Adds the events of an export, oldest first; those that are there already are left out. All or none.
    pub async fn import_history(&self, text: &str) -> Result<Imported> {
        self.check_open()?;
        self.refresh().await?;
        let now = self.world.clock().now();
        let rows = read_export(text)?;
        let mut events = rows.into_iter().map(|row| Event::checked(row, now)).collect::<Result<Vec<_>>>()?;
        let total = events.len();
        {
            let known = self.log.events();
            let key = |event: &Event| (event.item.clone(), event.kind, event.at.to_bits());
            let mut seen: std::collections::HashSet<_> = known.iter().map(key).collect();
            events.retain(|event| seen.insert(key(event)));
        }
        stable(&mut events, &|a, b| a.at.total_cmp(&b.at));
        let added = events.len();
        let catalog = self.snapshot().catalog.clone();
        let unknown_items = events.iter().filter(|event| catalog.ordinal(&event.item).is_none()).count();
        if added > 0 {
            self.log.append(self.world.store(), self.world.seal(), events).await?;
        }
        Ok(Imported { added, known: total - added, unknown_items })
    }
}
