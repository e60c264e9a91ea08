//! The learner on the device: what a visitor does with a list's items tells what the terms are worth to him.

use palate::engine::ask::{Hit, Recommend, Wishes};
use palate::engine::events::Forget;
use palate::engine::profile::Profile;
use palate::platform::Store;
use palate::platform::native::wait;
use serde_json::json;

use super::fixture::{Device, TestSession, acted, count, like};

fn asked(seed: u64) -> Recommend {
    let wishes = Wishes { k: 100, diversity: 0.0, explain: true, ..Recommend::default().wishes };
    Recommend { wishes, context: json!({"text": "lamps"}).as_object().unwrap().clone(), seed: Some(seed), ..Recommend::default() }
}

fn list(session: &TestSession) -> Vec<Hit> {
    wait(session.recommend(&asked(1))).unwrap()
}

fn profile(session: &TestSession) -> Profile {
    wait(session.profile()).unwrap()
}

fn factor(profile: &Profile, term: &str) -> f64 {
    profile.learned.iter().find(|worth| worth.term == term).unwrap().factor
}

/// A visitor with a taste for tea, in a situation of lamps, who acts on `acts` out of the list.
fn visited(device: &Device, acts: &[(&str, &str)]) -> TestSession {
    let session = device.open_with_text();
    wait(session.record((0..3).map(|n| like(&format!("tea-{n}"))).collect())).unwrap();
    list(&session);
    for (key, event) in acts {
        wait(session.record(vec![acted(key, event)])).unwrap();
    }
    session
}

const LAMPS: [(&str, &str); 4] = [("lamps-1", "like"), ("lamps-2", "save"), ("tea-5", "dismiss"), ("tea-6", "dismiss")];

#[test]
fn learning_follows_what_is_acted_on_and_turned_down() {
    let device = Device::with_shop(50);
    let session = visited(&device, &LAMPS);
    let learned = profile(&session);
    assert_eq!(learned.observations, 4);
    assert!(factor(&learned, "context") > 1.1, "{:?}", learned.learned);
    assert!(factor(&learned, "liked") < 0.9, "{:?}", learned.learned);
    assert_eq!(factor(&learned, "popularity"), 1.0, "no term of that name was there");
    let deviation = |term: &str| learned.learned.iter().find(|worth| worth.term == term).unwrap().deviation;
    assert!(deviation("context") < deviation("popularity"));
    let keys = |hits: &[Hit]| hits.iter().take(30).map(|hit| hit.key.clone()).collect::<Vec<_>>();
    let untaught = visited(&Device::with_shop(50), &[]);
    assert!(count(&keys(&list(&session)), "lamps") > count(&keys(&list(&untaught)), "lamps"));
}

#[test]
fn learning_keeps_scores_exact_sums() {
    let session = visited(&Device::with_shop(50), &LAMPS);
    let learned = profile(&session);
    for hit in list(&session) {
        let sum: f32 = hit.reasons.iter().map(|reason| reason.weight).sum();
        assert!((sum - hit.score).abs() < 1e-5, "{}: {sum} of {}", hit.key, hit.score);
    }
    // And the addends are the shipped ones times what was learned.
    let plain = visited(&Device::with_shop(50), &[]);
    let context = |hits: &[Hit]| hits.iter().find(|hit| hit.key == "lamps-9").and_then(|hit| hit.reasons.iter().find(|r| r.term == "context")).unwrap().weight;
    let (taught, shipped) = (context(&list(&session)), context(&list(&plain)));
    assert!((f64::from(taught) - factor(&learned, "context") * f64::from(shipped)).abs() < 1e-5, "{taught} of {shipped}");
}

#[test]
fn learning_needs_a_list_and_learns_from_a_showing_once() {
    let session = visited(&Device::with_shop(50), &[("lamps-1", "like"), ("lamps-1", "save"), ("lamps-2", "view"), ("lamps-3", "click")]);
    assert_eq!(profile(&session).observations, 1);
    let session = Device::with_shop(50).open_with_text();
    wait(session.record(vec![like("lamps-1")])).unwrap();
    assert_eq!(profile(&session).observations, 0, "nothing had been shown");
}

#[test]
fn learning_is_a_replay_of_the_history() {
    let device = Device::with_shop(50);
    let session = visited(&device, &LAMPS);
    let learned = profile(&session).learned;
    let again = device.open_with_text();
    assert_eq!(profile(&again).learned, learned, "a session that starts again");
    let file = wait(session.export_history()).unwrap();
    let other = Device::with_shop(50).open_with_text();
    wait(other.import_history(&file)).unwrap();
    assert_eq!(profile(&other).learned, learned, "a device that imports");
    assert_eq!(list(&again), list(&other));
}

#[test]
fn learning_is_forgotten_with_what_it_came_from() {
    let device = Device::with_shop(50);
    let session = visited(&device, &LAMPS);
    wait(session.forget(&Forget::Item("lamps-1".into()))).unwrap();
    assert_eq!(profile(&session).observations, 3);
    let events = profile(&session).events.len();
    assert_eq!(wait(session.forget(&Forget::Learned)).unwrap(), 3);
    let after = profile(&session);
    assert_eq!((after.observations, after.events.len()), (0, events), "the events stay");
    assert!(after.learned.iter().all(|worth| worth.factor == 1.0));
    assert_eq!(profile(&device.open()).observations, 0, "for good");
    assert_eq!(wait(session.forget(&Forget::Learned)).unwrap(), 0);
    // What was shown before is forgotten too.
    wait(session.record(vec![like("lamps-7")])).unwrap();
    assert_eq!(profile(&session).observations, 0);
}

#[test]
fn learning_leaves_no_plain_bytes() {
    let device = Device::with_shop(50);
    visited(&device, &LAMPS);
    for name in wait(device.store.list()).unwrap().into_iter().filter(|name| name.starts_with("history")) {
        let bytes = wait(device.store.read(&name)).unwrap().unwrap();
        for word in ["shown", "context", "lamps-1"] {
            assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} stands in {name}");
        }
    }
}

#[test]
fn learning_refuses_showings_out_of_range() {
    let session = Device::with_shop(5).open();
    let with = |shown: serde_json::Value| {
        let event = json!({"item": "tea-1", "event": "like", "time": 1.0, "shown": shown});
        wait(session.import_history(&json!({"format": "palate-history", "version": 1, "events": [event]}).to_string()))
    };
    assert_eq!(with(json!({"liked": 1e9})).unwrap_err().code(), "bad-input");
    let many: serde_json::Map<_, _> = (0..17).map(|n| (format!("t{n}"), json!(0.1))).collect();
    assert_eq!(with(many.into()).unwrap_err().code(), "bad-input");
    assert_eq!(with(json!({"liked": "x"})).unwrap_err().code(), "bad-input");
    assert_eq!(with(json!({"liked": 0.5, "unheard-of": -3.0})).unwrap().added, 1, "terms of another build are legal");
    assert_eq!(profile(&session).observations, 1);
}
