//! The publisher's ranker in a session: it speaks for the crowd, explains itself to the last share, and is never missed.

use palate::engine::ask::{Hit, Recommend, Search, Wishes};
use palate::engine::events::Forget;
use palate::format::manifest::{FILE, Kind, Model, Shard};
use palate::format::ranker::{Ranker, Rows, Trained, Weights, write};
use palate::index::Catalog;
use palate::index::build::{build, row};
use palate::platform::Abort;
use palate::platform::native::wait;
use palate::publish::build::Built;
use palate::rank::rules::Seen;

use super::fixture::{DIM, Device, TOPICS, TestSession, URL, acted, like, model_id, pack, publish_model, vector};
use crate::catalogs::crowd::{items, key, options, published, rows};

fn serve(device: &Device, built: &Built) {
    built.files.iter().for_each(|(name, bytes)| device.server.serve(&URL.replace(FILE, name), bytes.to_vec()));
    device.server.serve(URL, built.manifest.to_bytes());
}

/// A session over the crowd's index; `keep` of its trained terms.
fn crowd(keep: impl Fn(&str) -> bool) -> (Device, TestSession) {
    let (mut built, _) = published(items(2), &rows(), &options(), None).unwrap();
    let at = built.manifest.shards.iter().position(|shard| shard.kind == Kind::Ranker).unwrap();
    let old = built.manifest.shards.remove(at);
    let mut ranker = Ranker::parse(built.files.remove(&old.file).unwrap(), "the ranker").unwrap();
    ranker.terms.retain(|term| keep(&term.name));
    let bytes = write(&ranker).unwrap();
    let shard = Shard::of(Kind::Ranker, &bytes, old.items);
    built.files.insert(shard.file.clone(), bytes.into());
    built.manifest.shards.push(shard);
    let device = Device::new();
    serve(&device, &built);
    let session = device.open();
    (device, session)
}

fn list(session: &TestSession, k: usize) -> Vec<Hit> {
    let wishes = Wishes { k, seen: Seen::HideJudged, explain: true, ..Wishes::default() };
    wait(session.recommend(&Recommend { wishes, ..Recommend::default() })).unwrap()
}

/// The addend of the trained term and the share of `because`, of one item of a list.
fn trained(hits: &[Hit], key: &str, because: &str) -> (f32, f32) {
    let hit = hits.iter().find(|hit| hit.key == key).unwrap();
    let reason = hit.reasons.iter().find(|reason| reason.term == "trained").unwrap();
    (reason.weight, reason.because.iter().find(|(key, _)| key == because).map_or(0.0, |(_, share)| *share))
}

#[test]
fn trained_ranker_leads_where_content_says_nothing() {
    let (_device, session) = crowd(|_| true);
    wait(session.record(vec![like(&key(2, 2)), like(&key(2, 3))])).unwrap();
    let hits = list(&session, 3);
    assert_eq!(hits[0].key, key(2, 4));
    let reason = hits[0].reasons.iter().find(|reason| reason.term == "trained").unwrap();
    assert!(reason.weight > 0.0);
    assert_eq!(reason.because[0].0, key(2, 3), "the last step is nearest to the next");
}

#[test]
fn trained_ranker_explains_every_score_to_the_last_share() {
    let (_device, session) = crowd(|_| true);
    let acts = vec![like(&key(0, 1)), acted(&key(1, 3), "view"), acted(&key(1, 3), "save"), acted(&key(3, 5), "dislike"), like(&key(0, 2))];
    wait(session.record(acts)).unwrap();
    let hits = list(&session, 42);
    assert!(hits.iter().any(|hit| hit.reasons.iter().any(|reason| reason.term == "trained" && reason.weight < 0.0)), "dislikes push");
    for hit in &hits {
        let sum: f32 = hit.reasons.iter().map(|reason| reason.weight).sum();
        assert!((sum - hit.score).abs() < 1e-3, "{}: {sum} of {}", hit.key, hit.score);
    }
}

#[test]
fn trained_ranker_loses_exactly_the_share_of_a_forgotten_item() {
    let linear = ["ease", "ease-content", "transitions"];
    let (_device, session) = crowd(|name| linear.contains(&name));
    assert!(!session.report().ranker.unwrap().terms.is_empty(), "one of {linear:?} was learned");
    wait(session.record(vec![like(&key(1, 3)), like(&key(0, 6)), like(&key(1, 4))])).unwrap();
    let before = list(&session, 42);
    // The oldest one: the others keep their places, and so what they weigh.
    wait(session.forget(&Forget::Item(key(1, 3)))).unwrap();
    let after = list(&session, 42);
    let mut moved = 0;
    for n in [5, 6] {
        let (full, share) = trained(&before, &key(1, n), &key(1, 3));
        let (rest, gone) = trained(&after, &key(1, n), &key(1, 3));
        assert_eq!(gone, 0.0);
        assert!((full - rest - share).abs() < 1e-5, "{full} became {rest}, {share} was claimed");
        moved += usize::from(share.abs() > 1e-3);
    }
    assert!(moved > 0, "the forgotten item had a share");
}

#[test]
fn trained_ranker_is_silent_without_likes_and_popularity_speaks() {
    let (_device, session) = crowd(|_| true);
    let hits = list(&session, 42);
    assert!(hits.iter().all(|hit| hit.reasons.iter().all(|reason| reason.term != "trained")));
    let popular = |hit: &Hit| hit.reasons.iter().find(|reason| reason.term == "popularity").map_or(0.0, |reason| reason.weight);
    assert!(hits.iter().filter(|hit| hit.key.starts_with("cold")).all(|hit| popular(hit) == 0.0));
    assert!(hits.iter().filter(|hit| !hit.key.starts_with("cold")).all(|hit| popular(hit) > 0.0));
    wait(session.record(vec![acted(&key(0, 0), "dislike")])).unwrap();
    assert!(list(&session, 40).iter().all(|hit| hit.reasons.iter().all(|reason| reason.term != "trained")));
}

#[test]
fn trained_ranker_comes_with_a_sync_and_is_reported() {
    let device = Device::new();
    let (mut built, _) = published(items(2), &rows(), &options(), None).unwrap();
    let full = built.manifest.clone();
    built.manifest.shards.retain(|shard| shard.kind != Kind::Ranker);
    serve(&device, &built);
    let session = device.open();
    assert_eq!(session.report().ranker, None);
    wait(session.record(vec![like(&key(2, 3))])).unwrap();
    assert!(list(&session, 5).iter().all(|hit| hit.reasons.iter().all(|reason| reason.term != "trained")));

    device.server.serve(URL, full.to_bytes());
    assert!(wait(session.sync(&Abort::new(), &|_| ())).unwrap());
    let report = session.report().ranker.unwrap();
    let shard = full.shards_of(&Kind::Ranker).next().unwrap();
    assert_eq!((&report.file, &report.sha256, report.bytes), (&shard.file, &shard.sha256, shard.bytes));
    assert!(report.terms.iter().any(|name| name == "transitions" || name == "ease"), "{report:?}");
    // One like does not tell the direction of the walk.
    let neighbors = [key(2, 2), key(2, 4)];
    assert!(neighbors.contains(&list(&session, 1)[0].key));
    // And without the network from what is on the device.
    device.server.set_down(true);
    assert!(neighbors.contains(&list(&device.open(), 1)[0].key));
}

#[test]
fn trained_ranker_says_what_is_similar() {
    let (_device, session) = crowd(|_| true);
    let wishes = Wishes { k: 41, explain: true, ..Wishes::default() };
    let near = wait(session.similar(&key(2, 3), &wishes)).unwrap();
    // The walk goes through 2 and 4, five steps at most; the texts are all alike.
    assert!(near[..2].iter().all(|hit| [key(2, 2), key(2, 4)].contains(&hit.key)), "{:?}", &near[..3]);
    assert!(near[..4].iter().all(|hit| hit.key.starts_with("c2-")));
    for hit in &near {
        let sum: f32 = hit.reasons.iter().map(|reason| reason.weight).sum();
        assert!((sum - hit.score).abs() < 1e-3, "{}: {sum} of {}", hit.key, hit.score);
        assert!(hit.reasons.iter().all(|reason| ["similar", "trained"].contains(&reason.term) && reason.because.is_empty()));
    }
    assert!(wait(session.similar("cold-0", &wishes)).unwrap().len() == 41, "an item that nobody met is like others by content");
}

/// A shop of 30 items a topic, where whoever met `tea-0` meets `lamps-7`.
fn shop_of_habits() -> TestSession {
    let device = Device::new();
    let items = |topic: usize| (0..30).map(move |n| row(&format!("{}-{n}", TOPICS[topic]), &vector(topic, n), DIM, 0, Default::default()));
    let model = Model { id: model_id(&pack()), dim: DIM, file: None, in_text_space: false };
    let mut shards = Vec::new();
    let keep = |shard: &Shard, bytes: Vec<u8>| {
        device.server.serve(&URL.replace(FILE, &shard.file), bytes.clone());
        shards.push(bytes.into());
        Ok(())
    };
    let mut manifest = build(model, (0..TOPICS.len()).flat_map(items).collect(), keep).unwrap();
    let catalog = Catalog::open(&manifest, shards).unwrap();
    let (from, to) = (catalog.ordinal("tea-0").unwrap(), catalog.ordinal("lamps-7").unwrap());
    let n = catalog.len();
    let rows = Rows {
        offsets: (0..=n as u32).map(|row| u32::from(row > from)).collect(),
        columns: vec![to], values: vec![127], scales: vec![1.0 / 127.0; n], base: vec![],
    };
    let term = Trained { name: "ease".into(), gain: 1.0, tau: f32::INFINITY, weights: Weights::Rows(rows) };
    let ranker = Ranker { keys: catalog.keys_hash(), users: 9, popularity: vec![1; n], by_deviation: false, unit: 0.1, terms: vec![term], clock: None };
    let bytes = write(&ranker).unwrap();
    let shard = Shard::of(Kind::Ranker, &bytes, n as u32);
    device.server.serve(&URL.replace(FILE, &shard.file), bytes);
    manifest.shards.push(shard);
    device.server.serve(URL, manifest.to_bytes());
    publish_model(&device.server, &pack());
    device.open_with_text()
}

#[test]
fn trained_ranker_speaks_in_a_personal_search() {
    let session = shop_of_habits();
    wait(session.record(vec![like("tea-0")])).unwrap();
    let search = |personal: f64| {
        let wishes = Wishes { k: 120, explain: true, ..Wishes::default() };
        wait(session.search(&Search { text: "lamps".into(), personal, wishes })).unwrap()
    };
    let place = |hits: &[Hit]| hits.iter().position(|hit| hit.key == "lamps-7").unwrap();
    let (plain, personal) = (search(0.0), search(0.5));
    assert!(plain.iter().all(|hit| hit.reasons.iter().all(|reason| reason.term == "text")));
    assert!(place(&plain) > 0, "by words alone others come first");
    assert_eq!(place(&personal), 0);
    let (weight, share) = trained(&personal, "lamps-7", "tea-0");
    // 0.5 of what a list of recommendations would give.
    let (whole, _) = trained(&list(&session, 20), "lamps-7", "tea-0");
    assert!((weight - 0.5 * whole).abs() < 1e-5 && (share - weight).abs() < 1e-6, "{weight} of {whole}");
    assert!(personal.iter().filter(|hit| hit.key != "lamps-7").all(|hit| hit.reasons.iter().all(|reason| reason.term != "trained")));
}
