//! A trained term with one visitor's history, as the list's stages want it.
//!
//! Not here: the trained terms themselves.

use std::sync::Arc;

use super::terms::{Seen, Term as Trained};
use crate::rank::term::{Share, Term};

/// A trained term, the history it is asked about, and which events the history's entries stand for.
pub struct Held {
    name: &'static str,
    term: Arc<dyn Trained>,
    gain: f32,
    history: Vec<Seen>,
    /// Position of each entry's event in the session's history; empty where the entries are no events of it.
    events: Vec<usize>,
}

impl Held {
    /// `history` oldest first, `events` as long as it or empty.
    pub fn new(name: &'static str, term: Arc<dyn Trained>, gain: f32, history: Vec<Seen>, events: Vec<usize>) -> Self {
        Self { name, term, gain, history, events }
    }
}

impl Term for Held {
    fn name(&self) -> &'static str {
        self.name
    }

    fn add_to(&self, scores: &mut [f32]) {
        self.term.add(&self.history, self.gain, scores);
    }

    fn split(&self, ordinal: u32) -> Vec<Share> {
        let shares = self.term.shares(&self.history, ordinal);
        let mut out: Vec<Share> = shares
            .events
            .iter()
            .enumerate()
            .filter(|(_, amount)| **amount != 0.0)
            .map(|(at, amount)| Share { event: self.events.get(at).copied(), amount: self.gain * amount })
            .collect();
        if shares.base != 0.0 {
            out.push(Share { event: None, amount: self.gain * shares.base });
        }
        out
    }
}
