//! One log in one tab: what is acknowledged is kept, whatever happens to the bytes.

use palate::Error;
use palate::format::history::{FRAME, HEADER};
use palate::history::log::{BLOB, DAMAGED_BLOB, Damage, MAX_EVENTS};
use palate::history::{Event, Kind, Log};
use palate::platform::memory::MemoryStore;
use palate::platform::native::{KeySeal, wait};
use palate::platform::Store;

use super::event;

fn open(store: &MemoryStore, seal: &KeySeal) -> Log {
    wait(Log::open(store, seal)).unwrap()
}

/// A store with `count` records of one event each.
fn filled(seal: &KeySeal, count: usize) -> (MemoryStore, Log) {
    let store = MemoryStore::new();
    let log = open(&store, seal);
    for n in 0..count {
        wait(log.append(&store, seal, vec![event(&format!("item-{n}"), Kind::Like, n as f64)])).unwrap();
    }
    (store, log)
}

fn items(log: &Log) -> Vec<String> {
    log.events().iter().map(|event| event.item.clone()).collect()
}

fn bytes(store: &MemoryStore) -> Vec<u8> {
    wait(store.read(BLOB)).unwrap().unwrap()
}

#[test]
fn log_gives_back_what_was_appended() {
    let seal = KeySeal::fresh();
    let (store, log) = filled(&seal, 3);
    let again = open(&store, &seal);
    assert_eq!(*again.events(), *log.events());
    assert_eq!(again.damage(), Damage::default());
    wait(again.append(&store, &seal, vec![event("next", Kind::View, 9.0), event("last", Kind::Save, 10.0)])).unwrap();
    assert_eq!(items(&open(&store, &seal)), ["item-0", "item-1", "item-2", "next", "last"]);
}

#[test]
fn log_writes_nothing_before_the_first_event() {
    let store = MemoryStore::new();
    open(&store, &KeySeal::fresh());
    assert!(store.at_rest().is_empty());
}

#[test]
fn log_at_rest_holds_neither_keys_nor_events() {
    let (store, _) = filled(&KeySeal::fresh(), 5);
    let rest = store.at_rest();
    for word in ["item", "like", "event", "item-3"] {
        assert!(!rest.windows(word.len()).any(|window| window == word.as_bytes()), "{word} stands in the clear");
    }
}

#[test]
fn log_hides_key_lengths_by_padding() {
    let seal = KeySeal::fresh();
    let len_with = |key: &str| {
        let store = MemoryStore::new();
        wait(open(&store, &seal).append(&store, &seal, vec![event(key, Kind::Like, 1.0)])).unwrap();
        bytes(&store).len()
    };
    assert_eq!(len_with("a"), len_with("abcdefgh"));
}

#[test]
fn log_cut_anywhere_loses_only_the_cut_record() {
    let seal = KeySeal::fresh();
    let (store, _) = filled(&seal, 4);
    let whole = bytes(&store);
    let record = (whole.len() - HEADER) / 4;
    for cut in 0..whole.len() {
        let torn = MemoryStore::new();
        wait(torn.write(BLOB, &whole[..cut])).unwrap();
        let log = open(&torn, &seal);
        let left = cut.saturating_sub(HEADER) / record;
        assert_eq!(log.events().len(), left, "cut at {cut}");
        wait(log.append(&torn, &seal, vec![event("after", Kind::Like, 9.0)])).unwrap();
        let again = open(&torn, &seal);
        assert_eq!(again.events().len(), left + 1, "cut at {cut}, then appended");
        assert_eq!(again.damage(), Damage::default(), "the torn tail is gone after a cut at {cut}");
    }
}

#[test]
fn log_flipped_anywhere_loses_at_most_one_record() {
    let seal = KeySeal::fresh();
    let (store, _) = filled(&seal, 4);
    let whole = bytes(&store);
    for at in 0..whole.len() {
        for bit in [0, 7] {
            let flipped = MemoryStore::new();
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            wait(flipped.write(BLOB, &bytes)).unwrap();
            let log = open(&flipped, &seal);
            if at < HEADER {
                assert_eq!(log.events().len(), 4, "bit {bit} of byte {at}: the header stands twice");
            } else {
                assert_eq!(log.events().len(), 3, "bit {bit} of byte {at}");
                let damage = log.damage();
                assert!(damage.records == 1 || damage.torn_bytes > 0, "bit {bit} of byte {at} is counted: {damage:?}");
            }
            wait(log.append(&flipped, &seal, vec![event("after", Kind::Like, 9.0)])).unwrap();
            assert_eq!(open(&flipped, &seal).events().len(), log.events().len());
        }
    }
}

#[test]
fn log_records_cannot_change_places_or_logs() {
    let seal = KeySeal::fresh();
    let (store, _) = filled(&seal, 2);
    let whole = bytes(&store);
    let record = (whole.len() - HEADER) / 2;
    let (first, second) = whole[HEADER..].split_at(record);
    let swapped = MemoryStore::new();
    wait(swapped.write(BLOB, &[&whole[..HEADER], second, first].concat())).unwrap();
    let log = open(&swapped, &seal);
    assert_eq!((items(&log), log.damage().records), (vec!["item-1".to_owned()], 1));

    // The payload of one under the head of the other: authenticated against its place.
    let crossed = MemoryStore::new();
    let mixed = [&whole[..HEADER], &first[..FRAME], &second[FRAME..], &second[..FRAME], &first[FRAME..]].concat();
    wait(crossed.write(BLOB, &mixed)).unwrap();
    let log = open(&crossed, &seal);
    assert_eq!((log.events().len(), log.damage().records), (0, 2));

    // A record of another log under the same key.
    let (other, _) = filled(&seal, 1);
    let grafted = MemoryStore::new();
    wait(grafted.write(BLOB, &[&whole[..], &bytes(&other)[HEADER..]].concat())).unwrap();
    assert_eq!(open(&grafted, &seal).events().len(), 2);
}

#[test]
fn log_with_a_lost_key_counts_and_goes_on() {
    let (store, _) = filled(&KeySeal::fresh(), 3);
    let seal = KeySeal::fresh();
    let log = open(&store, &seal);
    assert_eq!((log.events().len(), log.damage().records), (0, 3));
    wait(log.append(&store, &seal, vec![event("new", Kind::Like, 1.0)])).unwrap();
    assert_eq!(items(&open(&store, &seal)), ["new"]);
}

#[test]
fn log_of_a_newer_version_is_refused_and_left_alone() {
    let seal = KeySeal::fresh();
    let (store, _) = filled(&seal, 1);
    let mut newer = bytes(&store);
    for copy in [0, HEADER / 2] {
        newer[copy + 4] = 2;
        let check = palate::format::digest::sha256(&newer[copy..copy + 24]);
        let check = palate::format::digest::unhex(&check[..8]).unwrap();
        newer[copy + 24..copy + 28].copy_from_slice(&check);
    }
    wait(store.write(BLOB, &newer)).unwrap();
    let error = wait(Log::open(&store, &seal)).err().unwrap();
    assert_eq!(error, Error::Version { what: "The history on this device".into(), found: 2, supported: 1 });
    assert_eq!(bytes(&store), newer);
}

#[test]
fn log_that_is_no_log_is_set_aside_not_lost() {
    let store = MemoryStore::new();
    let seal = KeySeal::fresh();
    wait(store.write(BLOB, &[0xaa; 300])).unwrap();
    let log = open(&store, &seal);
    assert!(log.damage().header);
    assert_eq!(wait(store.read(DAMAGED_BLOB)).unwrap().unwrap(), [0xaa; 300]);
    wait(log.append(&store, &seal, vec![event("new", Kind::Like, 1.0)])).unwrap();
    assert_eq!(items(&open(&store, &seal)), ["new"]);
}

#[test]
fn log_full_device_refuses_and_loses_nothing() {
    let seal = KeySeal::fresh();
    let (store, log) = filled(&seal, 2);
    let before = bytes(&store);
    store.set_quota(Some(before.len() as u64 + 10));
    let error = wait(log.append(&store, &seal, vec![event("new", Kind::Like, 1.0)])).unwrap_err();
    assert_eq!(error.code(), "quota");
    assert_eq!((bytes(&store), log.events().len()), (before, 2));
    store.set_quota(None);
    wait(log.append(&store, &seal, vec![event("new", Kind::Like, 1.0)])).unwrap();
    assert_eq!(items(&open(&store, &seal)), ["item-0", "item-1", "new"]);
}

#[test]
fn log_write_torn_at_any_byte_is_not_acknowledged_and_harms_nothing() {
    let seal = KeySeal::fresh();
    for cut in 0..150 {
        let (store, log) = filled(&seal, 1);
        store.tear_next_append(cut);
        assert!(wait(log.append(&store, &seal, vec![event("torn", Kind::Like, 1.0)])).is_err());
        wait(log.append(&store, &seal, vec![event("whole", Kind::Like, 2.0)])).unwrap();
        let again = open(&store, &seal);
        assert_eq!(items(&again), ["item-0", "whole"], "torn after {cut} bytes");
        assert_eq!(again.damage(), Damage::default());
    }
}

#[test]
fn log_forgets_for_good() {
    let seal = KeySeal::fresh();
    let (store, log) = filled(&seal, 3);
    let before = bytes(&store);
    assert_eq!(wait(log.retain(&store, &seal, |event| event.item != "item-1")).unwrap(), 1);
    let after = bytes(&store);
    assert_eq!(items(&open(&store, &seal)), ["item-0", "item-2"]);
    let kept = before[HEADER..].windows(32).any(|window| after.windows(32).any(|other| other == window));
    assert!(!kept, "not one old record stands in the new file");
    assert_eq!(wait(log.clear(&store, &seal)).unwrap(), 2);
    assert!(open(&store, &seal).events().is_empty());
    wait(log.append(&store, &seal, vec![event("new", Kind::Like, 1.0)])).unwrap();
    assert_eq!(items(&open(&store, &seal)), ["new"]);
}

#[test]
fn log_repeated_call_is_recorded_once() {
    let (store, seal) = (MemoryStore::new(), KeySeal::fresh());
    let log = open(&store, &seal);
    let called = Event { call: Some("call-1".into()), ..event("a", Kind::Like, 1.0) };
    wait(log.append(&store, &seal, vec![called.clone()])).unwrap();
    let reopened = open(&store, &seal);
    wait(reopened.append(&store, &seal, vec![called.clone()])).unwrap();
    assert_eq!(open(&store, &seal).events().len(), 1);
    wait(reopened.append(&store, &seal, vec![Event { call: Some("call-2".into()), ..called }])).unwrap();
    assert_eq!(open(&store, &seal).events().len(), 2);
}

#[test]
fn log_over_its_limit_drops_old_views_first() {
    let (store, seal) = (MemoryStore::new(), KeySeal::fresh());
    let log = open(&store, &seal);
    wait(log.append(&store, &seal, vec![event("liked-first", Kind::Like, 0.0)])).unwrap();
    let views = (0..MAX_EVENTS).map(|n| event(&format!("v{n}"), Kind::View, n as f64)).collect();
    wait(log.append(&store, &seal, views)).unwrap();
    let again = open(&store, &seal);
    assert!(again.events().len() < MAX_EVENTS);
    assert_eq!(again.events()[0].item, "liked-first");
    assert_eq!(again.events().last().unwrap().item, format!("v{}", MAX_EVENTS - 1));
}
