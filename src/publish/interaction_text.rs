//! Interactions from text: CSV, TSV, RecBole `.inter`, MovieLens `.dat`, JSON Lines and plain sequences.
//!
//! Not here: the rules for rows (`interactions`).

use std::io::BufRead;

use super::interactions::{Columns, ReadOptions, Reader, Row, Skipped, parse_time, shown};
use crate::evaluate::dataset::Interactions;
use crate::{Error, Result};

/// Reads text of any known layout, told by the first line: a header, JSON, `a::b::c::d`, four tab-separated numbers
/// (MovieLens `u.data`), or a user followed by its items in time order.
pub fn read_text(file: &str, mut input: impl BufRead, options: ReadOptions) -> Result<(Interactions, Skipped)> {
    let reader = Reader::new(file, options);
    let (mut line, mut first) = (0, String::new());
    while first.trim().is_empty() {
        first.clear();
        line += 1;
        if read_line(&mut input, &mut first, file, line)? == 0 {
            return Err(Error::input(format!(
                "{file} is empty. Give a file with a header that names user and item, or JSON Lines, or sequences."
            )));
        }
    }
    let head = first.trim_end_matches(['\r', '\n']).trim_start_matches('\u{feff}');
    if head.trim_start().starts_with('{') {
        return read_json(reader, line, head.to_owned(), input);
    }
    let delimiter = ['\t', ',', ';', '|'].into_iter().find(|&d| head.contains(d));
    if let (Some(delimiter), Some(columns)) = (delimiter, delimiter.and_then(|d| Columns::find(head.split(d)))) {
        return read_delimited(reader, columns, delimiter, line, input);
    }
    let fields: Vec<&str> = split_headless(head);
    let number = |text: &str| text.trim().parse::<f64>().is_ok();
    let columns = Columns { user: 0, item: 1, rating: Some(2), time: Some(3), ..Columns::default() };
    if head.contains("::") && fields.len() >= 2
        || head.contains('\t') && fields.len() == 4 && fields.iter().all(|f| number(f)) && fields[3].len() >= 9
    {
        return read_headless(reader, columns, line, first, input);
    }
    if delimiter.is_none() && head.split_whitespace().count() >= 2 && head.split_whitespace().all(number) {
        return read_sequences(reader, line, first, input);
    }
    let found = head.chars().take(120).collect::<String>();
    Err(Error::input(format!(
        "{file}, line {line}: the header names no user and item columns (found `{found}`). Name them `user` and `item`, \
         and optionally `timestamp`, `rating` or `weight`, `event`."
    )))
}

fn read_line(input: &mut impl BufRead, line: &mut String, file: &str, number: usize) -> Result<usize> {
    input.read_line(line).map_err(|e| {
        Error::input(format!("{file}, line {number}: cannot be read as UTF-8 text ({e}). Save the file as UTF-8."))
    })
}

fn split_headless(line: &str) -> Vec<&str> {
    if line.contains("::") { line.split("::").collect() } else { line.split('\t').collect() }
}

fn read_delimited(
    mut reader: Reader,
    columns: Columns,
    delimiter: char,
    mut line: usize,
    mut input: impl BufRead,
) -> Result<(Interactions, Skipped)> {
    let file = reader.file.clone();
    let mut text = String::new();
    loop {
        text.clear();
        line += 1;
        if read_line(&mut input, &mut text, &file, line)? == 0 {
            return reader.finish();
        }
        let row = text.trim_end_matches(['\r', '\n']);
        if row.is_empty() {
            continue;
        }
        if !row.contains('"') {
            // Only the few columns in use are looked up, in one pass over the line.
            push_fields(&mut reader, line, columns, |i| row.split(delimiter).nth(i))?;
            continue;
        }
        let mut quoted = csv::ReaderBuilder::new();
        quoted.delimiter(delimiter as u8).has_headers(false).flexible(true);
        match quoted.from_reader(row.as_bytes()).records().next() {
            Some(Ok(record)) => push_fields(&mut reader, line, columns, |i| record.get(i))?,
            _ => reader.bad(line, &|| "not readable as quoted fields")?,
        }
    }
}

/// One row from a table of fields: missing and unreadable fields make it bad.
fn push_fields<'f>(
    reader: &mut Reader,
    line: usize,
    columns: Columns,
    field: impl Fn(usize) -> Option<&'f str>,
) -> Result<()> {
    let text = |column: Option<usize>| column.and_then(&field).map(str::trim).filter(|t| !t.is_empty());
    let (Some(user), Some(item)) = (text(Some(columns.user)), text(Some(columns.item))) else {
        return reader.bad(line, &|| "the user or the item is missing");
    };
    let mut row = Row { user, item, event: text(columns.event), ..Row::default() };
    for (column, target) in [(columns.rating, &mut row.rating), (columns.weight, &mut row.weight)] {
        if let Some(text) = text(column) {
            match text.parse::<f32>() {
                Ok(value) => *target = Some(value),
                Err(_) => return reader.bad(line, &|| format!("`{}` is not a number", shown(text))),
            }
        }
    }
    if let Some(text) = text(columns.time) {
        match parse_time(text) {
            Some(time) => row.time = Some(time),
            None => return reader.bad(line, &|| format!("`{}` is not a time", shown(text))),
        }
    } else if columns.time.is_some() && field(columns.time.unwrap_or(0)).is_some() {
        return reader.bad(line, &|| "the time is missing");
    }
    if columns.rating.is_some() && row.rating.is_none() && field(columns.rating.unwrap_or(0)).is_some() {
        return reader.bad(line, &|| "the rating is missing");
    }
    reader.push(line, row)
}

/// Gives every line from `text`, line number `line`, on to `row`, then the outcome.
fn each_line(
    mut reader: Reader,
    mut line: usize,
    mut text: String,
    mut input: impl BufRead,
    mut row: impl FnMut(&mut Reader, usize, &str) -> Result<()>,
) -> Result<(Interactions, Skipped)> {
    let file = reader.file.clone();
    loop {
        row(&mut reader, line, &text)?;
        text.clear();
        line += 1;
        if read_line(&mut input, &mut text, &file, line)? == 0 {
            return reader.finish();
        }
    }
}

fn read_headless(reader: Reader, columns: Columns, line: usize, text: String, input: impl BufRead) -> Result<(Interactions, Skipped)> {
    each_line(reader, line, text, input, |reader, line, text| {
        let row = text.trim_end_matches(['\r', '\n']);
        if row.is_empty() {
            return Ok(());
        }
        let fields = split_headless(row);
        push_fields(reader, line, columns, |i| fields.get(i).copied())
    })
}

fn read_sequences(reader: Reader, line: usize, text: String, input: impl BufRead) -> Result<(Interactions, Skipped)> {
    each_line(reader, line, text, input, |reader, line, text| {
        let mut fields = text.split_whitespace();
        let Some(user) = fields.next() else { return Ok(()) };
        let mut items = 0;
        for item in fields {
            items += 1;
            reader.push(line, Row { user, item, ..Row::default() })?;
        }
        if items == 0 { reader.bad(line, &|| "the user has no items") } else { Ok(()) }
    })
}

fn read_json(reader: Reader, line: usize, text: String, input: impl BufRead) -> Result<(Interactions, Skipped)> {
    each_line(reader, line, text, input, |reader, line, text| {
        if text.trim().is_empty() {
            return Ok(());
        }
        let object = match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
            Ok(object) => object,
            Err(e) => return reader.bad(line, &|| format!("not a JSON object ({e})")),
        };
        let (names, values): (Vec<_>, Vec<String>) = object.iter().map(|(name, value)| (name.as_str(), json_text(value))).unzip();
        match Columns::find(names.into_iter()) {
            None => reader.bad(line, &|| "the object names no user and item"),
            Some(columns) => push_fields(reader, line, columns, |i| values.get(i).map(String::as_str)),
        }
    })
}

fn json_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}
