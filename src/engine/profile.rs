//! What the device believes about the visitor, laid open.

use super::session::Session;
use crate::error::Result;
use crate::history::Kind;
use crate::platform::Platform;
use crate::rank::content::Interest;

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

/// An interest or an aversion.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// Its part of all interests' weight (of all aversions', for an aversion), 0 to 1.
    pub share: f32,
    /// The items it was made of, heaviest first.
    pub items: Vec<Weighed>,
    /// Keys of the catalog's items that are nearest to it.
    pub near: Vec<String>,
}

/// What the device believes, and from which events.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub events: usize,
    /// How many events of each kind.
    pub kinds: Vec<(&'static str, usize)>,
    /// Time of the oldest and the newest event.
    pub span: Option<(f64, f64)>,
    pub likes: Vec<Belief>,
    pub dislikes: Vec<Belief>,
    /// Events of items that this index does not have; they are kept and count nothing.
    pub unknown_items: usize,
}

impl<P: Platform> Session<P> {
    /// What the device believes now.
    pub async fn profile(&self) -> Result<Profile> {
        self.check_open()?;
        self.refresh().await?;
        let snapshot = self.snapshot();
        let catalog = &snapshot.catalog;
        let events = self.log.events();
        let (taste, _) = self.taste(&snapshot, &events, &serde_json::Map::new());
        let beliefs = |interests: &[Interest]| -> Result<Vec<Belief>> {
            let total: f32 = interests.iter().map(|interest| interest.weight).sum();
            let mut beliefs = Vec::with_capacity(interests.len());
            let mut scores = vec![0.0; catalog.len()];
            for interest in interests {
                let items: Vec<Weighed> = interest
                    .members
                    .iter()
                    .map(|member| Weighed {
                        key: catalog.key(member.ordinal).to_owned(),
                        weight: member.weight,
                        events: member
                            .events
                            .iter()
                            .filter_map(|found| events.get(found.event).map(|event| (event.kind.name(), event.at, found.weight)))
                            .collect(),
                    })
                    .collect();
                catalog.scan(interest.center(), &mut scores)?;
                let near = catalog.top_k(&scores, NEAR, |_| true);
                let near = near.into_iter().map(|(ordinal, _)| catalog.key(ordinal).to_owned()).collect();
                beliefs.push(Belief { share: interest.weight / total, items, near });
            }
            Ok(beliefs)
        };
        let count = |kind: Kind| (kind.name(), events.iter().filter(|event| event.kind == kind).count());
        let times = events.iter().map(|event| event.at);
        let span = times.clone().reduce(f64::min).zip(times.reduce(f64::max));
        Ok(Profile {
            events: events.len(),
            kinds: Kind::ALL.into_iter().map(count).filter(|(_, count)| *count > 0).collect(),
            span,
            likes: beliefs(&taste.likes)?,
            dislikes: beliefs(&taste.dislikes)?,
            unknown_items: events.iter().filter(|event| catalog.ordinal(&event.item).is_none()).count(),
        })
    }
}
