//! A blend into the shard and back: the device scores what was learned, and a second trainer repeats the first one's choices.

use palate::evaluate::split::Case;
use palate::format::ranker::{Ranker, write};
use palate::rank::learned::blend::Scale;
use palate::rank::learned::shipped::Shipped;
use palate::rank::learned::terms::{Term, history_of};
use palate::train::choices::{Blended, Choices};
use palate::train::features::Features;
use palate::train::methods::{Data, Trainer};
use palate::train::ship;

use super::contract::{ITEMS, checkerboard, features, settings};

/// Everything that a shard can hold.
const TERMS: [&str; 7] = ["popularity", "item-knn", "ease", "ease-content", "transitions", "ials", "sequence"];

fn chosen(scale: Scale, names: &[&str]) -> Choices {
    let gains = names.iter().enumerate().map(|(at, name)| (name.to_string(), 0.25 + at as f32)).collect();
    let blended = Blended { scale, gains, row_entries: 20, reached: 0.0, best_alone: ("ease".into(), 0.0) };
    Choices { blend: Some(blended), ..Choices::default() }
}

fn with_data<T>(then: impl FnOnce(Data<'_>, &[Case], &Features) -> T) -> T {
    let ((sequences, cases), features) = (checkerboard(), features());
    let data = Data { sequences: &sequences, items: ITEMS, features: &features, valid: &cases, valid_candidates: None, test_candidates: None };
    then(data, &cases, &features)
}

#[test]
fn shipped_blends_score_and_explain_as_they_were_learned() {
    for scale in [Scale::Raw, Scale::Deviation] {
        with_data(|data, cases, _| {
            let (counts, users) = (data.counts(), data.sequences.len());
            let mut trainer = Trainer::new(data, settings(), &|_| {}).with_choices(chosen(scale, &TERMS));
            let blend = trainer.blend(&TERMS).unwrap();
            let stored = ship::ranker(&blend, &counts, users, 7).unwrap();
            let bytes = write(&stored).unwrap();
            let tensors = blend.download_bytes() + 4 * ITEMS;
            assert!((tensors..tensors + 4096).contains(&bytes.len()), "{tensors} bytes were promised, {} are shipped", bytes.len());
            let shipped = Shipped::open(Ranker::parse(bytes, "the ranker").unwrap(), "the ranker").unwrap();
            assert_eq!(shipped.popularity, counts);
            for case in cases {
                let history = history_of(&case.history.items);
                let (before, after) = (blend.scores(&history), shipped.blend.scores(&history));
                assert_eq!(after, before, "{scale:?}");
                // For one history the deviations may be folded into the gains.
                let at = shipped.blend.at(&history);
                for (a, b) in at.scores(&history).iter().zip(&before) {
                    assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{scale:?}: {a} against {b}");
                }
                let shares = at.shares(&history, case.targets[0]);
                let sum = shares.base + shares.events.iter().sum::<f32>();
                let score = before[case.targets[0] as usize];
                assert!((sum - score).abs() <= 1e-3 * score.abs().max(1.0), "{scale:?}: {sum} against {score}");
            }
        });
    }
}

#[test]
fn shipped_unit_is_how_far_the_best_stand_out() {
    with_data(|data, _, _| {
        let (counts, users) = (data.counts(), data.sequences.len());
        let mut trainer = Trainer::new(data, settings(), &|_| {}).with_choices(chosen(Scale::Raw, &["ease"]));
        let mut blend = trainer.blend(&["ease"]).unwrap();
        let unit = ship::ranker(&blend, &counts, users, 7).unwrap().unit;
        assert!(unit > 0.0 && unit != 1.0, "{unit}");
        blend.gains[0] *= 4.0;
        let larger = ship::ranker(&blend, &counts, users, 7).unwrap().unit;
        assert!((larger / unit - 4.0).abs() < 1e-4, "gains cancel out in units: {unit}, {larger}");
    });
}

#[test]
fn shipped_blends_hold_no_people() {
    with_data(|data, _, _| {
        let (counts, users) = (data.counts(), data.sequences.len());
        let mut trainer = Trainer::new(data, settings(), &|_| {}).with_choices(chosen(Scale::Raw, &["user-clusters"]));
        let blend = trainer.blend(&["user-clusters"]).unwrap();
        assert_eq!(ship::ranker(&blend, &counts, users, 7).map(|r| r.users).unwrap_err().code(), "internal");
    });
}

#[test]
fn choices_of_one_trainer_are_repeated_by_the_next() {
    let names = ["popularity", "ease", "transitions", "ials"];
    with_data(|data, cases, features| {
        let again = Data { sequences: data.sequences, items: ITEMS, features, valid: &[], valid_candidates: None, test_candidates: None };
        let mut first = Trainer::new(data, settings(), &|_| {});
        let blend = first.blend(&names).unwrap();
        let choices = first.choices().clone();
        assert!(choices.ease_lambda.is_some() && choices.ials.is_some() && choices.taus.contains_key("transitions"), "{choices:?}");
        let mut second = Trainer::new(again, settings(), &|_| {}).with_choices(choices.clone());
        let repeated = second.blend(&names).unwrap();
        assert_eq!(second.choices().blend, choices.blend);
        for case in cases.iter().take(10) {
            let history = history_of(&case.history.items);
            assert_eq!(repeated.scores(&history), blend.scores(&history));
        }
    });
}
