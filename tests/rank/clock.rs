//! The part of the week that a moment falls into, and the term's addends.

use palate::format::clock::{Clock, NONE};
use palate::rank::clock::{Time, named, part};
use palate::rank::term::Term;

#[test]
fn clock_parts_follow_the_calendar() {
    // 1970-01-01 was a Thursday.
    assert_eq!((part(0, 0), part(0, 6), part(0, 13), part(0, 23)), (0, 1, 2, 3));
    assert_eq!((part(1, 20), part(2, 20), part(3, 20), part(4, 20)), (3, 7, 7, 3), "Friday to Monday");
    assert_eq!(part(-4, 8), 5, "the Sunday before");
}

#[test]
fn clock_reads_local_times_and_words() {
    let cases = [
        ("2026-11-24T19:30", Some(3)), ("2026-11-28T08:00:00", Some(5)), ("2024-02-29 00:05", Some(0)), ("2000-01-01T12:00", Some(6)),
        ("evening", Some(3)), ("weekday morning", Some(1)), ("weekend evening", Some(7)), ("afternoon weekend", Some(6)),
        ("weekend", None), ("yesterday", None), ("", None), ("2026-13-01T10:00", None), ("2026-11-24", None), ("2026-11-24T25:00", None),
        ("20é6-11-24T19:30", None), ("evening soon", None),
    ];
    for (text, wanted) in cases {
        assert_eq!(named(text), wanted, "{text:?}");
    }
}

#[test]
fn clock_term_adds_a_groups_bias() {
    let mut bias = vec![0.0; 16];
    bias[3 * 2 + 1] = 0.5;
    let clock = Clock { groups: vec![0, 1, NONE], bias };
    let mut scores = [1.0; 3];
    let term = Time::new(&clock, 3, 0.2, 3);
    term.add_to(&mut scores);
    assert_eq!(scores, [1.0, 1.1, 1.0]);
    assert_eq!(term.split(1)[0].amount, 0.1);
    assert!(term.split(1)[0].event.is_none() && term.split(9)[0].amount == 0.0);
}
