//! The ranker from interactions: it knows the crowd, in the catalog's ordinals, within its budget, the same every time.

use palate::engine::snapshot::Snapshot;
use palate::engine::terms::{Past, Situation, recommend};
use palate::evaluate::dataset::Cleaning;
use palate::format::history::EventRow;
use palate::format::manifest::Kind;
use palate::format::ranker::{Ranker, Weights};
use palate::history::{Event, Settings, weights};
use palate::platform::native::folder::{Folder, open};
use palate::publish::build::{Base, Built, write};
use palate::publish::interaction_text::read_text;
use palate::publish::interactions::ReadOptions;
use palate::publish::items::Reader;
use palate::publish::{ranker, table};
use palate::rank::learned::terms::{Term, history_of};
use serde_json::{Map, json};

use crate::catalogs::crowd::{CLUBS, PER_CLUB, interactions, items, key, opened, options, published, rows};
use crate::catalogs::{item, shared};

const NOW: f64 = 1.7e12;

fn shard(built: &Built) -> Vec<u8> {
    let ranker: Vec<_> = built.manifest.shards_of(&Kind::Ranker).collect();
    assert_eq!(ranker.len(), 1);
    built.files[&ranker[0].file].to_vec()
}

/// Ordinals by the trained blend alone after liking `keys`, best first, without these.
fn best(snapshot: &Snapshot, keys: &[String]) -> Vec<String> {
    let history: Vec<u32> = keys.iter().map(|key| snapshot.catalog.ordinal(key).unwrap()).collect();
    let scores = snapshot.trained.as_ref().unwrap().blend.scores(&history_of(&history));
    let top = snapshot.catalog.top_k(&scores, scores.len(), |ordinal| !history.contains(&ordinal));
    top.into_iter().map(|(ordinal, _)| snapshot.catalog.key(ordinal).to_owned()).collect()
}

#[test]
fn ranker_knows_what_the_crowd_does_next() {
    let (built, learned) = published(items(3), &rows(), &options(), None).unwrap();
    let snapshot = opened(&built);
    for club in 0..CLUBS {
        let list = best(&snapshot, &[key(club, 2), key(club, 3)]);
        assert_eq!(list[0], key(club, 4), "{list:?}");
        assert!(list[..6].iter().all(|other| other.starts_with(&format!("c{club}-"))), "{list:?}");
    }
    assert_eq!((learned.users, learned.items_met, learned.held_out), (160, CLUBS * PER_CLUB, 160));
    assert_eq!((learned.cleaning.kept, learned.unknown_rows), (800, 0));
    assert!(learned.blended.reached > 0.8, "{learned:?}");
    assert_eq!(learned.bytes, shard(&built).len());
    let counts = &snapshot.trained.as_ref().unwrap().popularity;
    assert_eq!(counts[snapshot.catalog.ordinal("cold-0").unwrap() as usize], 0);
    assert_eq!(counts.iter().sum::<u32>(), 800);
}

#[test]
fn ranker_stands_in_the_ordinals_of_a_catalog_of_several_shards() {
    let mut all: Vec<_> = (0..2500).map(|n| item(json!({"id": format!("other-{n}"), "title": format!("thing {n}")}))).collect();
    all.extend(items(0));
    all.extend((2500..4200).map(|n| item(json!({"id": format!("other-{n}"), "title": format!("thing {n}")}))));
    let (built, learned) = published(all, &rows(), &options(), None).unwrap();
    assert_eq!(built.manifest.shards_of(&Kind::Items).count(), 2);
    assert_eq!(learned.items_met, CLUBS * PER_CLUB);
    let snapshot = opened(&built);
    for club in 0..CLUBS {
        assert_eq!(best(&snapshot, &[key(club, 2), key(club, 3)])[0], key(club, 4));
    }
}

#[test]
fn ranker_is_the_same_bytes_every_time_and_a_delta_of_its_own() {
    let (first, _) = published(items(2), &rows(), &options(), None).unwrap();
    let (again, _) = published(items(2), &rows(), &options(), None).unwrap();
    assert_eq!(shard(&first), shard(&again));
    assert_eq!(first.manifest.to_bytes(), again.manifest.to_bytes());

    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path().join("index"));
    write(&first, &first.manifest.to_bytes(), &folder).unwrap();
    let base = Base::open(&folder).unwrap();
    let (same, _) = published(items(2), &rows(), &options(), Some(&base)).unwrap();
    assert_eq!((same.report.encoded, same.report.new_shards, same.report.delta_bytes), (0, 0, 0));
    // More interactions: the ranker alone is new.
    let more = format!("{}u900,c0-1,5\nu900,c0-2,6\nu900,c0-3,7\n", rows());
    let (next, _) = published(items(2), &more, &options(), Some(&base)).unwrap();
    assert_eq!((next.report.encoded, next.report.new_shards), (0, 1));
    assert_eq!(next.report.delta_bytes, shard(&next).len() as u64);
    write(&next, &next.manifest.to_bytes(), &folder).unwrap();
    assert!(!folder.names().unwrap().contains(&first.manifest.shards_of(&Kind::Ranker).next().unwrap().file), "the old one is cleared away");
}

#[test]
fn ranker_counts_and_names_unknown_items() {
    let text = format!("{}u1,gone-1,9\nu2,gone-1,9\nu3,gone-2,9\n", rows());
    let (_, learned) = published(items(0), &text, &options(), None).unwrap();
    assert_eq!((learned.unknown_rows, learned.unknown_items), (3, 2));
    assert_eq!(learned.unknown, ["gone-1", "gone-2"]);
    assert_eq!(learned.cleaning.kept, 800);
    let error = published(items(0), "user,item\na,gone-1\na,gone-2\n", &options(), None).map(|b| b.1).unwrap_err();
    assert!(error.code() == "bad-input" && error.to_string().contains("gone-1"), "{error}");
    let error = published(items(0), "user,item\na,c0-1\nb,c0-2\n", &ranker::Options { min_people: 0, ..options() }, None).map(|b| b.1).unwrap_err();
    assert!(error.to_string().contains("two items"), "{error}");
}

#[test]
fn ranker_learns_nothing_good_from_dismissals_and_low_ratings() {
    // Club 1's people dismiss what club 0 likes.
    let events: String = rows().lines().skip(1).map(|line| format!("{line},{}\n", if line.contains(",c1-") { "dismiss" } else { "like" })).collect();
    let (_, learned) = published(items(0), &format!("user,item,timestamp,event\n{events}"), &options(), None).unwrap();
    assert_eq!((learned.cleaning.below_min_value, learned.items_met), (200, 30));
    let rated: String = rows().lines().skip(1).map(|line| format!("{line},{}\n", if line.contains(",c1-") { 2 } else { 5 })).collect();
    let strict = ranker::Options { cleaning: Cleaning { min_value: Some(4.0), ..Cleaning::default() }, ..options() };
    let (_, learned) = published(items(0), &format!("user,item,timestamp,rating\n{rated}"), &strict, None).unwrap();
    assert_eq!((learned.cleaning.below_min_value, learned.items_met), (200, 30));
}

#[test]
fn ranker_keeps_its_budget() {
    let (full, learned) = published(items(0), &rows(), &options(), None).unwrap();
    assert_eq!(learned.blended.row_entries, 20);
    let budget = 4 * 40 + 4096 + learned.term_bytes.iter().sum::<usize>() / 2;
    let (cut, smaller) = published(items(0), &rows(), &ranker::Options { budget_bytes: budget, ..options() }, None).unwrap();
    assert!(shard(&cut).len() <= budget && shard(&cut).len() < shard(&full).len(), "{} of {budget}", shard(&cut).len());
    assert!(smaller.term_bytes.iter().sum::<usize>() * 2 <= learned.term_bytes.iter().sum::<usize>(), "{smaller:?}");
    let error = published(items(0), &rows(), &ranker::Options { budget_bytes: 100, ..options() }, None).map(|b| b.1).unwrap_err();
    assert!(error.to_string().contains("100 are allowed"), "{error}");
}

#[test]
fn ranker_learns_nothing_of_items_that_too_few_people_met() {
    // Two people met two of the cold items each, beside what the crowd does.
    let text = rows() + "u0,cold-0,2000\nu1,cold-0,2000\nu0,cold-1,2001\nu1,cold-1,2001\n";
    let all = ranker::Options { min_people: 0, ..options() };
    let (built, learned) = published(items(3), &text, &all, None).unwrap();
    assert_eq!((learned.rare_items, learned.rare_rows, learned.least_people, learned.items_met), (0, 0, 2, 42));
    let (bounded, account) = published(items(3), &text, &options(), None).unwrap();
    assert_eq!((account.rare_items, account.rare_rows, account.items_met), (2, 4, 40));
    assert!(account.least_people >= 3);
    let read = |built: &Built| Ranker::parse(shard(built), "the ranker").unwrap();
    let catalog = opened(&built).catalog.clone();
    let at = catalog.ordinal("cold-0").unwrap() as usize;
    assert_eq!((read(&built).popularity[at], read(&bounded).popularity[at]), (2, 0));
    let mut rows_seen = 0;
    for term in read(&bounded).terms {
        let (offsets, columns) = match &term.weights {
            Weights::Rows(rows) => (&rows.offsets, &rows.columns),
            Weights::Pairs(pairs) => (&pairs.offsets, &pairs.columns),
            _ => continue,
        };
        rows_seen += 1;
        // Of content alone there may be pairs: they say nothing of people.
        assert!(offsets[at] == offsets[at + 1] || term.name == "ease-content", "{}: the row of an item that two people met", term.name);
        assert!(!columns.contains(&(at as u32)) || term.name == "ease-content", "{}: and its column", term.name);
    }
    assert!(rows_seen > 0);
    let error = published(items(3), &text, &ranker::Options { min_people: 1000, ..options() }, None).map(|b| b.1).unwrap_err();
    assert!(error.to_string().contains("met by 1000 people"), "{error}");
}

#[test]
fn ranker_of_other_items_is_refused() {
    let (built, _) = published(items(1), &rows(), &options(), None).unwrap();
    let mut renamed = items(1);
    renamed.pop();
    renamed.push(item(json!({"id": "elsewhere", "title": "lamp"})));
    let (other, _) = published(renamed, &rows(), &options(), None).unwrap();
    let mut shards: Vec<(Kind, Vec<u8>)> = Vec::new();
    for entry in built.manifest.shards_of(&Kind::Items) {
        shards.push((Kind::Items, built.files[&entry.file].to_vec()));
    }
    shards.push((Kind::Ranker, shard(&other)));
    let error = Snapshot::open(built.manifest.clone(), shards).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "mismatch", "{error}");
}

fn liked(key: &str) -> Event {
    let row = EventRow { item: key.into(), event: "like".into(), at: NOW, value: None, context: Map::new(), call: None, shown: Default::default() };
    Event::checked(row, NOW).unwrap()
}

/// Whether `target` is among the first 20 after `history`, by everything the engine weighs.
fn finds(snapshot: &Snapshot, history: &[u32], target: u32) -> bool {
    let catalog = &snapshot.catalog;
    let events: Vec<Event> = history.iter().map(|&item| liked(catalog.key(item))).collect();
    let evidence = weights::weigh(&events, NOW, &Map::new(), &Settings::default());
    let past = Past { events: &events, evidence: &evidence };
    let (terms, _) = recommend(snapshot, &past, &past.taste(snapshot), Situation::default(), None).unwrap();
    let mut scores = vec![0.0; catalog.len()];
    terms.iter().for_each(|term| term.add_to(&mut scores));
    catalog.top_k(&scores, 20, |ordinal| !history.contains(&ordinal)).iter().any(|(ordinal, _)| *ordinal == target)
}

#[test]
fn ranker_of_the_films_finds_what_people_watched_next() {
    let (Some(films), Some(ratings)) = (shared("films/items.jsonl"), shared("films/ratings.csv")) else { return };
    let text = std::fs::read_to_string(&ratings).unwrap();
    let all = read_text("ratings.csv", text.as_bytes(), ReadOptions::default()).unwrap().0;
    // The 1,500 films that most people rated: small enough to learn from in seconds.
    let mut counts = vec![0usize; all.items.len()];
    all.rows.iter().for_each(|row| counts[row.item as usize] += 1);
    let mut order: Vec<u32> = (0..counts.len() as u32).collect();
    order.sort_by_key(|&film| (std::cmp::Reverse(counts[film as usize]), film));
    let kept: std::collections::HashSet<&str> = order[..1500].iter().map(|&film| all.items.name(film)).collect();
    let mut reader = Reader::new("items.jsonl");
    table::read("items.jsonl", open(&films).unwrap(), &mut |row| {
        reader.push(row);
        Ok(())
    })
    .unwrap();
    let mut films = reader.finish(false).unwrap().0;
    films.retain(|film| kept.contains(film.key.as_str()));
    assert_eq!(films.len(), 1500);

    // Everybody's last liked film is held out, from the ranker too.
    let (sequences, _) = all.clone().sequences(&Cleaning { min_value: Some(4.0), ..Cleaning::default() }).unwrap();
    let (mut known, mut cases) = (String::from("user,item,timestamp\n"), Vec::new());
    for sequence in &sequences {
        let items: Vec<&str> = sequence.items.iter().map(|&film| all.items.name(film)).filter(|name| kept.contains(name)).collect();
        let Some((last, history)) = items.split_last().filter(|(_, history)| history.len() >= 2) else { continue };
        history.iter().enumerate().for_each(|(at, film)| known += &format!("{},{film},{at}\n", sequence.user));
        cases.push((history.to_vec(), *last));
    }
    assert!(cases.len() > 500, "{}", cases.len());
    let (built, learned) = published(films, &known, &ranker::Options::default(), None).unwrap();
    assert!(learned.blended.reached >= learned.blended.best_alone.1, "{learned:?}");
    let with = opened(&built);
    let mut without = opened(&built);
    without.trained = None;

    let ordinals = |names: &[&str]| -> Vec<u32> { names.iter().map(|name| with.catalog.ordinal(name).unwrap()).collect() };
    let found = |snapshot: &Snapshot, events: usize| {
        let hits = |(history, last): &&(Vec<&str>, &str)| finds(snapshot, &ordinals(&history[history.len().saturating_sub(events)..]), ordinals(&[last])[0]);
        cases.iter().filter(hits).count()
    };
    let (one, one_without, all, all_without) = (found(&with, 1), found(&without, 1), found(&with, 1000), found(&without, 1000));
    println!("of {} films, found after one like: {one} with the ranker, {one_without} without; after all: {all}, {all_without}", cases.len());
    assert!(one as f64 > 2.0 * one_without as f64, "after one like {one} with the ranker, {one_without} without");
    assert!(all as f64 > 3.0 * all_without as f64, "after all likes {all} with the ranker, {all_without} without");
    // One like is enough to find the film's own kind: who likes the first Lord of the Rings is shown another one.
    if let Some(ring) = with.catalog.ordinal("4993") {
        let others = ["5952", "7153"].map(|film| finds(&with, &[ring], with.catalog.ordinal(film).unwrap()));
        assert_eq!(others, [true, true]);
    }
}

#[test]
fn interactions_of_the_crowd_are_whole() {
    assert_eq!(interactions(&rows()).rows.len(), 800);
}

/// The crowd, with many more people in clubs 0 and 1: those are the frequent items.
fn crowded() -> String {
    let mut text = rows();
    for user in 160..480 {
        (0..5).for_each(|step| text += &format!("u{user},{},{}\n", key(user % 2, (user / 2 + step) % PER_CLUB), 1000 + step));
    }
    text
}

#[test]
fn ranker_of_a_large_catalog_gives_dense_methods_its_frequent_items_and_the_rest_to_the_others() {
    let whole = published(items(3), &crowded(), &options(), None).unwrap();
    assert_eq!(whole.1.dense, None);
    let with = |dense_items: usize| {
        let options = options();
        let settings = palate::train::methods::Settings { dense_items, ..options.settings };
        published(items(3), &crowded(), &ranker::Options { settings, ..options }, None).unwrap()
    };
    let same = with(CLUBS * PER_CLUB + 3);
    assert_eq!(shard(&same.0), shard(&whole.0), "what affords all items learns the same");
    // From everything down to one club: nothing falls off a cliff.
    for limit in [42, 30, 20, 10] {
        let (built, learned) = with(limit);
        let (items, share) = learned.dense.expect("a part");
        assert!(items == limit && share > 0.3 && share <= 1.0, "{learned:?}");
        assert!(learned.blended.reached > 0.9 * whole.1.blended.reached, "{limit} items: {} against {}", learned.blended.reached, whole.1.blended.reached);
        let snapshot = opened(&built);
        for club in 0..CLUBS {
            let list = best(&snapshot, &[key(club, 2), key(club, 3)]);
            assert!(list[..4].iter().all(|other| other.starts_with(&format!("c{club}-"))), "{limit} items, club {club}: {list:?}");
        }
    }
    let (_, learned) = with(20);
    assert!((learned.dense.unwrap().1 - 2000.0 / 2400.0).abs() < 1e-9, "{learned:?}");
}
