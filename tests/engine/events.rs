//! Recording, forgetting, export and import through a session.

use palate::engine::ask::Recommend;
use palate::engine::events::{Forget, Imported};
use palate::format::history::EventRow;
use palate::platform::native::wait;

use super::fixture::{Device, NOW, acted, like};

#[test]
fn events_of_unknown_items_are_refused_all_or_none() {
    let session = Device::with_shop(10).open();
    let error = wait(session.record(vec![like("tea-1"), like("secret-9")])).unwrap_err();
    assert_eq!(error.code(), "not-found");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(session.report().history_events, 0);
}

#[test]
fn events_out_of_range_are_refused() {
    let session = Device::with_shop(10).open();
    for value in [f64::NAN, f64::INFINITY, 1e300] {
        let row = EventRow { value: Some(value), ..like("tea-1") };
        assert_eq!(wait(session.record(vec![row])).unwrap_err().code(), "bad-input");
    }
    assert_eq!(session.report().history_events, 0);
}

#[test]
fn events_forgotten_are_gone_from_lists_and_device() {
    let device = Device::with_shop(10);
    let session = device.open();
    let before = EventRow { at: NOW - 1000.0, ..like("boots-1") };
    wait(session.record(vec![before, like("tea-1"), like("films-1")])).unwrap();
    assert_eq!(wait(session.forget(&Forget::Before(NOW))).unwrap(), 1);
    assert_eq!(wait(session.forget(&Forget::Item("tea-1".into()))).unwrap(), 1);
    let profile = wait(session.profile()).unwrap();
    assert_eq!((profile.events, profile.likes[0].items[0].key.as_str()), (1, "films-1"));
    assert_eq!(wait(session.forget(&Forget::Before(f64::NAN))).unwrap_err().code(), "bad-input");
    assert_eq!(wait(session.forget(&Forget::All)).unwrap(), 1);
    assert_eq!(device.open().report().history_events, 0);
}

#[test]
fn events_travel_by_export_and_import_once() {
    let session = Device::with_shop(10).open();
    wait(session.record(vec![like("boots-1"), acted("tea-1", "dislike")])).unwrap();
    let text = wait(session.export_history()).unwrap();
    let device = Device::with_shop(10);
    let other = device.open();
    assert_eq!(wait(other.import_history(&text)).unwrap(), Imported { added: 2, known: 0, unknown_items: 0 });
    assert_eq!(wait(other.import_history(&text)).unwrap(), Imported { added: 0, known: 2, unknown_items: 0 });
    assert_eq!(wait(other.export_history()).unwrap(), text);
    let foreign = text.replace("boots-1", "gone-1");
    assert_eq!(wait(other.import_history(&foreign)).unwrap().unknown_items, 1);
    assert_eq!(wait(other.import_history(&text.replace("like", "liek"))).unwrap_err().code(), "bad-input");
    assert_eq!(device.open().report().history_events, 3);
}

#[test]
fn events_of_another_tab_count_at_once() {
    let device = Device::with_shop(10);
    let (first, second) = (device.open(), device.open());
    wait(first.record(vec![like("tea-1")])).unwrap();
    let list = wait(second.recommend(&Recommend::default())).unwrap();
    assert!(list[0].key.starts_with("tea") && list.iter().all(|hit| hit.key != "tea-1"));
}

#[test]
fn events_after_close_are_refused() {
    let session = Device::with_shop(10).open();
    session.close();
    session.close();
    assert_eq!(wait(session.record(vec![like("tea-1")])).unwrap_err().code(), "closed");
    assert_eq!(wait(session.recommend(&Recommend::default())).unwrap_err().code(), "closed");
}
