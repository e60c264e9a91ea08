//! After the first visit nothing needs the network.

use palate::engine::Options;
use palate::engine::ask::{Recommend, Search, Wishes};
use palate::platform::Abort;
use palate::platform::native::wait;

use super::fixture::{Device, like, publish};

#[test]
fn offline_everything_works_from_the_device() {
    let device = Device::with_shop(50);
    let session = device.open_with_text();
    wait(session.record(vec![like("tea-3")])).unwrap();
    drop(session);
    device.server.set_down(true);
    let session = device.open_with_text();
    assert_eq!(session.report().origin, "stored");
    assert_eq!(session.report().problem.unwrap().code(), "network");
    assert_eq!(session.report().history_events, 1);
    assert_eq!(wait(session.recommend(&Recommend::default())).unwrap().len(), 20);
    assert_eq!(wait(session.similar("tea-3", &Wishes::default())).unwrap().len(), 20);
    let search = Search { text: "boots".into(), ..Search::default() };
    assert_eq!(wait(session.search(&search)).unwrap().len(), 20);
}

#[test]
fn offline_after_open_nothing_is_asked() {
    let device = Device::with_shop(50);
    let session = device.open_with_text();
    let before = device.server.requests().len();
    for n in 0..50 {
        wait(session.record(vec![like(&format!("tea-{n}"))])).unwrap();
        wait(session.recommend(&Recommend::default())).unwrap();
        wait(session.search(&Search { text: "lamps".into(), ..Search::default() })).unwrap();
        wait(session.profile()).unwrap();
    }
    wait(session.export_history()).unwrap();
    assert_eq!(device.server.requests().len(), before);
}

#[test]
fn offline_a_broken_new_index_leaves_the_old_one_working() {
    let device = Device::with_shop(50);
    device.open();
    let manifest = publish(&device.server, 60, 1);
    let url = super::fixture::URL.replace("manifest.json", &manifest.shards[0].file);
    device.server.serve(&url, vec![0; 100]);
    let session = device.open();
    assert_eq!(session.report().items, 200, "the old one");
    assert_eq!(session.report().problem.unwrap().code(), "corrupt");
    assert!(wait(session.sync(&Abort::new(), &|_| ())).is_err());
    publish(&device.server, 60, 1);
    assert!(wait(session.sync(&Abort::new(), &|_| ())).unwrap());
    assert_eq!(session.report().items, 240);
    assert_eq!(session.report().problem, None);
}

#[test]
fn offline_a_restarted_worker_asks_for_nothing() {
    let device = Device::with_shop(50);
    device.open_with_text();
    let before = device.server.requests().len();
    let options = || Options { from_device: true, ..super::fixture::options() };
    let session = device.try_open(options()).unwrap();
    assert_eq!(wait(session.search(&Search { text: "boots".into(), ..Search::default() })).unwrap().len(), 20);
    assert_eq!(device.server.requests().len(), before);
    // With nothing on the device it fetches, as there is no other way.
    assert_eq!(Device { store: Default::default(), ..device.clone() }.try_open(options()).unwrap().report().items, 200);
}
