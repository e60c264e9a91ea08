//! What a score term is: a pure function of the history that adds to every item's score and can say which event gave what.
//!
//! Not here: the terms themselves (one file each), their blend (`blend`).

/// One past event as the ranker sees it. A history is ordered oldest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// The item's ordinal.
    pub item: u32,
    /// Number of events since: 0 for the latest.
    pub age: f32,
    /// Strength of the event, 1 for a plain like; negative for a dislike.
    pub weight: f32,
}

/// A history of `items`, oldest first, every event of weight 1.
pub fn history_of(items: &[u32]) -> Vec<Seen> {
    let n = items.len();
    items.iter().enumerate().map(|(i, &item)| Seen { item, age: (n - 1 - i) as f32, weight: 1.0 }).collect()
}

/// How much each history event gave to one item's score; `base + events.sum()` is the score.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shares {
    /// What no event gave (popularity, context).
    pub base: f32,
    /// One share per event of the history, in its order.
    pub events: Vec<f32>,
}

/// One addend of a score.
pub trait Term: std::any::Any + Send + Sync {
    /// Stable name, as in reasons and on the command line.
    fn name(&self) -> &str;

    /// Number of items scored.
    fn items(&self) -> usize;

    /// Bytes a device must have for this term.
    fn download_bytes(&self) -> usize;

    /// Adds `gain` times the score of every item to `out` (`[items]`).
    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]);

    /// The exact decomposition of `item`'s score. For a term that is linear in the events, taking an event's weight to
    /// 0 changes the score by its share; a term that is not says so in its own documentation.
    fn shares(&self, history: &[Seen], item: u32) -> Shares;

    /// The scores alone, `[items]`.
    fn scores(&self, history: &[Seen]) -> Vec<f32> {
        let mut out = vec![0.0; self.items()];
        self.add(history, 1.0, &mut out);
        out
    }
}
