//! The search for hyper-parameters: its rungs, what it finds, its budget; and settings by name.

use palate::evaluate::dataset::Sequence;
use palate::evaluate::split::{Protocol, split};
use palate::math::rng::Rng;
use palate::platform::memory::MemoryCheckpoint;
use palate::train::features::Features;
use palate::train::kept::Kept;
use palate::train::knobs::{KNOBS, read, write};
use palate::train::methods::{Data, Settings};
use palate::train::tune::{Found, Search, rungs, searchable, tune};
use serde_json::json;

#[test]
fn tune_rungs_thin_out_towards_everybody() {
    assert_eq!(rungs(1), [(1, 1.0)]);
    assert_eq!(rungs(2), [(2, 1.0)]);
    let nine = rungs(9);
    assert_eq!(nine.iter().map(|(count, _)| *count).collect::<Vec<_>>(), [9, 3, 1]);
    for ((_, share), wanted) in nine.iter().zip([1.0 / 9.0, 1.0 / 3.0, 1.0]) {
        assert!((share - wanted).abs() < 1e-12);
    }
}

/// Walks along 20 rings of 10 items, much of them noise.
fn people() -> Vec<Sequence> {
    let mut rng = Rng::new(4);
    (0..300)
        .map(|user| {
            let (ring, start) = (rng.below(20), rng.below(10));
            let items: Vec<u32> = (0..6).map(|step| if rng.unit() < 0.4 { rng.below(200) } else { ring * 10 + (start + step) % 10 } as u32).collect();
            let mut once: Vec<u32> = Vec::new();
            items.into_iter().for_each(|item| if !once.contains(&item) { once.push(item) });
            Sequence { user, times: (0..once.len() as i64).collect(), values: vec![1.0; once.len()], items: once }
        })
        .collect()
}

fn searched(settings: &Settings, draws: usize, seed: u64, budget_ms: f64, clock: &dyn Fn() -> f64) -> (Settings, Vec<Found>) {
    let split = split(Protocol::LeaveOneOut, &people(), 200, 1, 0, 1).unwrap();
    let features = Features::default();
    let data = Data { sequences: &split.train, items: 200, features: &features, valid: &split.valid, valid_candidates: None, test_candidates: None };
    let methods = searchable(&["ease", "item-knn"], false);
    assert_eq!(methods, ["item-knn", "ease"]);
    tune(&data, settings, &methods, &Search { draws, seed, budget_ms }, &Kept::nothing(), clock, &|_| {}).unwrap()
}

#[test]
fn tune_finds_better_than_a_bad_start_and_the_same_again() {
    let bad = Settings { ease_lambda: 0.02, knn_shrink: 0.001, ..Settings::default() };
    // Few people are in the first rung, and one search may be out of luck there; none ends worse than it began.
    let better = |found: &[Found]| found.iter().any(|found| found.reached > found.defaults);
    let searches: Vec<(Settings, Vec<Found>)> = (0..4).map(|seed| searched(&bad, 9, seed, 1e9, &|| 0.0)).collect();
    assert!(searches.iter().filter(|(_, found)| better(found)).count() >= 2, "{searches:?}");
    for (settings, found) in &searches {
        let ease = found.iter().find(|found| found.method == "ease").unwrap();
        assert!(found.iter().all(|found| found.reached >= found.defaults), "{found:?}");
        assert_eq!(ease.values, [("ease_lambda", f64::from(settings.ease_lambda))]);
        assert!(ease.trainings <= 9 + 3 + 1 + 2);
        assert_eq!(settings.transitions.lambda, bad.transitions.lambda, "what was not searched for stays");
    }
    assert_eq!(searched(&bad, 9, 3, 1e9, &|| 0.0).1, searches[3].1);
}

#[test]
fn tune_keeps_its_budget() {
    // Every look at the clock is a second later.
    let ticks = std::cell::Cell::new(0.0);
    let clock = || {
        ticks.set(ticks.get() + 1000.0);
        ticks.get()
    };
    let (_, found) = searched(&Settings::default(), 30, 3, 4000.0, &clock);
    assert_eq!(found.len(), 1, "there was no time for the second method");
    assert!(found[0].trainings < 10, "{found:?}");
    assert!(found[0].reached >= found[0].defaults, "never worse than the start");
}

#[test]
fn tune_needs_validation_cases() {
    let features = Features::default();
    let data = Data { sequences: &people(), items: 200, features: &features, valid: &[], valid_candidates: None, test_candidates: None };
    let search = Search { draws: 3, seed: 1, budget_ms: 1e9 };
    let error = tune(&data, &Settings::default(), &["ease"], &search, &Kept::nothing(), &|| 0.0, &|_| {}).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("leave out --tune"), "{error}");
}

#[test]
fn settings_survive_their_file_and_refuse_what_they_do_not_know() {
    let mut settings = Settings::default();
    for knob in KNOBS {
        let value = (knob.get(&settings) * 1.5).clamp(knob.legal.0, knob.legal.1);
        knob.set(&mut settings, value);
    }
    let again = read(&Settings::default(), &write(&settings), "s.json").unwrap();
    assert_eq!(write(&again), write(&settings));
    assert_ne!(write(&again), write(&Settings::default()));
    let part = read(&Settings::default(), json!({"ease_lambda": 12.5}).as_object().unwrap(), "s.json").unwrap();
    assert_eq!((part.ease_lambda, part.knn_shrink), (12.5, Settings::default().knn_shrink));
    let refused = |file: serde_json::Value| read(&Settings::default(), file.as_object().unwrap(), "s.json").map(|_| ()).unwrap_err().to_string();
    assert!(refused(json!({"ease_lamda": 1})).contains("ease_lambda"), "names what there is");
    for bad in [json!(0), json!(-3), json!("much"), json!(1e300)] {
        let text = refused(json!({"ease_lambda": bad}));
        assert!(text.contains("s.json: ease_lambda") && text.contains("Give a number"), "{text}");
    }
}

#[test]
fn tune_goes_on_after_a_stop_to_the_same_settings() {
    let split = split(Protocol::LeaveOneOut, &people(), 200, 1, 0, 1).unwrap();
    let features = Features::default();
    let data = Data { sequences: &split.train, items: 200, features: &features, valid: &split.valid, valid_candidates: None, test_candidates: None };
    let checkpoint = MemoryCheckpoint::default();
    let run = |clock: &dyn Fn() -> f64| {
        let kept = Kept::new(&checkpoint, "run", "search", &|_| {});
        let search = Search { draws: 5, seed: 3, budget_ms: 1e9 };
        tune(&data, &Settings::default(), &["item-knn", "ease"], &search, &kept, clock, &|_| {}).map(|(settings, found)| (write(&settings), found))
    };
    let whole = run(&|| 0.0).unwrap();
    let writes = checkpoint.writes.get();
    assert!(writes >= 10, "{writes}");
    checkpoint.kept.borrow_mut().clear();
    checkpoint.writes.set(0);
    checkpoint.stop_after.set(Some(writes / 2));
    assert_eq!(run(&|| 0.0).unwrap_err(), palate::Error::Aborted);
    checkpoint.stop_after.set(None);
    assert_eq!(run(&|| 0.0).unwrap(), whole);
    assert_eq!(checkpoint.writes.get(), writes, "no trial is made twice");
}
