//! The time of the week from interactions to lists: learned where it repeats itself, shipped where it helps.

use std::fmt::Write;

use palate::engine::snapshot::Snapshot;
use palate::engine::terms::{Past, Situation, recommend};
use palate::format::clock::PARTS;
use palate::math::rng::Rng;
use palate::publish::items::Item;
use palate::rank::clock::named;
use serde_json::json;

use crate::catalogs::crowd::{opened, options, published};
use crate::catalogs::item;

/// Fifty breakfasts and fifty films.
fn items() -> Vec<Item> {
    let kind = |n: usize| if n < 50 { "breakfast bread" } else { "thrilling film" };
    (0..100).map(|n| item(json!({"id": format!("i{n}"), "title": kind(n)}))).collect()
}

/// 300 people, six events each, on days from 2023-11-13 on; `regular`: breakfasts at eight, films at eight in the evening.
fn rows(regular: bool) -> String {
    let mut rng = Rng::new(5);
    let mut text = String::from("user,item,timestamp\n");
    for user in 0..300 {
        let mut at = 1_699_833_600 + rng.below(40) as i64 * 86_400;
        for _ in 0..6 {
            at += 86_400 * (1 + rng.below(3) as i64);
            let evening = rng.unit() < 0.5;
            let film = if regular { evening } else { rng.unit() < 0.5 };
            let item = rng.below(50) + if film { 50 } else { 0 };
            let _ = writeln!(text, "u{user},i{item},{}", at + if evening { 20 } else { 8 } * 3600);
        }
    }
    text
}

/// How many of the first ten are films, and whether a term of time was among the terms.
fn films(snapshot: &Snapshot, time: Option<&str>) -> (usize, bool) {
    let situation = Situation { text: None, part: time.map(|text| named(text).unwrap()) };
    let past = Past { events: &[], evidence: &[] };
    let (terms, _) = recommend(snapshot, &past, &past.taste(snapshot), situation, None).unwrap();
    let mut scores = vec![0.0; snapshot.catalog.len()];
    terms.iter().for_each(|term| term.add_to(&mut scores));
    let first = snapshot.catalog.top_k(&scores, 10, |_| true);
    let film = |ordinal: u32| snapshot.catalog.field(ordinal, "title").unwrap() == "thrilling film";
    (first.iter().filter(|(ordinal, _)| film(*ordinal)).count(), terms.iter().any(|term| term.name() == "time"))
}

#[test]
fn clock_is_learned_where_the_hour_decides() {
    let (built, learned) = published(items(), &rows(true), &options(), None).unwrap();
    let clock = learned.clock.expect("the hour decides");
    assert!(clock.with > 1.01 * clock.without, "{clock:?}");
    let snapshot = opened(&built);
    assert_eq!(films(&snapshot, Some("2026-11-24T20:15")), (10, true));
    assert_eq!(films(&snapshot, Some("2026-11-24T08:15")), (0, true));
    assert!(!films(&snapshot, None).1, "without a time it says nothing");
    let shipped = snapshot.trained.as_ref().unwrap().clock.as_ref().unwrap();
    assert_eq!((shipped.groups.len(), shipped.bias.len() % PARTS), (100, 0));
}

#[test]
fn clock_goes_by_the_visitors_hours() {
    // The file's clock is twelve hours behind: its mornings are evenings.
    let shifted = palate::publish::ranker::Options { utc_offset: 12.0, ..options() };
    let (built, _) = published(items(), &rows(true), &shifted, None).unwrap();
    assert_eq!(films(&opened(&built), Some("2026-11-24T08:15")).0, 10);
}

#[test]
fn clock_is_left_out_where_it_says_nothing_or_nobody_knows_the_time() {
    let (built, learned) = published(items(), &rows(false), &options(), None).unwrap();
    assert_eq!(learned.clock, None, "any hour for anything");
    assert!(opened(&built).trained.unwrap().clock.is_none());
    let timeless: String = rows(true).lines().map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0)).collect();
    let (_, learned) = published(items(), &timeless, &options(), None).unwrap();
    assert_eq!(learned.clock, None);
}

#[test]
fn clock_needs_people_behind_every_cell() {
    let many = palate::publish::ranker::Options { min_people: 10, ..options() };
    let (built, _) = published(items(), &rows(true), &many, None).unwrap();
    if let Some(clock) = &opened(&built).trained.unwrap().clock {
        // Nobody was awake at night: those cells say nothing.
        assert!(clock.bias[..clock.count()].iter().all(|bias| *bias == 0.0));
    }
}
