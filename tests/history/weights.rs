//! What events weigh.

use palate::history::weights::{Settings, base, weigh};
use palate::history::{Event, Kind};
use serde_json::{Map, json};

use super::event;

const DAY: f64 = 86_400_000.0;

fn weights(events: &[Event], now: f64) -> Vec<(String, f64)> {
    let evidence = weigh(events, now, &Map::new(), &Settings::default());
    evidence.into_iter().map(|found| (events[found.event].item.clone(), found.weight)).collect()
}

#[test]
fn weights_order_of_kinds() {
    let of = |kind| base(kind, None);
    assert!(of(Kind::Purchase) > of(Kind::Like) && of(Kind::Like) > of(Kind::Save) && of(Kind::Save) > of(Kind::Click));
    assert!(of(Kind::Click) > of(Kind::View) && of(Kind::View) > 0.0);
    assert!(of(Kind::Dislike) < of(Kind::Dismiss) && of(Kind::Dismiss) < 0.0);
    assert!(base(Kind::Dwell, Some(60.0)) > base(Kind::Dwell, Some(5.0)));
    assert!(base(Kind::Dwell, Some(1e9)) <= 0.8);
    assert_eq!(base(Kind::Like, Some(1e9)), 3.0);
}

#[test]
fn weights_fade_with_time_as_stated() {
    let events = [event("a", Kind::Like, 0.0)];
    let tau = Settings::default().tau_days;
    assert!((weights(&events, tau * DAY)[0].1 - (-1.0f64).exp()).abs() < 1e-12);
    assert_eq!(weights(&events, 0.0)[0].1, 1.0);
}

#[test]
fn weights_a_clock_set_back_is_no_age() {
    assert_eq!(weights(&[event("a", Kind::Like, 5.0 * DAY)], 0.0)[0].1, 1.0);
}

#[test]
fn weights_fade_with_later_items_not_with_repeats() {
    let window = Settings::default().window;
    let events = [event("a", Kind::Like, 0.0), event("b", Kind::View, 0.0), event("b", Kind::View, 0.0)];
    let found = weights(&events, 0.0);
    let a = found.iter().find(|(item, _)| item == "a").unwrap();
    assert!((a.1 - (-1.0 / window).exp()).abs() < 1e-12, "one later item, however often");
}

#[test]
fn weights_the_last_judgment_counts() {
    let events = [event("a", Kind::Like, 0.0), event("a", Kind::View, 0.0), event("a", Kind::Dislike, 0.0)];
    let sum: f64 = weights(&events, 0.0).iter().map(|(_, weight)| weight).sum();
    assert!((sum - (base(Kind::Dislike, None) + base(Kind::View, None))).abs() < 1e-12);
}

#[test]
fn weights_rise_in_the_same_situation() {
    let mut home = event("a", Kind::Like, 0.0);
    home.context = json!({"place": "home"}).as_object().unwrap().clone();
    let settings = Settings::default();
    let at = |place: &str| weigh(std::slice::from_ref(&home), 0.0, json!({"place": place}).as_object().unwrap(), &settings)[0].weight;
    assert_eq!(at("home"), settings.same_context);
    assert_eq!(at("work"), 1.0);
}

#[test]
fn weights_count_only_the_newest_items() {
    let events: Vec<Event> = (0..500).map(|n| event(&n.to_string(), Kind::Like, n as f64)).collect();
    let found = weights(&events, 500.0);
    assert_eq!(found.len(), Settings::default().most);
    assert_eq!(found[0].0, "499");
    // What is left out would have weighed next to nothing.
    let all = weigh(&events, 500.0, &Map::new(), &Settings { most: usize::MAX, ..Settings::default() });
    let sum = |of: &mut dyn Iterator<Item = f64>| of.sum::<f64>();
    let (counted, everything) = (sum(&mut found.iter().map(|one| one.1)), sum(&mut all.iter().map(|one| one.weight)));
    assert!(all.len() == 500 && counted > 0.998 * everything && counted < everything, "{counted} of {everything}");
}
