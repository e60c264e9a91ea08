//! What the scores of a session's lists are made of, and how the parts are weighed against each other.
//!
//! A content pull of full confidence is 1 at a cosine of 1; everything is weighed against that. The trained ranker
//! ([`crate::rank::learned`]) is met in its own unit: how far its best items stand above the mean after one event. Those
//! that others met together with the history stand out, and the more so the longer it is; there it decides. Of the rest,
//! and of items that nobody met yet, it says next to nothing: there content decides. Popularity fades with the history.
//!
//! Not here: the terms (`rank`), and what events weigh (`history::weights`).

use std::collections::HashMap;
use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::error::Result;
use crate::history::{Event, Evidence};
use crate::rank::clock::Time;
use crate::rank::content::{HALF_CONFIDENCE, Pull, Taste, Toward};
use crate::rank::learned::blend::Scale;
use crate::rank::learned::held::Held;
use crate::rank::learned::terms::Seen;
use crate::rank::popularity::Popularity;
use crate::rank::term::Term;

/// Weight of one unit of the trained ranker's scores. On MovieLens' films (608 people's last liked one, held out; MiniLM
/// vectors) half of it to five times as much finds them as often to within 0.02 of HR@20, for any length of the history;
/// the less it weighs, the more films that nobody met yet are shown.
const TRAINED: f32 = 0.2;
/// Weight of popularity before any history; it falls with every item that counts.
const POPULARITY: f32 = 0.3;
/// Weight of the situation's text against a taste of full confidence.
const SITUATION: f32 = 0.6;
/// Weight of what is typical of the catalog, where nothing else is known.
const TYPICAL: f32 = 0.2;
/// Least variety where nothing is known of the visitor.
pub const FIRST_VARIETY: f32 = 0.6;

/// The visitor's past: events, and what of them counts now (newest first).
pub struct Past<'a> {
    pub events: &'a [Event],
    pub evidence: &'a [Evidence],
}

impl Past<'_> {
    /// What it says in terms of content.
    pub fn taste(&self, snapshot: &Snapshot) -> Taste {
        Taste::of(&snapshot.catalog, &snapshot.spread, self.events, self.evidence)
    }

    /// What of it draws, for calibration: ordinals with weights above 0.
    pub fn liked(&self, snapshot: &Snapshot) -> Vec<(u32, f64)> {
        let found = |found: &Evidence| Some((snapshot.catalog.ordinal(&self.events.get(found.event)?.item)?, found.weight));
        self.evidence.iter().filter(|found| found.weight > 0.0).filter_map(found).collect()
    }

    /// What it says to trained terms: oldest first, with the position of each one's event. An event's age is the number
    /// of items of the catalog that came after it.
    fn seen(&self, snapshot: &Snapshot) -> (Vec<Seen>, Vec<usize>) {
        let mut ages: HashMap<u32, f32> = HashMap::new();
        let mut seen = Vec::with_capacity(self.evidence.len());
        for found in self.evidence {
            let ordinal = self.events.get(found.event).and_then(|event| snapshot.catalog.ordinal(&event.item));
            if let Some(item) = ordinal {
                let next = ages.len() as f32;
                let age = *ages.entry(item).or_insert(next);
                seen.push((Seen { item, age, weight: found.weight as f32 }, found.event));
            }
        }
        seen.into_iter().rev().unzip()
    }
}

/// The situation, as far as terms speak of it.
#[derive(Default)]
pub struct Situation {
    /// Its text's cosine with each item, `[items]`.
    pub text: Option<Vec<f32>>,
    /// The part of the week, see [`crate::rank::clock`].
    pub part: Option<usize>,
}

/// The terms of a list of recommendations, and whether the visitor is a stranger still.
pub fn recommend(
    snapshot: &Snapshot,
    past: &Past<'_>,
    taste: &Taste,
    situation: Situation,
    popularity: Option<f64>,
) -> Result<(Vec<Box<dyn Term>>, bool)> {
    let mut terms = pulls(snapshot, taste, 1.0)?;
    let trained = trained(snapshot, past, 1.0);
    let stranger = taste.likes.is_empty() && trained.is_none() && situation.text.is_none();
    if let Some(trained) = trained {
        terms.push(Box::new(trained));
    }
    if let Some(clock) = snapshot.trained.as_ref().and_then(|trained| trained.clock.as_ref())
        && let Some(part) = situation.part
    {
        terms.push(Box::new(Time::new(clock, part, TRAINED, snapshot.catalog.len())));
    }
    if let Some(cosines) = situation.text {
        terms.push(Box::new(Toward::of("context", cosines, SITUATION)));
    }
    if let Some(values) = &snapshot.popularity {
        let weight = popularity.map_or(POPULARITY / (1.0 + past.evidence.len() as f32), |weight| weight as f32);
        terms.push(Box::new(Popularity::new(values.clone(), weight)));
    }
    if stranger && snapshot.popularity.is_none() {
        terms.push(Box::new(Toward::new("typical", &snapshot.catalog, &snapshot.spread.mean, TYPICAL)?));
    }
    Ok((terms, stranger))
}

/// What the visitor likes draws, what he does not pushes, by content.
pub fn pulls(snapshot: &Snapshot, taste: &Taste, weight: f32) -> Result<Vec<Box<dyn Term>>> {
    let mut terms: Vec<Box<dyn Term>> = Vec::new();
    if !taste.likes.is_empty() {
        terms.push(Box::new(Pull::likes(&snapshot.catalog, taste, weight)?));
    }
    if !taste.dislikes.is_empty() {
        terms.push(Box::new(Pull::dislikes(&snapshot.catalog, taste, &snapshot.spread, weight)?));
    }
    Ok(terms)
}

/// The terms of a search that say what the visitor likes, times `weight`.
pub fn personal(snapshot: &Snapshot, past: &Past<'_>, taste: &Taste, weight: f32) -> Result<Vec<Box<dyn Term>>> {
    let mut terms = pulls(snapshot, taste, weight)?;
    terms.extend(trained(snapshot, past, weight).map(|held| Box::new(held) as Box<dyn Term>));
    Ok(terms)
}

/// What is like one item: by content (its cosines with all items, if it has a vector), and what others met beside it.
pub fn similar(snapshot: &Snapshot, ordinal: u32, cosines: Option<Vec<f32>>) -> Vec<Box<dyn Term>> {
    let mut terms: Vec<Box<dyn Term>> = Vec::new();
    terms.extend(cosines.map(|cosines| Box::new(Toward::of("similar", cosines, 1.0)) as Box<dyn Term>));
    let met = Seen { item: ordinal, age: 0.0, weight: 1.0 };
    terms.extend(held(snapshot, vec![met], Vec::new(), 1.0).map(|held| Box::new(held) as Box<dyn Term>));
    terms
}

/// The publisher's ranker over the past, times `weight`.
fn trained(snapshot: &Snapshot, past: &Past<'_>, weight: f32) -> Option<Held> {
    let (history, events) = past.seen(snapshot);
    held(snapshot, history, events, weight)
}

/// The publisher's ranker over a history; `None` where the index has none, or where nothing was liked: what others met
/// beside a disliked item says little by itself.
fn held(snapshot: &Snapshot, history: Vec<Seen>, events: Vec<usize>, weight: f32) -> Option<Held> {
    let shipped = snapshot.trained.as_ref()?;
    let liked: f32 = history.iter().map(|seen| seen.weight.max(0.0)).sum();
    if liked <= 0.0 {
        return None;
    }
    // A blend by deviations has lost how much the events weigh.
    let confidence = match shipped.blend.scale {
        Scale::Raw => 1.0,
        Scale::Deviation => liked / (liked + HALF_CONFIDENCE),
    };
    let blend = Arc::new(shipped.blend.at(&history));
    Some(Held::new("trained", blend, weight * TRAINED * confidence / shipped.unit, history, events))
}
