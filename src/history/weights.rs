//! From events to evidence: one signed, decayed weight per event that still counts.
//!
//! Not here: vectors, interests and scores; those are in `rank`.
//!
//! weight = base(kind, value) · exp(-age / tau) · exp(-position / window) · match(context)
//!
//! with age in days, position counted from the newest item back. A later like or dislike of an item replaces the
//! earlier ones, so that a changed mind is believed.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::event::{Event, Kind};

const DAY: f64 = 86_400_000.0;

/// What events weigh, and how fast that fades.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Age in days after which a weight has fallen to 1/e.
    pub tau_days: f64,
    /// Number of later items after which a weight has fallen to 1/e.
    pub window: f64,
    /// Most items that count, newest first: by the default window all others together would weigh 0.13 % of what these do.
    pub most: usize,
    /// Factor for events that were recorded in the same situation (each matching context entry, once).
    pub same_context: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tau_days: 60.0, window: 60.0, most: 400, same_context: 1.5 }
    }
}

/// One event that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Position in the slice of events that was weighed.
    pub event: usize,
    /// Signed: positive draws near, negative pushes away.
    pub weight: f64,
}

/// What an event weighs when it is fresh. Chosen so that one like outweighs several views, and a purchase a like;
/// a dwell reaches a like's half after a minute.
pub fn base(kind: Kind, value: Option<f64>) -> f64 {
    let plain = match kind {
        Kind::View => 0.1,
        Kind::Click => 0.25,
        Kind::Like => 1.0,
        Kind::Dislike => -1.0,
        Kind::Save => 0.8,
        Kind::Purchase => 1.2,
        Kind::Dismiss => -0.4,
        Kind::Dwell => return 0.8 * (1.0 - (-value.unwrap_or(0.0).max(0.0) / 60.0).exp()),
    };
    plain * value.map_or(1.0, |strength| strength.clamp(0.0, 3.0))
}

/// Weighs `events` (oldest first) at the time `now` (milliseconds since 1970) in the situation `context`.
/// Newest first; events that weigh nothing are left out.
pub fn weigh(events: &[Event], now: f64, context: &Map<String, Value>, settings: &Settings) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut judged: HashMap<&str, ()> = HashMap::new();
    for (index, event) in events.iter().enumerate().rev() {
        let fresh = positions.len();
        let position = match positions.get(event.item.as_str()) {
            Some(&position) => position,
            None if fresh >= settings.most => continue,
            None => {
                positions.insert(&event.item, fresh);
                fresh
            }
        };
        if matches!(event.kind, Kind::Like | Kind::Dislike) && judged.insert(&event.item, ()).is_some() {
            continue;
        }
        let age = ((now - event.at) / DAY).max(0.0);
        let weight = base(event.kind, event.value)
            * (-age / settings.tau_days).exp()
            * (-(position as f64) / settings.window).exp()
            * situation(&event.context, context, settings.same_context);
        if weight.abs() > 1e-6 {
            evidence.push(Evidence { event: index, weight });
        }
    }
    evidence
}

fn situation(then: &Map<String, Value>, now: &Map<String, Value>, factor: f64) -> f64 {
    let same = |name: &&String| then.get(name.as_str()).is_some_and(|value| Some(value) == now.get(name.as_str()));
    // The visitor's words are compared by meaning, in `rank`, not as a name.
    let matching = now.keys().filter(|name| name.as_str() != "text").filter(same).count();
    factor.powi(i32::try_from(matching).unwrap_or(0))
}
