//! Interactions from files of any layout, and settings of what learns from them, as several subcommands take them.
//!
//! Not here: what a row may hold (`palate::publish::interactions`).

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use clap::Args;
use palate::evaluate::dataset::{Cleaning, Interactions};
use palate::publish::interaction_columns::read_parquet;
use palate::publish::interaction_text::read_text;
use palate::publish::interactions::{ReadOptions, Skipped};
use palate::platform::native::{folder, memory::memory};
use palate::train::knobs;
use palate::train::methods::{DENSE_ITEMS, Settings};
use palate::{Error, Result};

/// What is dropped before anything is learned, with an account.
#[derive(Args)]
pub struct Dropped {
    /// Leave out people with more rows a second than this in the mean, of more than 50 rows: robots. 0: nobody.
    #[arg(long, value_name = "RATE", default_value_t = 0.0, requires = "interactions")]
    max_rate: f64,
    /// Keep only so many of each person's latest rows. 0: all.
    #[arg(long, value_name = "COUNT", default_value_t = 0, requires = "interactions")]
    latest: usize,
    /// Leave out people with fewer rows than this.
    #[arg(long, value_name = "COUNT", default_value_t = 0, requires = "interactions")]
    min_events: usize,
    /// Keep only people and items with at least this many rows.
    #[arg(long, value_name = "COUNT", default_value_t = 0, requires = "interactions")]
    core: usize,
}

impl Dropped {
    /// With the least rating or weight of a positive.
    pub fn cleaning(&self, min_value: Option<f32>) -> Cleaning {
        Cleaning { min_value, max_rate: self.max_rate, max_user_rows: self.latest, min_user_rows: self.min_events, core: self.core, ..Cleaning::default() }
    }
}

/// Largest settings file, in bytes.
const MAX_SETTINGS: u64 = 1 << 20;

/// Opens a file; its name for messages.
pub fn open(path: &Path) -> Result<(String, BufReader<File>)> {
    let name = path.display().to_string();
    let file = File::open(path)
        .map_err(|e| Error::NotFound(format!("{name} cannot be opened ({e}). Check the path.")))?;
    Ok((name, BufReader::with_capacity(1 << 20, file)))
}

/// Reads interactions: Parquet by the file's ending, text of any layout otherwise.
pub fn read(path: &Path, options: ReadOptions) -> Result<(Interactions, Skipped)> {
    let (name, input) = open(path)?;
    match path.extension().is_some_and(|e| e == "parquet") {
        true => read_parquet(&name, input.into_inner(), options),
        false => read_text(&name, input, options),
    }
}

/// The value of `--scale`.
pub fn scale(given: Option<&[f32]>) -> Result<Option<(f32, f32)>> {
    match given {
        None => Ok(None),
        Some([low, high]) if low < high => Ok(Some((*low, *high))),
        Some(_) => Err(Error::input("--scale takes two numbers, `LOW,HIGH`. Give them in that order.")),
    }
}

/// Names the rows that were left out.
pub fn note_skipped(skipped: &Skipped) {
    for text in &skipped.first {
        eprintln!("skipped: {text}");
    }
    if skipped.rows > skipped.first.len() {
        eprintln!("skipped: {} bad rows in all", skipped.rows);
    }
}

/// `settings` with what a settings file says.
pub fn settings(settings: &Settings, path: Option<&Path>) -> Result<Settings> {
    let Some(path) = path else { return Ok(settings.clone()) };
    let name = path.display().to_string();
    match serde_json::from_slice(&folder::read(path, MAX_SETTINGS)?) {
        Ok(serde_json::Value::Object(map)) => knobs::read(settings, &map, &name),
        _ => Err(Error::input(format!("{name} is no JSON object. Give one like {{\"ease_lambda\": 150}}, or what --settings-out wrote."))),
    }
}

/// Items that dense methods may know: as given, else as many as half of the memory affords (four square matrices), at most
/// [`DENSE_ITEMS`]. It is the machine's memory and not what is free, so that the same command gives the same bytes.
pub fn dense_items(given: Option<usize>) -> usize {
    let affordable = memory().map_or(DENSE_ITEMS, |bytes| (bytes as f64 / 2.0 / 16.0).sqrt() as usize);
    given.unwrap_or(affordable.min(DENSE_ITEMS))
}
