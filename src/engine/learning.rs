//! What the device learns of its visitor beside the events themselves: how much each term is worth to him.
//!
//! When he acts on an item of a list or dismisses it, the event keeps what the terms had said of the item, each against what
//! they said of the list so far ([`crate::history::Event::shown`], sealed like everything of the event). The learner is a replay of those
//! events in their order: another tab, an import or a device that starts again comes to the same, and what is forgotten
//! was never learned. Not here: the learner's mathematics (`rank::learner`).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::history::{Event, Kind};
use crate::rank::learner::Learner;
use crate::rank::list::{Doubt, Listed};
use crate::rank::term::Term;

/// The terms whose worth is learned.
pub const TERMS: [&str; 6] = ["liked", "disliked", "trained", "context", "time", "popularity"];
/// How much likelier acting becomes with the score, as a factor of the log-odds a unit of score: an item that stands 0.25
/// above the list's mean is acted on about three times as often as one at the mean.
const SHARPNESS: f64 = 4.0;
/// Observations of unit size that the publisher's weights are worth: a weight's deviation starts at a half of it.
const TRUST: f64 = 16.0;
/// Observations that count, the newest.
const MOST: usize = 1000;
/// Lines of a list that everybody sees who sees the first.
const SCREEN: usize = 20;
/// Items of past lists that are remembered, to learn from what happens to them.
const REMEMBERED: usize = 2000;

/// Whether the visitor acted on the item or turned it down; `None`: neither.
fn outcome(event: &Event) -> Option<bool> {
    if event.value.is_some_and(|strength| strength <= 0.0) {
        return None;
    }
    match event.kind {
        Kind::Like | Kind::Save | Kind::Purchase => Some(true),
        Kind::Dislike | Kind::Dismiss => Some(false),
        Kind::View | Kind::Click | Kind::Dwell => None,
    }
}

/// The learner after `events`, oldest first.
pub fn replay(events: &[Event]) -> Learner {
    let mut learner = Learner::new(&[1.0; TERMS.len()], TRUST);
    let told: Vec<(&Event, bool)> =
        events.iter().filter(|event| !event.shown.is_empty()).filter_map(|event| Some((event, outcome(event)?))).collect();
    for (event, acted) in &told[told.len().saturating_sub(MOST)..] {
        let features = TERMS.map(|term| SHARPNESS * event.shown.get(term).map_or(0.0, |&addend| f64::from(addend)));
        learner.observe(&features, *acted);
    }
    learner
}

/// The place of each term among [`TERMS`]; `fixed`: one whose weight the caller decided.
pub fn places(terms: &[Box<dyn Term>], fixed: Option<&str>) -> Vec<Option<usize>> {
    let place = |name: &str| TERMS.iter().position(|term| *term == name && Some(name) != fixed);
    terms.iter().map(|term| place(term.name())).collect()
}

/// What each term is worth, by the means of the learner.
pub fn worth(learner: &Learner, places: &[Option<usize>]) -> Vec<f32> {
    Doubt::worth(places, learner.weights())
}

/// A session's learner and the lists that it may hear about.
#[derive(Default)]
pub struct Learning {
    /// The log's version that the learner was replayed at.
    version: Cell<u64>,
    learner: RefCell<Option<Rc<Learner>>>,
    /// What terms said, by item; the latest list counts.
    shown: RefCell<HashMap<String, BTreeMap<String, f32>>>,
}

impl Learning {
    /// The learner after `events`, the log's at `version`.
    pub fn learner(&self, version: u64, events: &[Event]) -> Rc<Learner> {
        let mut known = self.learner.borrow_mut();
        match &*known {
            Some(learner) if self.version.get() == version => learner.clone(),
            _ => {
                let learner = Rc::new(replay(events));
                self.version.set(version);
                *known = Some(learner.clone());
                learner
            }
        }
    }

    /// Remembers a list: `keys` and lines in the same order. Each line differs from the mean of those that whoever comes to it
    /// has seen: all above it, and the first screen. A list of one says nothing: there is no mean to differ from.
    pub fn remember<'a>(&self, keys: impl Iterator<Item = &'a str>, list: &[Listed], terms: &[Box<dyn Term>], places: &[Option<usize>]) {
        let mut shown = self.shown.borrow_mut();
        if shown.len() + list.len() > REMEMBERED {
            shown.clear();
        }
        let first = list.len().min(SCREEN);
        let mut sums: Vec<f32> = (0..terms.len()).map(|at| list[..first].iter().map(|line| line.addends[at]).sum()).collect();
        for (place, (key, line)) in keys.zip(list).enumerate() {
            if place >= first {
                sums.iter_mut().zip(&line.addends).for_each(|(sum, addend)| *sum += addend);
            }
            let seen = first.max(place + 1) as f32;
            let mut told = BTreeMap::new();
            for (at, term) in terms.iter().enumerate().filter(|(at, _)| places[*at].is_some()) {
                let addend = line.addends[at] - sums[at] / seen;
                if addend.is_finite() && addend.abs() > 1e-6 {
                    told.insert(term.name().to_owned(), addend.clamp(-100.0, 100.0));
                }
            }
            shown.insert(key.to_owned(), told);
        }
    }

    /// Gives an event what its item was shown with, if it was and if the event says something of it.
    pub fn tell(&self, event: &mut Event) {
        if outcome(event).is_some()
            && let Some(told) = self.shown.borrow().get(&event.item)
        {
            event.shown.clone_from(told);
        }
    }

    /// Forgets how an item was shown: each showing is learned from once.
    pub fn forget(&self, item: &str) {
        self.shown.borrow_mut().remove(item);
    }

    /// Forgets every showing: the terms mean something else now, or were not to be remembered.
    pub fn clear(&self) {
        self.shown.borrow_mut().clear();
    }
}
