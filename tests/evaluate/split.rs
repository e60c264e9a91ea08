//! Protocols: nothing that is asked about may be learned from.

use palate::evaluate::dataset::{Cleaning, Interaction, Interactions, Keys, Rows, Sequence};
use palate::evaluate::split::{Protocol, Split, hold_out_last, split};
use palate::math::rng::Rng;

fn data(users: usize, items: usize) -> Vec<Sequence> {
    let mut rng = Rng::new(11);
    (0..users as u32)
        .map(|user| {
            let mut all: Vec<u32> = (0..items as u32).collect();
            rng.shuffle(&mut all);
            all.truncate(3 + rng.below(8));
            let times = (0..all.len() as i64).map(|i| i * 100 + i64::from(user)).collect();
            Sequence { user, values: vec![1.0; all.len()], items: all, times }
        })
        .collect()
}

fn of(protocol: Protocol, fold: usize) -> (Vec<Sequence>, Split) {
    let sequences = data(200, 50);
    let split = split(protocol, &sequences, 50, 5, fold, 5).expect("split");
    (sequences, split)
}

#[test]
fn split_never_leaks_a_target() {
    for protocol in [Protocol::LeaveOneOut, Protocol::Temporal, Protocol::Strong, Protocol::ColdItems] {
        let (_, split) = of(protocol, 0);
        for (cases, learned) in [(&split.test, &split.train_and_valid), (&split.valid, &split.train)] {
            assert!(!cases.is_empty(), "{protocol:?}");
            for case in cases {
                let user = learned.iter().find(|s| s.user == case.history.user);
                for target in &case.targets {
                    assert!(!case.history.items.contains(target), "{protocol:?}");
                    assert!(user.is_none_or(|u| !u.items.contains(target)), "{protocol:?}");
                }
            }
        }
    }
}

#[test]
fn leave_one_out_takes_the_last_two() {
    let (sequences, split) = of(Protocol::LeaveOneOut, 0);
    let n = sequences[0].len();
    assert_eq!(split.test[0].targets, [sequences[0].items[n - 1]]);
    assert_eq!(split.test[0].history.items, sequences[0].items[..n - 1]);
    assert_eq!(split.valid[0].targets, [sequences[0].items[n - 2]]);
    assert_eq!(split.train[0].items, sequences[0].items[..n - 2]);
}

#[test]
fn strong_folds_test_every_user_once() {
    let mut tested: Vec<u32> = (0..5).flat_map(|f| of(Protocol::Strong, f).1.test).map(|c| c.history.user).collect();
    tested.sort_unstable();
    assert_eq!(tested, (0..200).collect::<Vec<u32>>());
}

#[test]
fn strong_validates_each_user_on_disjoint_shares() {
    let (sequences, split) = of(Protocol::Strong, 0);
    for sequence in &sequences {
        let cases: Vec<_> = split.valid.iter().filter(|case| case.history.user == sequence.user).collect();
        let mut targets: Vec<u32> = cases.iter().flat_map(|case| case.targets.clone()).collect();
        let all = targets.len();
        targets.sort_unstable();
        targets.dedup();
        assert_eq!(targets.len(), all);
        // A fifth of the events is asked for each time, rounded.
        let held = ((sequence.len() as f64 * 0.2).round() as usize).max(1);
        assert!(cases.is_empty() || cases.len() == 5.min(sequence.len() / held), "{} of {}", cases.len(), sequence.len());
        for case in cases {
            assert_eq!(case.history.len() + case.targets.len(), sequence.len());
        }
    }
    assert!(split.statement.contains("5 folds pooled"), "{}", split.statement);
}

#[test]
fn temporal_targets_are_later_than_everything_learned() {
    let (_, split) = of(Protocol::Temporal, 0);
    let latest = split.train_and_valid.iter().flat_map(|s| &s.times).max().expect("events");
    let (sequences, _) = of(Protocol::LeaveOneOut, 0);
    for case in &split.test {
        let sequence = &sequences[case.history.user as usize];
        for target in &case.targets {
            let at = sequence.items.iter().position(|i| i == target).expect("target");
            assert!(sequence.times[at] > *latest);
        }
    }
}

#[test]
fn cold_items_are_never_learned_from_and_are_the_candidates() {
    let (_, split) = of(Protocol::ColdItems, 1);
    let cold = split.test_candidates.expect("candidates");
    assert_eq!(cold.iter().filter(|c| **c).count(), 10);
    assert!(split.train_and_valid.iter().flat_map(|s| &s.items).all(|&i| !cold[i as usize]));
    assert!(split.test.iter().flat_map(|c| &c.targets).all(|&i| cold[i as usize]));
}

#[test]
fn split_is_seeded() {
    let sequences = data(100, 50);
    let by = |seed| split(Protocol::Strong, &sequences, 50, seed, 0, 1).expect("split").test;
    assert_eq!(by(1), by(1));
    assert_ne!(by(1), by(2));
}

fn table(rows: &[(&str, &str, i64, f32)]) -> Interactions {
    let mut data = Interactions { has_time: true, ..Interactions::default() };
    for &(user, item, time, value) in rows {
        let (user, item) = (data.users.intern(user), data.items.intern(item));
        data.rows.push(Interaction { user, item, time, value });
    }
    data
}

#[test]
fn cleaning_orders_by_time_and_keeps_file_order_in_ties() {
    let mut data = table(&[("u", "late", 9, 1.0), ("u", "b", 5, 1.0), ("u", "a", 5, 1.0), ("u", "b", 7, 1.0)]);
    let (sequences, account) = data.sequences(&Cleaning::default()).expect("sequences");
    let names: Vec<&str> = sequences[0].items.iter().map(|&i| data.items.name(i)).collect();
    assert_eq!(names, ["b", "a", "late"]);
    assert_eq!((account.repeats, account.kept), (1, 3));
}

#[test]
fn cleaning_accounts_for_every_row() {
    let mut rows = vec![("u", "a", 1, 5.0), ("u", "b", 2, 1.0), ("v", "a", 1, 5.0), ("v", "c", 2, 5.0), ("w", "a", 3, 4.0)];
    rows.push(("w", "a", 4, 4.0));
    let mut data = table(&rows);
    let cleaning = Cleaning { min_value: Some(3.5), min_user_rows: 2, ..Cleaning::default() };
    let (sequences, account) = data.clone().sequences(&cleaning).expect("sequences");
    assert_eq!(sequences.len(), 1);
    assert_eq!((account.below_min_value, account.repeats, account.short_users, account.kept), (1, 1, 2, 2));
    let none = data.sequences(&Cleaning { min_value: Some(9.0), ..Cleaning::default() });
    assert!(none.expect_err("nothing left").to_string().contains("Nothing is left"));
}

#[test]
fn cleaning_finds_the_core_and_robots() {
    let mut rows = Vec::new();
    for user in ["a", "b", "c"] {
        for item in ["x", "y", "z"] {
            rows.push((user, item, 1000, 1.0));
        }
    }
    rows.extend([("d", "x", 1, 1.0), ("a", "rare", 1, 1.0)]);
    let mut data = table(&rows);
    let (sequences, account) = data.sequences(&Cleaning { core: 3, ..Cleaning::default() }).expect("sequences");
    assert_eq!((sequences.len(), account.outside_core, account.kept), (3, 2, 9));
    let names: Vec<String> = (0..60).map(|i| i.to_string()).collect();
    let mut rows: Vec<(&str, &str, i64, f32)> = names.iter().map(|n| ("robot", n.as_str(), 7, 1.0)).collect();
    rows.push(("person", "1", 7, 1.0));
    let (sequences, account) =
        table(&rows).sequences(&Cleaning { max_rate: 5.0, ..Cleaning::default() }).expect("sequences");
    assert_eq!((sequences.len(), account.robots), (1, 60));
}

#[test]
fn rows_keep_their_numbers_times_and_values_whatever_they_lack() {
    let row = |user, item, time, value| Interaction { user, item, time, value };
    for rows in [
        vec![row(0, 0, 0, 1.0), row(1, 1, 1, 1.0), row(0, 2, 2, 1.0), row(1, 0, 3, 1.0)],
        vec![row(0, 0, 7, 2.0), row(1, 1, 6, 3.0), row(0, 2, 2, 1.0), row(1, 0, 3, 1.0)],
        vec![row(0, 0, 0, 1.0), row(1, 1, 1, 1.0), row(0, 2, 9, 1.0), row(1, 0, 3, 0.5)],
    ] {
        let mut data = Rows::default();
        rows.iter().for_each(|&row| data.push(row));
        assert_eq!((data.iter().collect::<Vec<_>>(), data.len()), (rows.clone(), 4));
        // Items 1 and up move down by one, item 0 goes: times stay those of the file.
        data.keep(|row| row.item.checked_sub(1));
        let kept: Vec<Interaction> = rows.iter().filter(|row| row.item > 0).map(|row| Interaction { item: row.item - 1, ..*row }).collect();
        assert_eq!(data.iter().collect::<Vec<_>>(), kept);
        let sequences = data.into_sequences(3);
        assert_eq!(sequences.iter().map(|sequence| (sequence.user, sequence.len())).collect::<Vec<_>>(), [(0, 1), (1, 1), (2, 0)]);
        assert_eq!((sequences[0].times[0], sequences[0].values[0]), (rows[2].time, rows[2].value));
    }
}

#[test]
fn keys_are_numbered_in_order_and_found_again() {
    let mut keys = Keys::default();
    assert!(keys.get("").is_none() && keys.is_empty());
    let name = |n: u32| if n == 7 { String::new() } else { format!("key {}", n * 7919) };
    for n in 0..5000 {
        assert_eq!((keys.intern(&name(n)), keys.intern(&name(n / 2))), (n, n / 2));
    }
    assert_eq!(keys.len(), 5000);
    assert!((0..5000).all(|n| keys.name(n) == name(n) && keys.get(&name(n)) == Some(n)));
    assert!(keys.get("key 1").is_none());
}

#[test]
fn held_out_last_events_come_back_to_their_places() {
    let before: Vec<_> = data(30, 20).into_iter().enumerate().map(|(at, sequence)| if at % 3 == 0 { sequence.slice(0..1) } else { sequence }).collect();
    for (most, wanted) in [(1000, 20), (7, 7)] {
        let mut sequences = before.clone();
        let held = hold_out_last(&mut sequences, most);
        assert_eq!((held.cases.len(), held.times().count()), (wanted, wanted));
        let events = |sequences: &[Sequence]| sequences.iter().map(Sequence::len).sum::<usize>();
        assert_eq!(events(&sequences) + wanted, events(&before));
        for case in &held.cases {
            let whole = before.iter().find(|sequence| sequence.user == case.history.user).unwrap();
            assert_eq!((&case.history, case.targets[0]), (&whole.history(0..whole.len() - 1), whole.items[whole.len() - 1]));
        }
        held.give_back(&mut sequences);
        assert_eq!(sequences, before);
    }
}
