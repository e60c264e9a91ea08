//! Items in: what the publisher's file says of each one, checked, and the text that the encoder gets of it.
//!
//! Not here: file formats ([`super::table`]) and what becomes of an item ([`super::build`]).
//!
//! `id` is a text or a whole number and must differ on every row. `title`, `description`, `image`, `audio`, `video`,
//! `url` are texts; `tags` and `categories` are lists, or one text with `|` between; `price` is a finite number;
//! `published` is a text or a number; everything else is metadata as it is.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use super::table::{Row, kind_of};
use crate::error::{Error, Result};

/// Longest key in bytes.
pub const MAX_KEY: usize = 1024;
/// Most characters of an item's text that the encoder gets: far more than any text model reads.
pub const MAX_TEXT: usize = 16_384;
/// How many bad rows are named; all are counted.
pub const NAMED: usize = 20;

const TEXTS: [&str; 6] = ["title", "description", "image", "audio", "video", "url"];
const LISTS: [&str; 2] = ["tags", "categories"];

/// One item: its key and everything that the publisher says of it, in the types that the module names.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub key: String,
    /// All fields but `id`; empty ones are left out.
    pub fields: Map<String, Value>,
}

impl Item {
    /// From one row.
    ///
    /// # Errors
    /// Why the row is bad, as half a sentence.
    pub fn from_row(mut row: Map<String, Value>) -> std::result::Result<Self, String> {
        let key = match row.remove("id") {
            None | Some(Value::Null) => return Err("no \"id\"".into()),
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
            Some(other) => return Err(format!("\"id\" is {other}, expected a text or a whole number")),
        };
        if key.trim().is_empty() {
            return Err("\"id\" is empty".into());
        }
        if key.len() > MAX_KEY {
            return Err(format!("\"id\" has {} bytes, at most {MAX_KEY} are allowed", key.len()));
        }
        let mut fields = Map::new();
        for (name, value) in row {
            if let Some(value) = checked(&name, value)? {
                fields.insert(name, value);
            }
        }
        Ok(Self { key, fields })
    }

    /// The text of one field; lists are joined with commas, numbers written out; empty where there is none.
    fn text_of(&self, name: &str) -> String {
        fn plain(value: &Value) -> Option<String> {
            match value {
                Value::String(text) => Some(text.trim().to_string()),
                Value::Number(number) => Some(number.to_string()),
                Value::Array(list) => Some(list.iter().filter_map(plain).collect::<Vec<_>>().join(", ")),
                _ => None,
            }
        }
        self.fields.get(name).and_then(plain).unwrap_or_default()
    }
}

/// Which fields the encoder reads, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub fields: Vec<String>,
}

impl Default for Template {
    /// Short and telling fields first: a text model cuts what is too long at its end.
    fn default() -> Self {
        Self { fields: ["title", "categories", "tags", "description"].map(String::from).to_vec() }
    }
}

impl Template {
    /// The text of an item: each field that it has, as a sentence of its own.
    ///
    /// `{"title": "Warm boots", "tags": ["winter", "wool"], "description": "For snow."}` becomes
    /// `Warm boots. winter, wool. For snow.` At most [`MAX_TEXT`] characters.
    pub fn text(&self, item: &Item) -> String {
        let mut text = String::new();
        for part in self.fields.iter().map(|name| item.text_of(name)).filter(|part| !part.is_empty()) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&part);
            if !part.ends_with(['.', '!', '?', '…', '。', '！', '？']) {
                text.push('.');
            }
            if text.len() >= 4 * MAX_TEXT {
                break;
            }
        }
        if let Some((cut, _)) = text.char_indices().nth(MAX_TEXT) {
            text.truncate(cut);
        }
        text
    }
}

/// The rows of a file that can't be used: counted, and the first few named.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bad {
    pub rows: usize,
    /// `FILE, line N: reason`, at most [`NAMED`].
    pub named: Vec<String>,
}

impl Bad {
    /// Adds one.
    pub fn push(&mut self, file: &str, line: u64, reason: &str) {
        self.rows += 1;
        if self.named.len() < NAMED {
            self.named.push(format!("{file}, line {line}: {reason}"));
        }
    }

    /// The rows as an error.
    pub fn to_error(&self, file: &str) -> Error {
        let plural = if self.rows == 1 { "1 row" } else { &format!("{} rows", self.rows) };
        let mut text = format!("{plural} of {file} can't be used:\n  {}", self.named.join("\n  "));
        if self.rows > self.named.len() {
            text += &format!("\n  and {} more", self.rows - self.named.len());
        }
        Error::input(text + "\nCorrect them, or leave them out with --skip-bad. Nothing was written.")
    }
}

/// Gathers items from rows and keeps the account of bad ones.
pub struct Reader {
    file: String,
    items: Vec<Item>,
    lines: HashMap<String, u64>,
    bad: Bad,
}

impl Reader {
    /// For the file called `file` in messages.
    pub fn new(file: &str) -> Self {
        Self { file: file.to_string(), items: Vec::new(), lines: HashMap::new(), bad: Bad::default() }
    }

    /// Takes one row.
    pub fn push(&mut self, (line, row): Row) {
        match row.and_then(Item::from_row) {
            Err(reason) => self.bad.push(&self.file, line, &reason),
            Ok(item) => match self.lines.get(&item.key) {
                Some(first) => self.bad.push(&self.file, line, &format!("the id {:?} stands on line {first} already", item.key)),
                None => {
                    self.lines.insert(item.key.clone(), line);
                    self.items.push(item);
                }
            },
        }
    }

    /// How many good rows there are so far.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no good row so far.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items in the file's order, and what was left out.
    ///
    /// # Errors
    /// [`Error::Input`] for bad rows unless `skip_bad`, and for a file without any item.
    pub fn finish(self, skip_bad: bool) -> Result<(Vec<Item>, Bad)> {
        if self.bad.rows > 0 && !skip_bad {
            return Err(self.bad.to_error(&self.file));
        }
        if self.items.is_empty() {
            let bad = if self.bad.rows > 0 { format!(" ({} rows can't be used, the first: {})", self.bad.rows, self.bad.named[0]) } else { String::new() };
            return Err(Error::input(format!("{} holds no item{bad}. Write one item a line, each with an \"id\".", self.file)));
        }
        Ok((self.items, self.bad))
    }
}

/// A field's value in its type; `None` for an empty one.
fn checked(name: &str, value: Value) -> std::result::Result<Option<Value>, String> {
    if name.is_empty() || name.len() > 200 {
        return Err(format!("a field name has {} bytes, 1 to 200 are allowed", name.len()));
    }
    let wrong = |value: &Value, expected: &str| Err(format!("\"{name}\" is a {}, expected {expected}", kind_of(value)));
    if TEXTS.contains(&name) {
        return match value {
            Value::Null => Ok(None),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            Value::String(_) => Ok(Some(value)),
            Value::Number(number) => Ok(Some(Value::String(number.to_string()))),
            other => wrong(&other, "a text"),
        };
    }
    if LISTS.contains(&name) {
        return list(name, value);
    }
    match (name, value) {
        (_, Value::Null) => Ok(None),
        ("price", Value::Number(number)) => match number.as_f64() {
            Some(double) if double.is_finite() => Ok(Some(if number.is_f64() { short_number(double) } else { Value::Number(number) })),
            _ => Err(format!("\"price\" is {number}, expected a finite number")),
        },
        ("price", Value::String(text)) => match text.trim().parse::<f64>() {
            _ if text.trim().is_empty() => Ok(None),
            Ok(double) if double.is_finite() => Ok(Some(short_number(double))),
            _ => Err(format!("\"price\" is {:?}, expected a finite number like 12.5", clip(&text))),
        },
        ("price", other) => wrong(&other, "a number"),
        ("published", value @ (Value::String(_) | Value::Number(_))) => Ok(Some(value).filter(|v| v.as_str().is_none_or(|t| !t.trim().is_empty()))),
        ("published", other) => wrong(&other, "a date as text, or a number"),
        (_, Value::String(text)) if text.is_empty() => Ok(None),
        (_, Value::Array(list)) if list.is_empty() => Ok(None),
        // 1995.0 and 1995 are the same number and must give the same bytes.
        (_, Value::Number(number)) => Ok(Some(if number.is_f64() { number.as_f64().map_or(Value::Null, short_number) } else { Value::Number(number) })),
        (_, other) => Ok(Some(other)),
    }
}

/// A list of texts from a list, a JSON list in a text, or a text with `|` between.
fn list(name: &str, value: Value) -> std::result::Result<Option<Value>, String> {
    let members = match value {
        Value::Null => return Ok(None),
        Value::Array(members) => members,
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Array(members)) => members,
            _ => text.split('|').map(|part| Value::String(part.to_string())).collect(),
        },
        other => return Err(format!("\"{name}\" is a {}, expected a list, or a text with | between", kind_of(&other))),
    };
    let mut texts = Vec::with_capacity(members.len());
    for member in members {
        match member {
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => texts.push(Value::String(text.trim().to_string())),
            Value::Number(number) => texts.push(Value::String(number.to_string())),
            Value::Null => {}
            other => return Err(format!("\"{name}\" holds a {}, expected texts", kind_of(&other))),
        }
    }
    Ok(Some(Value::Array(texts)).filter(|list| list.as_array().is_some_and(|l| !l.is_empty())))
}

fn short_number(double: f64) -> Value {
    if double.fract() == 0.0 && double.abs() < 1e15 {
        return Value::from(double as i64);
    }
    Number::from_f64(double).map_or(Value::Null, Value::Number)
}

/// The start of a text, for a message.
fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}
