//! One thing that the visitor did, checked on the way in.
//!
//! No message of this file holds a key or an event: it says which field is wrong and what it may be.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::format::history::EventRow;

/// Longest item key, in bytes.
pub const MAX_KEY: usize = 1024;
/// Largest magnitude of a value.
pub const MAX_VALUE: f64 = 1e9;
/// Most entries of a context.
pub const MAX_CONTEXT: usize = 16;
/// Longest context name or text value, in bytes.
pub const MAX_CONTEXT_TEXT: usize = 256;
/// Longest name of a call, in bytes.
const MAX_CALL: usize = 64;
/// Most terms that an event was shown with, and the largest magnitude of one.
const MAX_SHOWN: usize = 16;
const MAX_ADDEND: f32 = 1e3;
/// How far ahead of the device's clock an event may lie, in milliseconds: clocks differ, by a day at most.
const AHEAD: f64 = 86_400_000.0;

/// What kind of thing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    View,
    Click,
    Like,
    Dislike,
    Save,
    Purchase,
    Dismiss,
    Dwell,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Kind; 8] =
        [Kind::View, Kind::Click, Kind::Like, Kind::Dislike, Kind::Save, Kind::Purchase, Kind::Dismiss, Kind::Dwell];

    /// The name on the page and in exports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::View => "view",
            Kind::Click => "click",
            Kind::Like => "like",
            Kind::Dislike => "dislike",
            Kind::Save => "save",
            Kind::Purchase => "purchase",
            Kind::Dismiss => "dismiss",
            Kind::Dwell => "dwell",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it says something about the item by itself, rather than that the item was on the screen.
    pub fn is_act(self) -> bool {
        !matches!(self, Kind::View | Kind::Click | Kind::Dwell)
    }
}

/// One thing that the visitor did.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The item's key.
    pub item: String,
    pub kind: Kind,
    /// Milliseconds since 1970-01-01 UTC.
    pub at: f64,
    /// Seconds for `dwell`; a strength for the others (1 when absent).
    pub value: Option<f64>,
    /// The situation: texts, numbers and booleans by name.
    pub context: Map<String, Value>,
    /// Names the call that recorded it.
    pub call: Option<String>,
    /// What the score's terms said of the item in the list that it was met in, each against
    /// what they said of the list so far; empty where
    /// it was met elsewhere. This is what the learner on the device goes by.
    pub shown: BTreeMap<String, f32>,
}

impl Event {
    /// Checks a row that came from outside; `now` in milliseconds since 1970.
    ///
    /// `Error::Input` names the field that is wrong and what it may be.
    pub fn checked(row: EventRow, now: f64) -> Result<Event> {
        if row.item.is_empty() || row.item.len() > MAX_KEY {
            return Err(Error::input(format!(
                "An event's item has {} bytes. Pass an item's key, 1 to {MAX_KEY} bytes long.",
                row.item.len()
            )));
        }
        let kind = Kind::named(&row.event).ok_or_else(|| {
            let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            Error::input(format!("An event's kind is not known. Pass one of {}.", names.join(", ")))
        })?;
        if !row.at.is_finite() || row.at < 0.0 || row.at > now + AHEAD {
            return Err(Error::input(
                "An event's time is not a moment from 1970 to now. Pass milliseconds since 1970, or leave it out for now.",
            ));
        }
        if let Some(value) = row.value {
            check_value(kind, value)?;
        }
        check_context(&row.context)?;
        if row.call.as_ref().is_some_and(|call| call.len() > MAX_CALL) {
            return Err(Error::input(format!("An event's call has over {MAX_CALL} bytes. Leave it out.")));
        }
        if row.shown.len() > MAX_SHOWN || row.shown.iter().any(|(name, value)| name.len() > MAX_CALL || !(value.abs() <= MAX_ADDEND)) {
            return Err(Error::input(format!(
                "What an event was shown with is out of range. Pass at most {MAX_SHOWN} terms with -{MAX_ADDEND} to {MAX_ADDEND} each, or leave it out."
            )));
        }
        Ok(Event { item: row.item, kind, at: row.at, value: row.value, context: row.context, call: row.call, shown: row.shown })
    }

    /// The row that stands in the log and in exports.
    pub fn row(&self) -> EventRow {
        EventRow {
            item: self.item.clone(),
            event: self.kind.name().to_owned(),
            at: self.at,
            value: self.value,
            context: self.context.clone(),
            call: self.call.clone(),
            shown: self.shown.clone(),
        }
    }

    /// Whether both say the same (the call that recorded them and the list that they were met in aside).
    pub fn same(&self, other: &Event) -> bool {
        self.item == other.item
            && self.kind == other.kind
            && self.at == other.at
            && self.value == other.value
            && self.context == other.context
    }
}

fn check_value(kind: Kind, value: f64) -> Result<()> {
    let least = if kind == Kind::Dwell { 0.0 } else { -MAX_VALUE };
    if !value.is_finite() || value < least || value > MAX_VALUE {
        let what = if kind == Kind::Dwell { "seconds, 0 to 1e9" } else { "a finite number, -1e9 to 1e9" };
        return Err(Error::input(format!("An event's value is out of range. Pass {what}, or leave it out.")));
    }
    Ok(())
}

/// Checks a situation (of an event or of a recommendation): few, short, flat.
pub fn check_context(context: &Map<String, Value>) -> Result<()> {
    if context.len() > MAX_CONTEXT {
        return Err(Error::input(format!("A context has {} entries. Pass at most {MAX_CONTEXT}.", context.len())));
    }
    for (name, value) in context {
        let flat = match value {
            Value::String(text) => text.len() <= MAX_CONTEXT_TEXT,
            Value::Number(number) => number.as_f64().is_some_and(f64::is_finite),
            Value::Bool(_) | Value::Null => true,
            Value::Array(_) | Value::Object(_) => false,
        };
        if !flat || name.len() > MAX_CONTEXT_TEXT {
            return Err(Error::input(format!(
                "A context entry is not a short value. Pass texts of up to {MAX_CONTEXT_TEXT} bytes, numbers or booleans."
            )));
        }
    }
    Ok(())
}
