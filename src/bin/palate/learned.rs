//! The account that `palate build` gives of the ranker it learned.
//!
//! Not here: the learning (`palate::publish::ranker`).

use palate::Result;
use palate::publish::ranker::Learned;
use serde_json::{Value, json};

use crate::terminal::{bold, count, dim, line, size, tick};

/// Name, gain, fading and size of each term.
fn terms(learned: &Learned) -> impl Iterator<Item = (&str, f32, f32, usize)> {
    let gains = learned.blended.gains.iter();
    gains.zip(&learned.taus).zip(&learned.term_bytes).map(|(((name, gain), tau), bytes)| (name.as_str(), *gain, *tau, *bytes))
}

/// As JSON.
pub fn learned_json(learned: &Learned) -> Value {
    let tau = |tau: f32| tau.is_finite().then_some(tau);
    let terms: Vec<Value> = terms(learned).map(|(name, gain, fades, bytes)| json!({"name": name, "gain": gain, "tau": tau(fades), "bytes": bytes})).collect();
    let (alone, best) = &learned.blended.best_alone;
    json!({
        "bytes": learned.bytes, "users": learned.users, "rare_items": learned.rare_items, "rare_rows": learned.rare_rows, "least_people": learned.least_people, "interactions": learned.cleaning.kept, "items_met": learned.items_met,
        "unknown_rows": learned.unknown_rows, "unknown_items": learned.unknown_items, "unknown": learned.unknown, "terms": terms,
        "dense_items": learned.dense.map(|(items, _)| items), "dense_share": learned.dense.map(|(_, share)| share),
        "row_entries": learned.blended.row_entries, "held_out": learned.held_out, "quality": learned.blended.reached,
        "best_alone": {"name": alone, "quality": best},
        "time": learned.clock.map(|clock| json!({"gain": clock.gain, "quality_without": clock.without, "quality": clock.with})),
    })
}

/// On the terminal.
pub fn print_learned(learned: &Learned) -> Result<()> {
    line(&format!(
        "{} ranker from {} interactions of {} people with {} items, {}",
        tick(),
        bold(&count(learned.cleaning.kept)),
        count(learned.users),
        count(learned.items_met),
        size(learned.bytes as u64)
    ))?;
    line(&format!("  {}", learned.cleaning.line()))?;
    if learned.rare_items > 0 {
        line(&format!("  {} interactions with {} items that too few people met were left out (--min-people)", count(learned.rare_rows), count(learned.rare_items)))?;
    }
    line(&format!("  every shipped row, factor and count speaks of {} people at least", count(learned.least_people as usize)))?;
    if let Some((items, share)) = learned.dense {
        line(&format!("  dense methods know the {} most frequent items, {:.1} % of the interactions; the other terms know all", count(items), 100.0 * share))?;
    }
    for (name, gain, tau, bytes) in terms(learned) {
        let fades = if tau.is_finite() { format!("an event counts 1/e after {tau} others") } else { "the past does not fade".into() };
        line(&format!("  {name:<13} gain {gain:.3}, {}, {}", size(bytes as u64), dim(&fades)))?;
    }
    if let Some(clock) = learned.clock {
        line(&format!("  the time of the week helps: {:.4} with it, {:.4} without (gain {})", clock.with, clock.without, clock.gain))?;
    }
    let (alone, best) = &learned.blended.best_alone;
    line(&format!("  on {} held-out events: {:.4} (mean of NDCG@10 and @100), {alone} alone {best:.4}", count(learned.held_out), learned.blended.reached))
}
