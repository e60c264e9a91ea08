//! A changed index: only what changed is fetched, and the old one serves until the new one is whole.

use palate::engine::ask::Recommend;
use palate::platform::native::wait;
use palate::platform::{Abort, Store};
use serde_json::{Map, json};

use super::fixture::{DIM, Device, like, serve, vector};

/// Rows enough for several shards; `changed` gets another title.
fn many(changed: Option<usize>) -> Vec<palate::format::shard::Row> {
    (0..9_000)
        .map(|n| {
            let title = if changed == Some(n) { format!("item {n}, new") } else { format!("item {n}") };
            let metadata: Map<_, _> = json!({ "title": title }).as_object().unwrap().clone();
            palate::index::build::row(&format!("k{n}"), &vector(n % 4, n), DIM, 0, metadata)
        })
        .collect()
}

#[test]
fn swap_fetches_only_the_shard_that_changed() {
    let device = Device::new();
    let first = serve(&device.server, many(None));
    assert!(first.shards.len() >= 3, "{} shards", first.shards.len());
    let session = device.open();
    let second = serve(&device.server, many(Some(77)));
    let differing = second.shards.iter().filter(|shard| !first.shards.contains(shard)).count();
    assert_eq!(differing, 1);
    let before = device.server.requests().len();
    assert!(wait(session.sync(&Abort::new(), &|_| ())).unwrap());
    assert_eq!(device.server.requests().len(), before + 2, "the manifest and one shard");
    let catalog = session.snapshot().catalog.clone();
    assert_eq!(catalog.item(catalog.ordinal("k77").unwrap())["title"], "item 77, new");
    assert!(!wait(session.sync(&Abort::new(), &|_| ())).unwrap(), "nothing new");
}

#[test]
fn swap_removes_what_is_no_longer_used() {
    let device = Device::with_shop(50);
    let session = device.open_with_text();
    let names = || wait(device.store.list()).unwrap();
    let shards = |names: &[String]| names.iter().filter(|name| name.starts_with("shard-")).cloned().collect::<Vec<_>>();
    let before = shards(&names());
    super::fixture::publish(&device.server, 60, 1);
    wait(session.sync(&Abort::new(), &|_| ())).unwrap();
    wait(session.prepare_text(&Abort::new(), &|_| ())).unwrap();
    let after = names();
    assert!(before.iter().all(|name| !after.contains(name)), "old shards are gone");
    assert!(after.iter().any(|name| name.starts_with("pack-")), "the model stays");
    assert!(!after.iter().any(|name| name.starts_with("part-")), "no partial files");
}

#[test]
fn swap_keeps_the_history_of_items_that_vanished() {
    let device = Device::with_shop(50);
    let session = device.open();
    wait(session.record(vec![like("tea-45"), like("tea-3")])).unwrap();
    super::fixture::publish(&device.server, 10, 0);
    wait(session.sync(&Abort::new(), &|_| ())).unwrap();
    let profile = wait(session.profile()).unwrap();
    assert_eq!((profile.events, profile.unknown_items), (2, 1));
    assert!(wait(session.recommend(&Recommend::default())).unwrap()[0].key.starts_with("tea"));
    super::fixture::publish(&device.server, 50, 0);
    wait(session.sync(&Abort::new(), &|_| ())).unwrap();
    assert_eq!(wait(session.profile()).unwrap().unknown_items, 0);
}
