//! The term of the time of the week: what others turn to on a workday's morning, or a weekend's evening.
//!
//! Not here: learning it (`train::clock`), its bytes (`format::clock`).

use super::term::{Share, Term};
use crate::format::clock::Clock;

/// The dayparts in their order; a part of the week is its place, plus four on a weekend.
const DAYPARTS: [&str; 4] = ["night", "morning", "afternoon", "evening"];

/// The part of the week of `days` since 1970-01-01 (a Thursday) and an hour of the day.
pub fn part(days: i64, hour: i64) -> usize {
    let weekday = (days + 3).rem_euclid(7);
    usize::from(weekday >= 5) * 4 + (hour.rem_euclid(24) / 6) as usize
}

/// The part of the week that a situation's time names: a local time `2026-11-24T19:30`, or words like `weekend evening`
/// (without `weekend` a workday's). `None` for anything else.
pub fn named(text: &str) -> Option<usize> {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return local(text);
    }
    let mut daypart = None;
    let mut weekend = 0;
    for word in text.split_whitespace() {
        match word {
            "weekend" => weekend = 4,
            "weekday" | "workday" => weekend = 0,
            word => daypart = Some(DAYPARTS.iter().position(|name| *name == word)?),
        }
    }
    daypart.map(|daypart| weekend + daypart)
}

fn local(text: &str) -> Option<usize> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok().filter(|number| *number >= 0);
    let marks = [(4, b'-'), (7, b'-'), (13, b':')];
    let separator = text.as_bytes().get(10).copied();
    if !matches!(separator, Some(b'T' | b' ')) || marks.iter().any(|&(at, mark)| text.as_bytes().get(at) != Some(&mark)) {
        return None;
    }
    let (year, month, day, hour) = (number(0, 4)?, number(5, 7)?, number(8, 10)?, number(11, 13)?);
    let legal = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24;
    legal.then(|| part(days(year, month, day), hour))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// What the part of the week adds.
pub struct Time {
    /// `[items]`.
    values: Vec<f32>,
}

impl Time {
    /// `weight`: of one of the ranker's units; `count`: items.
    pub fn new(clock: &Clock, part: usize, weight: f32, count: usize) -> Self {
        Self { values: (0..count).map(|ordinal| weight * clock.of(part, ordinal)).collect() }
    }
}

impl Term for Time {
    fn name(&self) -> &'static str {
        "time"
    }

    fn add_to(&self, scores: &mut [f32]) {
        scores.iter_mut().zip(&self.values).for_each(|(score, value)| *score += value);
    }

    fn split(&self, ordinal: u32) -> Vec<Share> {
        let amount = self.values.get(ordinal as usize).copied().unwrap_or(0.0);
        vec![Share { event: None, amount }]
    }
}
