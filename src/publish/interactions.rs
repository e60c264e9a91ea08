//! Interactions in, row by row: what a row may hold, which rows are bad, which column is which.
//!
//! Memory is 8 to 20 bytes a row plus each key once. Not here: opening files (`bin`), the layouts of text
//! (`interaction_text`) and of Parquet (`interaction_columns`), cleaning (`evaluate::dataset`).

use std::fmt;

use crate::evaluate::dataset::{Interaction, Interactions, Keys};
use crate::{Error, Result};

/// Bad rows that are put into words.
const NAMED: usize = 5;

/// How to treat rows that cannot be used.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Count and leave out bad rows in place of stopping at the first.
    pub skip_bad: bool,
    /// Ratings outside `[low, high]` are bad; without it the scale is inferred (see [`Reader::finish`]).
    pub scale: Option<(f32, f32)>,
    /// Items that are numbered already, in the catalog's order.
    pub numbered: Keys,
    /// Items outside that table are bad; otherwise they are numbered after it.
    pub known_only: bool,
    /// A user's rows beyond this many are bad (a robot, or a broken export). 0: no limit.
    pub max_user_rows: usize,
    /// Within one user a time before the time of the row above is bad.
    pub require_time_order: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { skip_bad: false, scale: None, numbered: Keys::default(), known_only: false, max_user_rows: 1_000_000, require_time_order: false }
    }
}

/// What was left out with `skip_bad`: the number of rows and the first few reasons, each with file and line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Skipped {
    pub rows: usize,
    pub first: Vec<String>,
}

/// One row, before its keys are numbered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row<'a> {
    pub user: &'a str,
    pub item: &'a str,
    pub time: Option<i64>,
    pub rating: Option<f32>,
    pub weight: Option<f32>,
    pub event: Option<&'a str>,
}

/// Collects rows from any format and keeps the account of bad ones.
pub struct Reader {
    pub(super) file: String,
    options: ReadOptions,
    data: Interactions,
    skipped: Skipped,
    rows_of_user: Vec<u32>,
    last_time: Vec<i64>,
    beyond: [(usize, f32); SCALES.len()],
    counts_beyond: [usize; SCALES.len()],
    with_time: bool,
    with_rating: bool,
}

/// Rating scales in use, smallest first: fractions, stars, points, Jester, percent.
const SCALES: [(f32, f32); 5] = [(0.0, 1.0), (0.0, 5.0), (0.0, 10.0), (-10.0, 10.0), (0.0, 100.0)];

impl Reader {
    /// An empty collection for the file called `file` in messages.
    pub fn new(file: &str, mut options: ReadOptions) -> Self {
        let items = std::mem::take(&mut options.numbered);
        Self {
            file: file.into(),
            options,
            data: Interactions { items, ..Interactions::default() },
            skipped: Skipped::default(),
            rows_of_user: Vec::new(),
            last_time: Vec::new(),
            beyond: [(0, 0.0); SCALES.len()],
            counts_beyond: [0; SCALES.len()],
            with_time: false,
            with_rating: false,
        }
    }

    /// Takes one row; a bad one is an error, or counted with `skip_bad`.
    pub fn push(&mut self, line: usize, row: Row<'_>) -> Result<()> {
        if row.user.is_empty() || row.item.is_empty() {
            return self.bad(line, &|| "the user or the item is empty");
        }
        if self.options.known_only && self.data.items.get(row.item).is_none() {
            return self.bad(line, &|| format!("the item `{}` is not in the items file", shown(row.item)));
        }
        let value = match (row.rating, row.weight, row.event) {
            (Some(value), _, _) | (None, Some(value), _) => value,
            (None, None, Some(event)) => match event_weight(event) {
                Some(weight) => weight,
                None => return self.bad(line, &|| format!("the event `{}` is not one of {EVENT_NAMES}", shown(event))),
            },
            (None, None, None) => 1.0,
        };
        if !value.is_finite() {
            return self.bad(line, &|| "the rating or weight is not a finite number");
        }
        if row.rating.is_some() {
            match self.options.scale {
                Some((low, high)) if value < low || value > high => {
                    return self.bad(line, &|| format!("the rating {value} is outside {low} to {high}"));
                }
                Some(_) => {}
                None => {
                    for (scale, &(low, high)) in SCALES.iter().enumerate() {
                        if value < low || value > high {
                            if self.counts_beyond[scale] == 0 {
                                self.beyond[scale] = (line, value);
                            }
                            self.counts_beyond[scale] += 1;
                        }
                    }
                }
            }
        }
        let user = self.data.users.intern(row.user);
        if user as usize == self.rows_of_user.len() {
            self.rows_of_user.push(0);
            self.last_time.push(i64::MIN);
        }
        let rows = &mut self.rows_of_user[user as usize];
        *rows = rows.saturating_add(1);
        if self.options.max_user_rows > 0 && *rows as usize > self.options.max_user_rows {
            let most = self.options.max_user_rows;
            let user = shown(row.user);
            return self.bad(line, &|| {
                format!("user `{user}` has more than {most} rows, which no person has (`palate build` and `evaluate` allow more by --max-user-rows)")
            });
        }
        if let Some(time) = row.time {
            let last = std::mem::replace(&mut self.last_time[user as usize], time);
            if self.options.require_time_order && time < last {
                return self.bad(line, &|| format!("time goes backwards within a user, from {last} to {time}"));
            }
        }
        self.with_time |= row.time.is_some();
        self.with_rating |= row.rating.is_some();
        let item = self.data.items.intern(row.item);
        let time = row.time.unwrap_or(self.data.rows.len() as i64);
        self.data.rows.push(Interaction { user, item, time, value });
        Ok(())
    }

    /// Counts a bad row, or stops. There may be millions: why it is bad is put into words for the first few.
    pub fn bad<W: fmt::Display>(&mut self, line: usize, why: &dyn Fn() -> W) -> Result<()> {
        let text = || format!("{}, line {line}: {}", self.file, why());
        if !self.options.skip_bad {
            return Err(Error::input(format!("{}. Correct the row, or pass --skip-bad to leave out bad rows.", text())));
        }
        if self.skipped.first.len() < NAMED {
            let text = text();
            self.skipped.first.push(text);
        }
        self.skipped.rows += 1;
        Ok(())
    }

    /// All rows. Without a given scale, the smallest known scale that holds all but 1 in 200 ratings is taken for the
    /// file's, and ratings outside it are bad.
    pub fn finish(mut self) -> Result<(Interactions, Skipped)> {
        if self.with_rating && self.options.scale.is_none() {
            let total = self.data.rows.len();
            let scale = (0..SCALES.len()).find(|&s| self.counts_beyond[s] * 200 <= total);
            if let Some(scale) = scale.filter(|&s| self.counts_beyond[s] > 0) {
                let ((low, high), (line, value)) = (SCALES[scale], self.beyond[scale]);
                let count = self.counts_beyond[scale];
                self.bad(
                    line,
                    &|| format!(
                        "the rating {value} is outside {low} to {high}, which holds all but {count} of {total} ratings \
                         (--scale sets the scale)"
                    ),
                )?;
                self.skipped.rows += count - 1;
                self.data.rows.keep(|row| (low..=high).contains(&row.value).then_some(row.item));
            }
        }
        if self.data.rows.is_empty() {
            return Err(Error::input(format!(
                "{} holds no usable interaction. Give a file with at least one row of user and item.",
                self.file
            )));
        }
        self.data.has_time = self.with_time;
        self.data.has_rating = self.with_rating;
        Ok((self.data, self.skipped))
    }
}

const EVENT_NAMES: &str = "view, click, dwell, play, save, like, cart, purchase, share, dislike, dismiss";

/// Implicit weight of an event kind: what costs the visitor more says more. Negative kinds are negative.
pub fn event_weight(event: &str) -> Option<f32> {
    Some(match event.to_ascii_lowercase().as_str() {
        "view" | "pv" | "impression" => 0.5,
        "click" | "dwell" | "play" | "listen" | "read" | "watch" => 1.0,
        "save" | "fav" | "favorite" | "like" | "cart" | "addtocart" | "add_to_cart" | "share" => 2.0,
        "purchase" | "buy" | "transaction" | "order" => 3.0,
        "dismiss" | "skip" => -0.5,
        "dislike" | "return" => -1.0,
        _ => return None,
    })
}

/// Which column is which, from a header.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Columns {
    pub user: usize,
    pub item: usize,
    pub time: Option<usize>,
    pub rating: Option<usize>,
    pub weight: Option<usize>,
    pub event: Option<usize>,
}

impl Columns {
    /// Finds the columns by name: `user`, `userId`, `user_id:token`, `movieId`, `asin` and so on, in any case.
    pub fn find<'h>(header: impl Iterator<Item = &'h str>) -> Option<Self> {
        let names: Vec<String> = header
            .map(|name| {
                let name = name.trim().trim_start_matches('\u{feff}').trim_matches('"');
                let name = name.split(':').next().unwrap_or(name);
                name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
            })
            .collect();
        let find = |known: &[&str]| known.iter().find_map(|k| names.iter().position(|n| n == k));
        Some(Self {
            user: find(&["user", "userid", "uid", "visitorid", "customerid", "reviewerid", "session", "sessionid"])?,
            item: find(&[
                "item", "itemid", "iid", "movieid", "productid", "asin", "artistid", "articleid", "bookid", "isbn",
                "trackid", "songid", "businessid", "gameid", "sku", "key",
            ])?,
            time: find(&["timestamp", "time", "ts", "datetime", "date", "unixreviewtime"]),
            rating: find(&["rating", "stars", "overall", "score"]),
            weight: find(&["weight", "count", "plays", "value"]),
            event: find(&["event", "eventtype", "action", "behavior", "type"]),
        })
    }
}

/// A time as the file has it: a whole or decimal number, or `YYYY-MM-DD[ T]hh:mm:ss` (then seconds since 1970).
/// Negative numbers and dates that do not exist are no times.
pub fn parse_time(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return (number >= 0).then_some(number);
    }
    if let Ok(number) = text.parse::<f64>() {
        return (number.is_finite() && (0.0..9.0e18).contains(&number)).then_some(number as i64);
    }
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| -> Option<i64> {
        let part = bytes.get(range)?;
        part.iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = match bytes.len() {
        10 => 0,
        _ if bytes.len() >= 19 && bytes[13] == b':' && bytes[16] == b':' => {
            digits(11..13)? * 3600 + digits(14..16)? * 60 + digits(17..19)?
        }
        _ => return None,
    };
    // Days from the civil calendar (Hinnant, "chrono-compatible low-level date algorithms").
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + seconds)
}

/// The start of a text of the file's, for messages.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}
