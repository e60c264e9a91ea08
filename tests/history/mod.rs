//! The sealed log: crashes, flipped bits, two tabs, forgetting. And what events weigh.

mod event;
mod log;
mod tabs;
mod weights;

use palate::format::history::EventRow;
use palate::history::{Event, Kind};

/// An event of `item` at `at`, checked.
pub fn event(item: &str, kind: Kind, at: f64) -> Event {
    let row = EventRow {
        item: item.to_owned(),
        event: kind.name().to_owned(),
        at,
        value: None,
        context: serde_json::Map::new(),
        call: None,
        shown: Default::default(),
    };
    Event::checked(row, at).unwrap()
}
