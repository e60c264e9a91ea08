//! Rows of JSON Lines, CSV, TSV and Parquet files as JSON objects, one at a time, each with its line.
//!
//! Not here: what a row means ([`super::items`]) and opening files (`platform::native`).

use std::io::{BufRead, Read};

use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};

/// Longest line of JSON Lines, in bytes.
pub const MAX_LINE: usize = 64 << 20;

/// How a file is read, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    JsonLines,
    /// With this byte between fields.
    Separated(u8),
    Parquet,
}

impl Shape {
    /// From a file's name.
    ///
    /// # Errors
    /// [`Error::Input`] for an ending that is not known.
    pub fn of(name: &str) -> Result<Self> {
        let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        Ok(match ending.as_str() {
            "jsonl" | "ndjson" | "json" => Shape::JsonLines,
            "csv" => Shape::Separated(b','),
            "tsv" => Shape::Separated(b'\t'),
            "parquet" | "pq" => Shape::Parquet,
            _ => return Err(Error::input(format!("{name} ends in no known way. Give it as .jsonl, .csv, .tsv or .parquet."))),
        })
    }
}

/// A row: its line (or row number in Parquet), and the object or why it can't be read.
pub type Row = (u64, std::result::Result<Map<String, Value>, String>);

/// Reads the rows of the file called `name` and gives each to `each`.
///
/// # Errors
/// What makes the whole file unreadable, and what `each` returns.
pub fn read(name: &str, source: impl Read + ChunkReader + 'static, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
    match Shape::of(name)? {
        Shape::JsonLines => read_json_lines(name, std::io::BufReader::with_capacity(1 << 18, source), each),
        Shape::Separated(by) => read_separated(name, by, source, each),
        Shape::Parquet => read_parquet(name, source, each),
    }
}

/// JSON Lines: blank lines are passed over, a byte order mark too.
pub fn read_json_lines(name: &str, mut source: impl BufRead, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let long = read_line(&mut source, &mut line).map_err(|e| Error::Storage(format!("Cannot read {name}, line {number}: {e}.")))?;
        let Some(long) = long else {
            return Ok(());
        };
        if long {
            each((number, Err(format!("the line is longer than {MAX_LINE} bytes"))))?;
            continue;
        }
        let start = if number == 1 && line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let bytes = line[start..].trim_ascii();
        if number == 1 && bytes.starts_with(b"[") {
            return Err(Error::input(format!("{name}, line {number}: a JSON list. Write one object a line, without brackets and commas around them.")));
        }
        if !bytes.is_empty() {
            each((number, json_object(bytes)))?;
        }
    }
    Ok(())
}

/// Reads up to a newline. `None` at the end; `Some(true)` where the line was too long and was passed over.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    let read = source.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    if read <= MAX_LINE || line.ends_with(b"\n") {
        return Ok(Some(false));
    }
    line.clear();
    loop {
        let buffer = source.fill_buf()?;
        let (used, done) = match buffer.iter().position(|&b| b == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        source.consume(used);
        if done {
            return Ok(Some(true));
        }
    }
}

fn json_object(bytes: &[u8]) -> std::result::Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("broken UTF-8 at byte {}", e.valid_up_to() + 1))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(format!("a JSON {}, expected an object", kind_of(&other))),
        Err(e) => {
            let near = text.get(e.column().saturating_sub(2)..).unwrap_or_default();
            let nan = ["NaN", "Infinity", "-Infinity"].iter().any(|word| near.contains(word));
            let hint = if nan { "; NaN and Infinity are not JSON, leave the field out or write null" } else { "" };
            Err(format!("not JSON: {}{hint}", strip_line(&e.to_string())))
        }
    }
}

/// serde_json counts lines inside the one line; only the column means something.
fn strip_line(message: &str) -> String {
    message.replace("at line 1 column", "at column")
}

/// The word for a value's type.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// CSV and TSV with a header, `id` in it; every cell is a text, empty cells are left out.
pub fn read_separated(name: &str, by: u8, source: impl Read, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
    let mut source = std::io::BufReader::with_capacity(1 << 18, source);
    let start = source.fill_buf().map_err(|e| Error::Storage(format!("Cannot read {name}: {e}.")))?;
    // After "\r\n" the library has not counted the "\n" yet when the next record starts.
    let uncounted = start.iter().position(|&b| b == b'\n').is_some_and(|at| at > 0 && start[at - 1] == b'\r');
    let mut reader = csv::ReaderBuilder::new().delimiter(by).flexible(true).from_reader(source);
    let unreadable = |e: csv::Error| Error::Storage(format!("Cannot read {name}: {e}."));
    let header = reader.byte_headers().map_err(unreadable)?.clone();
    let mut names = Vec::with_capacity(header.len());
    for (at, cell) in header.iter().enumerate() {
        let cell = if at == 0 { cell.strip_prefix(b"\xef\xbb\xbf".as_slice()).unwrap_or(cell) } else { cell };
        let cell = std::str::from_utf8(cell).map_err(|_| Error::input(format!("{name}, line 1: column {} has broken UTF-8. Save the file as UTF-8.", at + 1)))?;
        let cell = cell.trim().to_string();
        if cell.is_empty() || names.contains(&cell) {
            return Err(Error::input(format!("{name}, line 1: column {} is named {cell:?}, which is empty or stands twice. Name every column differently.", at + 1)));
        }
        names.push(cell);
    }
    if !names.iter().any(|name| name == "id") {
        let found: Vec<String> = names.iter().take(8).map(|name| format!("`{name}`")).collect();
        return Err(Error::input(format!("{name}, line 1: no column is named `id` (the first: {}). Name the items' keys so.", found.join(", "))));
    }
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(unreadable)? {
        let line = record.position().map_or(0, csv::Position::line) + u64::from(uncounted);
        each((line, separated_row(&names, &record)))?;
    }
    Ok(())
}

fn separated_row(names: &[String], record: &csv::ByteRecord) -> std::result::Result<Map<String, Value>, String> {
    if record.len() != names.len() {
        return Err(format!("{} fields, the header has {}; is a quote missing?", record.len(), names.len()));
    }
    let mut map = Map::new();
    for (name, cell) in names.iter().zip(record) {
        let text = std::str::from_utf8(cell).map_err(|e| format!("broken UTF-8 at byte {} of field {name:?}", e.valid_up_to() + 1))?;
        if !text.is_empty() {
            map.insert(name.clone(), Value::String(text.to_string()));
        }
    }
    Ok(map)
}

/// Parquet; "lines" are row numbers from 1.
pub fn read_parquet(name: &str, source: impl ChunkReader + 'static, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
    let broken = |e: parquet::errors::ParquetError| Error::corrupt(name, e.to_string());
    let file = SerializedFileReader::new(source).map_err(broken)?;
    for (at, row) in file.get_row_iter(None).map_err(broken)?.enumerate() {
        let row = row.map_err(broken)?;
        let mut map = Map::new();
        let mut bad = None;
        for (name, field) in row.get_column_iter() {
            match parquet_value(field) {
                Ok(Value::Null) => {}
                Ok(value) => {
                    map.insert(name.clone(), value);
                }
                Err(reason) => bad = Some(format!("{name:?} {reason}")),
            }
        }
        each((at as u64 + 1, bad.map_or(Ok(map), Err)))?;
    }
    Ok(())
}

fn parquet_value(field: &Field) -> std::result::Result<Value, String> {
    let double = |v: f64| Number::from_f64(v).map(Value::Number).ok_or_else(|| format!("is {v}"));
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(v) => Value::Bool(*v),
        Field::Byte(v) => Value::from(*v),
        Field::Short(v) => Value::from(*v),
        Field::Int(v) => Value::from(*v),
        Field::Long(v) => Value::from(*v),
        Field::UByte(v) => Value::from(*v),
        Field::UShort(v) => Value::from(*v),
        Field::UInt(v) => Value::from(*v),
        Field::ULong(v) => Value::from(*v),
        Field::Float(v) => double(v.to_string().parse().unwrap_or(f64::from(*v)))?,
        Field::Double(v) => double(*v)?,
        Field::Str(v) => Value::String(v.clone()),
        Field::Bytes(v) => match std::str::from_utf8(v.data()) {
            Ok(text) => Value::String(text.to_string()),
            Err(e) => return Err(format!("has broken UTF-8 at byte {}", e.valid_up_to() + 1)),
        },
        Field::ListInternal(list) => Value::Array(list.elements().iter().map(parquet_value).collect::<std::result::Result<_, _>>()?),
        Field::Group(row) => {
            let members = row.get_column_iter().map(|(name, field)| Ok((name.clone(), parquet_value(field)?)));
            Value::Object(members.collect::<std::result::Result<_, String>>()?)
        }
        // Dates, times, decimals and maps, as the library writes them.
        other => Value::String(other.to_string().trim_matches('"').to_string()),
    })
}
