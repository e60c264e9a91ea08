//! What the device believes about the visitor, laid open.

use serde_json::Map;

use super::learning::TERMS;
use super::session::Session;
use super::snapshot::Snapshot;
use crate::error::Result;
use crate::history::{Event, Evidence};
use crate::platform::Platform;
use crate::rank::content::{Interest, Member, Taste};
use crate::rank::list::WORTH;

/// Items that show what an interest reaches.
const NEAR: usize = 6;

/// An item of the history with what it weighs.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    pub key: String,
    /// Signed, decayed.
    pub weight: f32,
    /// The events behind it: name, time (milliseconds since 1970), weight; newest first.
    pub events: Vec<(&'static str, f64, f64)>,
}

/// An interest, or an aversion.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// Sum of its items' weights: negative for an aversion.
    pub weight: f32,
    /// Its part of all interests' weight (of all aversions', for an aversion), 0 to 1.
    pub share: f32,
    /// The items it was made of, heaviest first.
    pub items: Vec<Weighed>,
    /// Keys of the catalog's items that are nearest to it.
    pub near: Vec<String>,
}

/// One event of the history and what it weighs now.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    pub event: Event,
    /// 0 where it does not count (any more).
    pub weight: f64,
}

/// How much one term of the scores is worth to the visitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Worth {
    pub term: &'static str,
    /// What its addends are multiplied with; 1 as shipped.
    pub factor: f64,
    /// How uncertain that is: the posterior's standard deviation.
    pub deviation: f64,
}

/// What the device believes, and from which events.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// In the order they were recorded.
    pub events: Vec<Remembered>,
    /// Interests, heaviest first, then aversions, heaviest first.
    pub interests: Vec<Belief>,
    /// What was learned from the lists' items that were acted on or turned down.
    pub learned: Vec<Worth>,
    /// How many such there were.
    pub observations: u64,
    /// Events of items that this index does not have; they are kept and count nothing.
    pub unknown_items: usize,
}

impl<P: Platform> Session<P> {
    /// What the device believes now.
    pub async fn profile(&self) -> Result<Profile> {
        self.check_open()?;
        self.refresh().await?;
        let snapshot = self.snapshot();
        let (version, events) = (self.log.version(), self.log.events());
        let evidence = self.weigh(&events, &Map::new());
        let taste = Taste::of(&snapshot.catalog, &snapshot.spread, &events, &evidence);
        let _held = self.scans.ahead(&snapshot.catalog, &taste).await;
        let mut remembered: Vec<Remembered> = events.iter().map(|event| Remembered { event: event.clone(), weight: 0.0 }).collect();
        for found in &evidence {
            remembered[found.event].weight = found.weight;
        }
        let mut interests = beliefs(&snapshot, &taste.likes, &events, 1.0)?;
        interests.extend(beliefs(&snapshot, &taste.dislikes, &events, -1.0)?);
        let unknown_items = events.iter().filter(|event| snapshot.catalog.ordinal(&event.item).is_none()).count();
        let learner = self.learning.learner(version, &events);
        let worth = |(place, (term, deviation)): (usize, (&&'static str, f64))| {
            let factor = learner.weights()[place].clamp(WORTH.0, WORTH.1);
            Worth { term, factor, deviation }
        };
        let learned = TERMS.iter().zip(learner.deviations()).enumerate().map(worth).collect();
        Ok(Profile { events: remembered, interests, learned, observations: learner.observations(), unknown_items })
    }
}

fn beliefs(snapshot: &Snapshot, interests: &[Interest], events: &[Event], sign: f32) -> Result<Vec<Belief>> {
    let catalog = &snapshot.catalog;
    let total: f32 = interests.iter().map(|interest| interest.weight).sum();
    let mut beliefs = Vec::with_capacity(interests.len());
    let centers: Vec<&[f32]> = interests.iter().map(Interest::center).collect();
    for (interest, cosines) in interests.iter().zip(catalog.cosines(&centers)?) {
        let told = |found: &Evidence| events.get(found.event).map(|event| (event.kind.name(), event.at, found.weight));
        let weighed = |member: &Member| Weighed {
            key: catalog.key(member.ordinal).to_owned(),
            weight: member.weight,
            events: member.events.iter().filter_map(told).collect(),
        };
        let near = catalog.top_k(&cosines, NEAR, |_| true);
        beliefs.push(Belief {
            weight: sign * interest.weight,
            share: interest.weight / total,
            items: interest.members.iter().map(weighed).collect(),
            near: near.into_iter().map(|(ordinal, _)| catalog.key(ordinal).to_owned()).collect(),
        });
    }
    Ok(beliefs)
}
