//! One suite for every method, on a checkerboard whose right answer is known (after `implicit`'s recommender tests):
//! even people meet even items, odd ones odd items, each but one.

use std::collections::BTreeMap;

use palate::evaluate::dataset::Sequence;
use palate::evaluate::split::Case;
use palate::publish::item_features::ItemContent;
use palate::rank::learned::terms::history_of;
use palate::train::features::{Features, tf_idf};
use palate::train::methods::{Data, METHODS, Settings, Trainer};
use palate::train::sequence::SequenceSettings;

pub const ITEMS: usize = 20;
const USERS: usize = 200;

/// What each person met, in random order, and the one same-colored item left out.
pub fn checkerboard() -> (Vec<Sequence>, Vec<Case>) {
    let mut sequences = Vec::new();
    let mut cases = Vec::new();
    for user in 0..USERS as u32 {
        let color = user % 2;
        let left_out = color + 2 * ((user / 2) % (ITEMS as u32 / 2));
        let mut items: Vec<u32> = (0..10).map(|i| color + 2 * i).filter(|&i| i != left_out).collect();
        palate::math::rng::Rng::new(u64::from(user)).shuffle(&mut items);
        let sequence =
            Sequence { user, times: (0..items.len() as i64).collect(), values: vec![1.0; items.len()], items };
        if user % 5 == 0 {
            cases.push(Case { history: sequence, targets: vec![left_out] });
        } else {
            sequences.push(sequence);
        }
    }
    (sequences, cases)
}

pub fn features() -> Features {
    let terms: Vec<Vec<(String, f32)>> = (0..ITEMS)
        .map(|i| {
            // Five of a color's ten words each: no word is so common that it would be dropped.
            let color = if i % 2 == 0 { "even" } else { "odd" };
            (0..5).map(|j| (format!("{color} {}", (i / 2 + j) % 10), 1.0)).collect()
        })
        .collect();
    Features { sparse: tf_idf(&terms), ..Features::default() }
}

pub fn settings() -> Settings {
    let mut settings = Settings { ease_lambda: 5.0, content_alpha: 1.0, row_entries: 20, ..Settings::default() };
    settings.transitions.lambda = 5.0;
    settings.ials.dim = 8;
    settings.clusters = 4;
    settings.sequence = SequenceSettings { dim: 16, epochs: 60, patience: 20, dropout: 0.1, batch_events: 64, ..SequenceSettings::default() };
    settings
}

fn scores_of_all(check: impl Fn(&str, &dyn palate::rank::learned::terms::Term, &Case)) {
    let ((sequences, cases), features) = (checkerboard(), features());
    let data = Data {
        sequences: &sequences,
        items: ITEMS,
        features: &features,
        valid: &cases,
        valid_candidates: None,
        test_candidates: None,
    };
    let mut trainer = Trainer::new(data, settings(), &|_| {});
    for method in METHODS {
        let term = trainer.term(method).expect(method);
        assert_eq!(term.items(), ITEMS, "{method}");
        assert!(term.download_bytes() > 0, "{method}");
        cases.iter().for_each(|case| check(method, term.as_ref(), case));
    }
}

#[test]
fn methods_find_the_color_of_the_checkerboard() {
    scores_of_all(|method, term, case| {
        if method == "popularity" {
            return;
        }
        let mut scores = term.scores(&history_of(&case.history.items));
        palate::evaluate::report::mask(&mut scores, case, None);
        let best = palate::math::topk::top_k(&scores, 1);
        assert_eq!(best, case.targets, "{method}: the only unseen item of the color comes first");
    });
}

#[test]
fn methods_decompose_their_scores() {
    scores_of_all(|method, term, case| {
        let history = history_of(&case.history.items);
        let scores = term.scores(&history);
        for item in [case.targets[0], 0, 7] {
            let shares = term.shares(&history, item);
            assert_eq!(shares.events.len(), history.len());
            let sum = shares.base + shares.events.iter().sum::<f32>();
            let score = scores[item as usize];
            assert!((sum - score).abs() <= 1e-3 * score.abs().max(1.0), "{method}: {sum} against {score}");
        }
    });
}

#[test]
fn linear_methods_lose_exactly_an_events_share() {
    scores_of_all(|method, term, case| {
        if !["item-knn", "ease", "ease-content", "transitions", "content", "content-map"].contains(&method) {
            return;
        }
        let history = history_of(&case.history.items);
        let item = case.targets[0];
        let (full, shares) = (term.scores(&history)[item as usize], term.shares(&history, item));
        for (at, share) in shares.events.iter().enumerate() {
            let mut without = history.clone();
            without[at].weight = 0.0;
            let lost = full - term.scores(&without)[item as usize];
            assert!((lost - share).abs() < 1e-4, "{method}: {lost} lost, {share} claimed");
        }
    });
}

#[test]
fn methods_are_decided_by_their_seed() {
    let run = || {
        let ((sequences, cases), features) = (checkerboard(), features());
        let data = Data {
            sequences: &sequences,
            items: ITEMS,
            features: &features,
            valid: &cases,
            valid_candidates: None,
            test_candidates: None,
        };
        let mut trainer = Trainer::new(data, settings(), &|_| {});
        let scores = |method: &str, trainer: &mut Trainer<'_>| {
            let term = trainer.term(method).expect(method);
            cases.iter().take(5).flat_map(|c| term.scores(&history_of(&c.history.items))).collect::<Vec<f32>>()
        };
        METHODS.map(|method| (method, scores(method, &mut trainer))).into_iter().collect::<BTreeMap<_, _>>()
    };
    let (one, two) = (run(), run());
    for (method, scores) in &one {
        assert_eq!(scores, &two[method], "{method}");
    }
}

#[test]
fn methods_answer_an_empty_history() {
    let ((sequences, cases), features) = (checkerboard(), features());
    let data = Data {
        sequences: &sequences,
        items: ITEMS,
        features: &features,
        valid: &cases,
        valid_candidates: None,
        test_candidates: None,
    };
    let mut trainer = Trainer::new(data, settings(), &|_| {});
    for method in METHODS {
        let scores = trainer.term(method).expect(method).scores(&[]);
        assert!(scores.iter().all(|s| s.is_finite()), "{method}");
    }
    assert!(trainer.term("horoscope").is_err_and(|e| e.to_string().contains("not known")));
}

#[test]
fn content_methods_say_what_they_need() {
    let ((sequences, cases), features) = (checkerboard(), ItemContent::default().features(ITEMS));
    let data = Data {
        sequences: &sequences,
        items: ITEMS,
        features: &features,
        valid: &cases,
        valid_candidates: None,
        test_candidates: None,
    };
    let mut trainer = Trainer::new(data, settings(), &|_| {});
    let error = trainer.term("content").err().expect("no content").to_string();
    assert!(error.contains("Pass --items"), "{error}");
    assert!(trainer.term("hybrid").is_ok());
}
