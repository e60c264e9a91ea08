//! Lists of a session: they adapt, they explain themselves, they keep the rules.

use palate::engine::ask::{Hit, Recommend, Wishes};
use palate::rank::arrange::{Aim, Cap, Variety};
use palate::platform::native::wait;
use palate::rank::rules::Seen;
use serde_json::{Value, json};

use super::fixture::{Device, TestSession, acted, count, like};

fn wishes(k: usize) -> Wishes {
    Wishes { k, ..Recommend::default().wishes }
}

fn list(session: &TestSession, wishes: Wishes) -> Vec<Hit> {
    wait(session.recommend(&Recommend { wishes, ..Recommend::default() })).unwrap()
}

fn keys(hits: &[Hit]) -> Vec<String> {
    hits.iter().map(|hit| hit.key.clone()).collect()
}

#[test]
fn lists_adapt_after_one_like() {
    let session = Device::with_shop(50).open();
    wait(session.record(vec![like("lamps-4")])).unwrap();
    let hits = list(&session, Wishes { diversity: 0.0, ..wishes(10) });
    assert_eq!(count(&keys(&hits), "lamps"), 10);
    assert!(!keys(&hits).contains(&"lamps-4".to_owned()), "what was judged does not come again");
}

#[test]
fn lists_serve_several_interests() {
    let session = Device::with_shop(50).open();
    let rows = (0..3).flat_map(|n| [like(&format!("tea-{n}")), like(&format!("boots-{n}"))]).collect();
    wait(session.record(rows)).unwrap();
    let keys = keys(&list(&session, Wishes { diversity: 0.3, ..wishes(10) }));
    assert!(count(&keys, "tea") >= 3 && count(&keys, "boots") >= 3, "{keys:?}");
}

#[test]
fn lists_avoid_what_was_disliked() {
    let session = Device::with_shop(50).open();
    let rows = (0..3).flat_map(|n| [like(&format!("tea-{n}")), acted(&format!("films-{n}"), "dislike")]).collect();
    wait(session.record(rows)).unwrap();
    let hits = list(&session, Wishes { k: 147, diversity: 0.0, ..wishes(1) });
    let keys = keys(&hits);
    assert_eq!(count(&keys[..47], "tea"), 47);
    assert_eq!(count(&keys, "films"), 0, "the disliked topic stands at the very end");
}

#[test]
fn lists_explain_themselves_from_the_score_alone() {
    let session = Device::with_shop(50).open_with_text();
    let rows = vec![like("tea-1"), like("tea-2"), acted("tea-2", "view"), acted("boots-7", "save"), acted("films-1", "dislike")];
    wait(session.record(rows)).unwrap();
    let context = json!({"text": "lamps"}).as_object().unwrap().clone();
    let ask = Recommend { wishes: Wishes { explain: true, ..wishes(40) }, context, ..Recommend::default() };
    let hits = wait(session.recommend(&ask)).unwrap();
    for hit in &hits {
        let sum: f32 = hit.reasons.iter().map(|reason| reason.weight).sum();
        assert!((sum - hit.score).abs() < 1e-5, "{} is {} of {}", hit.key, sum, hit.score);
        for reason in &hit.reasons {
            let parts: f32 = reason.because.iter().map(|(_, part)| part).sum();
            assert!(reason.because.is_empty() || parts.abs() <= reason.weight.abs() * 1.5 + 1e-3, "{reason:?}");
        }
    }
    let first_tea = hits.iter().find(|hit| hit.key.starts_with("tea")).unwrap();
    let liked = first_tea.reasons.iter().find(|reason| reason.term == "liked").unwrap();
    assert!(liked.because.iter().all(|(key, _)| key.starts_with("tea")), "{liked:?}");
    assert!(list(&session, wishes(5)).iter().all(|hit| hit.reasons.is_empty()), "only when asked for");
}

#[test]
fn lists_keep_filters() {
    let session = Device::with_shop(50).open();
    let filtered = |filter: Value| list(&session, Wishes { k: 200, filter: filter.as_object().unwrap().clone(), ..wishes(1) });
    assert_eq!(filtered(json!({"topic": "tea"})).len(), 50);
    assert_eq!(filtered(json!({"topic": ["tea", "boots"]})).len(), 100);
    assert_eq!(filtered(json!({"topic": "tea", "price": {"min": 10, "max": 12}})).len(), 3);
    assert_eq!(filtered(json!({"tags": "even", "topic": "tea"})).len(), 25);
    assert_eq!(filtered(json!({"topic": {"not": ["tea", "boots"]}})).len(), 100);
    assert_eq!(filtered(json!({"price": 3.0})).len(), 4);
    assert!(filtered(json!({"no-such-field": 1})).is_empty());
    let bad = [json!({"price": {"from": 1}}), json!({"price": {}}), json!({"price": {"min": true}}), json!({"price": {"not": 1, "min": 2}})];
    for filter in bad {
        let ask = Recommend { wishes: Wishes { filter: filter.as_object().unwrap().clone(), ..wishes(1) }, ..Recommend::default() };
        assert_eq!(wait(session.recommend(&ask)).unwrap_err().code(), "bad-input", "{filter}");
    }
}

#[test]
fn lists_keep_exclusions_and_seen_rules() {
    let session = Device::with_shop(5).open();
    wait(session.record(vec![like("tea-0"), acted("tea-1", "view")])).unwrap();
    let with = |seen, exclude: &[&str]| {
        keys(&list(&session, Wishes { k: 100, seen, exclude: exclude.iter().map(|key| key.to_string()).collect(), ..wishes(1) }))
    };
    assert_eq!(with(Seen::HideJudged, &[]).len(), 19);
    assert_eq!(with(Seen::HideAll, &[]).len(), 18);
    assert_eq!(with(Seen::Show, &[]).len(), 20);
    let excluded = with(Seen::Show, &["boots-1", "unknown"]);
    assert!(excluded.len() == 19 && !excluded.contains(&"boots-1".to_owned()));
}

#[test]
fn lists_without_history_are_varied_and_stable() {
    let device = Device::with_shop(50);
    let first = keys(&list(&device.open(), wishes(12)));
    for topic in super::fixture::TOPICS {
        assert!(count(&first, topic) >= 1, "{topic} is missing in {first:?}");
    }
    assert_eq!(keys(&list(&device.open(), wishes(12))), first);
}

#[test]
fn lists_explore_in_their_share_of_slots() {
    let session = Device::with_shop(50).open();
    wait(session.record((0..5).map(|n| like(&format!("tea-{n}"))).collect())).unwrap();
    let ask = |explore, seed| Recommend { wishes: Wishes { explain: true, ..wishes(20) }, explore, seed: Some(seed), ..Recommend::default() };
    let explored = |hits: &[Hit]| hits.iter().filter(|hit| hit.reasons.iter().any(|reason| reason.term == "explore")).count();
    let hits = wait(session.recommend(&ask(0.25, 1))).unwrap();
    assert_eq!((hits.len(), explored(&hits)), (20, 5));
    assert!(!hits[0].reasons.iter().any(|reason| reason.term == "explore"), "the first slot stays");
    assert_eq!(keys(&wait(session.recommend(&ask(0.25, 1))).unwrap()), keys(&hits), "same seed, same list");
    assert_ne!(keys(&wait(session.recommend(&ask(0.25, 2))).unwrap()), keys(&hits));
    assert_eq!(explored(&wait(session.recommend(&ask(0.0, 1))).unwrap()), 0);
    let distinct: std::collections::BTreeSet<_> = keys(&hits).into_iter().collect();
    assert_eq!(distinct.len(), 20);
}

#[test]
fn lists_explore_what_the_history_does_not_speak_of() {
    let session = Device::with_shop(50).open();
    wait(session.record((0..5).map(|n| like(&format!("tea-{n}"))).collect())).unwrap();
    let mut topics = std::collections::BTreeSet::new();
    let mut tea = 0;
    for seed in 0..40 {
        let ask = Recommend { wishes: Wishes { explain: true, ..wishes(10) }, explore: 0.2, seed: Some(seed), ..Recommend::default() };
        for hit in wait(session.recommend(&ask)).unwrap() {
            let sum: f32 = hit.reasons.iter().map(|reason| reason.weight).sum();
            assert!((sum - hit.score).abs() < 1e-5, "what is drawn decides the place, not the score");
            if hit.reasons.iter().any(|reason| reason.term == "explore") {
                topics.insert(hit.key.split('-').next().unwrap().to_owned());
                tea += usize::from(hit.key.starts_with("tea"));
            }
        }
    }
    assert_eq!(topics.len(), 4, "every topic may be worth a try: {topics:?}");
    assert!((20..=70).contains(&tea), "and what is liked is likelier than by chance (a quarter of 80): {tea}");
}

fn aim(field: &str, weight: f64) -> Option<Aim> {
    Some(Aim { field: field.into(), weight })
}

#[test]
fn lists_are_calibrated_to_the_history() {
    let session = Device::with_shop(50).open();
    let rows = (0..6).map(|n| like(&format!("tea-{n}"))).chain([like("boots-1"), like("boots-2")]).collect();
    wait(session.record(rows)).unwrap();
    let with = |calibrate| keys(&list(&session, Wishes { diversity: 0.0, calibrate, ..wishes(16) }));
    assert_eq!(with(aim("topic", 0.0)), with(None));
    let calibrated = with(aim("topic", 0.9));
    let (tea, boots) = (count(&calibrated, "tea"), count(&calibrated, "boots"));
    // Fading makes the later likes, the boots, a little heavier than a quarter.
    assert!(tea + boots == 16 && (3..=6).contains(&boots), "{tea} of tea, {boots} of boots");
    assert_eq!(with(aim("no-such-field", 0.9)), with(None), "a field that says nothing changes nothing");
}

#[test]
fn lists_keep_caps_as_far_as_others_fill_them() {
    let session = Device::with_shop(50).open();
    wait(session.record((0..5).map(|n| like(&format!("tea-{n}"))).collect())).unwrap();
    let cap = Some(Cap { field: "topic".into(), most: 3 });
    for explore in [0.0, 0.5] {
        let ask = Recommend { wishes: Wishes { diversity: 0.6, cap: cap.clone(), ..wishes(8) }, explore, seed: Some(3), ..Recommend::default() };
        let keys = keys(&wait(session.recommend(&ask)).unwrap());
        for topic in super::fixture::TOPICS {
            assert!(count(&keys, topic) <= 3, "{topic} in {keys:?}, explore {explore}");
        }
    }
    let filter = json!({"topic": "tea"}).as_object().unwrap().clone();
    assert_eq!(list(&session, Wishes { cap, filter, ..wishes(8) }).len(), 8);
}

#[test]
fn lists_share_attention_among_providers() {
    let session = Device::with_shop(50).open();
    let rows = (0..3).flat_map(|n| [like(&format!("tea-{n}")), like(&format!("boots-{n}"))]).collect();
    wait(session.record(rows)).unwrap();
    let attention = |fair, topic: &str| {
        let keys = keys(&list(&session, Wishes { diversity: 0.0, fair, ..wishes(80) }));
        let places = keys.iter().enumerate().filter(|(_, key)| key.starts_with(topic));
        places.map(|(place, _)| palate::rank::correct::exposure(place)).sum::<f64>()
    };
    let uneven = (attention(None, "tea") - attention(None, "boots")).abs();
    let even = (attention(aim("topic", 1.0), "tea") - attention(aim("topic", 1.0), "boots")).abs();
    assert!(even < uneven, "{even} against {uneven}");
    assert_eq!(attention(aim("topic", 0.0), "tea"), attention(None, "tea"));
}

#[test]
fn lists_are_varied_by_volume_too() {
    let session = Device::with_shop(50).open();
    let rows = (0..3).flat_map(|n| [like(&format!("tea-{n}")), like(&format!("boots-{n}"))]).collect();
    wait(session.record(rows)).unwrap();
    let with = |variety, diversity| keys(&list(&session, Wishes { diversity, variety, ..wishes(10) }));
    assert_eq!(with(Variety::Dpp, 0.0), with(Variety::Mmr, 0.0));
    let varied = with(Variety::Dpp, 0.6);
    assert_eq!(with(Variety::Dpp, 0.6), varied);
    assert_ne!(varied, with(Variety::Mmr, 0.0));
    assert!(count(&varied, "tea") >= 2 && count(&varied, "boots") >= 2, "{varied:?}");
    let long = list(&session, Wishes { k: 150, diversity: 0.5, variety: Variety::Dpp, ..wishes(1) });
    let distinct: std::collections::BTreeSet<_> = keys(&long).into_iter().collect();
    assert_eq!(distinct.len(), 150);
}

#[test]
fn lists_of_similar_items() {
    let session = Device::with_shop(20).open();
    let near = wait(session.similar("boots-3", &Wishes { k: 19, ..Wishes::default() })).unwrap();
    assert_eq!(count(&keys(&near), "boots"), 19);
    assert!(near.iter().all(|hit| hit.key != "boots-3"));
    assert!(near.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert_eq!(near[0].item["topic"], "boots");
    assert_eq!(wait(session.similar("nothing", &Wishes::default())).unwrap_err().code(), "not-found");
}

#[test]
fn lists_refuse_wishes_out_of_range() {
    let session = Device::with_shop(5).open();
    let bad = [
        Recommend { wishes: wishes(0), ..Recommend::default() },
        Recommend { wishes: wishes(1001), ..Recommend::default() },
        Recommend { wishes: Wishes { diversity: f64::NAN, ..wishes(5) }, ..Recommend::default() },
        Recommend { wishes: Wishes { calibrate: aim("topic", 1.5), ..wishes(5) }, ..Recommend::default() },
        Recommend { wishes: Wishes { fair: aim("", 0.5), ..wishes(5) }, ..Recommend::default() },
        Recommend { wishes: Wishes { cap: Some(Cap { field: "topic".into(), most: 0 }), ..wishes(5) }, ..Recommend::default() },
        Recommend { explore: 1.5, ..Recommend::default() },
        Recommend { popularity: Some(f64::INFINITY), ..Recommend::default() },
        Recommend { context: json!({"text": 5}).as_object().unwrap().clone(), ..Recommend::default() },
    ];
    for ask in bad {
        let error = wait(session.recommend(&ask)).unwrap_err();
        assert_eq!(error.code(), "bad-input");
        assert!(error.to_string().contains("Pass"), "{error}");
    }
}

#[test]
fn lists_break_ties_by_key() {
    let device = Device::new();
    let rows = ["b", "d", "a", "c"].map(|key| palate::index::build::row(key, &super::fixture::vector(1, 0), super::fixture::DIM, 0, Default::default()));
    super::fixture::serve(&device.server, rows.into());
    let near = wait(device.open().similar("c", &Wishes::default())).unwrap();
    assert_eq!(keys(&near), ["a", "b", "d"]);
}
