//! What is asked for on the command line: texts and files, one by one or as JSON Lines.
//!
//! Not here: encoding them.

use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;
use palate::platform::native::folder;
use palate::publish::table::read_json_lines;
use palate::{Error, Result};
use serde_json::{Map, Value, json};

/// Longest query text in bytes: no model reads more.
const MAX_TEXT: usize = 64 << 10;

/// The flags that name queries.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Asked {
    /// A text; may be given several times.
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// A picture file (needs an image model).
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// A sound file (needs an audio model).
    #[arg(long, value_name = "FILE")]
    audio: Vec<PathBuf>,
    /// A film file (needs an image model).
    #[arg(long, value_name = "FILE")]
    video: Vec<PathBuf>,
    /// JSON Lines, each with `text` (later also `image`, `audio`, `video`; several make one fused query).
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
}

/// One query: as it was asked, and its text.
pub struct Query {
    pub asked: Value,
    pub text: String,
}

impl Asked {
    /// All queries, in order: the flags first, then the lines.
    pub fn queries(&self) -> Result<Vec<Query>> {
        for (files, what, model) in [(&self.image, "an image", "image"), (&self.audio, "a sound", "audio"), (&self.video, "a film", "image")] {
            if let Some(file) = files.first() {
                return Err(no_model(&file.display().to_string(), what, model));
            }
        }
        let mut queries = Vec::new();
        for text in &self.text {
            queries.push(Query { asked: json!({"text": text}), text: checked(text, "--text")? });
        }
        if let Some(path) = &self.lines {
            let name = path.display().to_string();
            read_json_lines(&name, BufReader::new(folder::open(path)?), &mut |(line, row)| {
                let place = format!("{name}, line {line}");
                let row = row.map_err(|reason| Error::input(format!("{place}: {reason}. Write one object a line.")))?;
                queries.push(from_row(row, &place)?);
                Ok(())
            })?;
            if queries.is_empty() {
                return Err(Error::input(format!("{name} holds no query. Write one object a line, like {{\"text\": \"warm boots\"}}.")));
            }
        }
        Ok(queries)
    }
}

fn from_row(row: Map<String, Value>, place: &str) -> Result<Query> {
    for (field, what, model) in [("image", "an image", "image"), ("audio", "a sound", "audio"), ("video", "a film", "image")] {
        if row.contains_key(field) {
            return Err(no_model(place, what, model));
        }
    }
    match row.get("text") {
        Some(Value::String(text)) => Ok(Query { text: checked(text, place)?, asked: Value::Object(row) }),
        Some(other) => Err(Error::input(format!("{place}: \"text\" is {other}. Give a text."))),
        None => Err(Error::input(format!("{place}: no \"text\". Write one object a line, like {{\"text\": \"warm boots\"}}."))),
    }
}

fn checked(text: &str, place: &str) -> Result<String> {
    if text.trim().is_empty() {
        return Err(Error::input(format!("{place}: the text is empty. Give some words.")));
    }
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Ok(text[..end].to_string())
}

fn no_model(place: &str, what: &str, model: &str) -> Error {
    Error::input(format!("{place} is {what}, and there is no {model} model here: this build of palate encodes text. Describe it with --text."))
}
