//! `palate train`: models that a catalog learns of its own.
//!
//! Not here: learning (`palate::train`) and what a pack is (`palate::publish::tower`).

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use palate::encode::{ImageEncoder, TextEncoder};
use palate::format::pack::ModelId;
use palate::platform::native::{files, folder};
use palate::preprocess::Picture;
use palate::publish::checkpoint::{Checkpoint, Choice};
use palate::publish::items::{Item, NAMED, Reader, Template};
use palate::publish::{table, tower};
use palate::train::tower::augment::Source;
use palate::train::tower::start::{self, Shape, Start};
use palate::train::tower::state::State;
use palate::train::tower::{Epoch, Example, Settings, Split, Told, run_hash, train};
use palate::{Error, Result};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::terminal::{bar, bold, count, dim, line, note, size, spinner, tick};
use crate::train_fusion::Fusion;
use crate::{media, pack};

#[derive(Subcommand)]
pub enum Train {
    /// A small image model in the space of the catalog's texts, so that pages search with pictures without a large download.
    Image(Image),
    /// One space for what items read and look like: projections and a gated sum, from items alone or from interactions too.
    Fusion(Box<Fusion>),
}

impl Train {
    pub fn run(self) -> Result<()> {
        match self {
            Train::Image(image) => image.run(),
            Train::Fusion(fusion) => fusion.run(),
        }
    }
}

#[derive(Args)]
pub struct Image {
    /// Items with an `image` and a text: JSON Lines, CSV or Parquet.
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// Where paths of pictures start [default: the items' folder].
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
    /// The text model that the index is built with.
    #[arg(long, value_name = "MODEL", default_value = "minilm")]
    text_model: PathBuf,
    /// Where the pack goes.
    #[arg(long, value_name = "DIR", required_unless_present = "evaluate")]
    out: Option<PathBuf>,
    /// The pack's name [default: the last part of --out].
    #[arg(long)]
    name: Option<String>,
    /// Start from the body of a MobileNetV2 checkpoint folder that knows pictures already [default: from random numbers].
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Inverted residuals of that body that stay as they are, with all before them.
    #[arg(long, value_name = "LAYERS", default_value_t = 3, requires = "from")]
    freeze: usize,
    /// Side of the pictures that the model takes, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 96)]
    size: usize,
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    epochs: u32,
    /// Epochs without a better validation before it stops.
    #[arg(long, value_name = "EPOCHS", default_value_t = 8)]
    patience: usize,
    /// Pictures of a step.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch: u32,
    /// Learning rate at its highest.
    #[arg(long, value_name = "RATE", default_value_t = Settings::default().learning_rate)]
    rate: f32,
    /// Share of pictures that are learned as lines alone, for searches with doodles.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    lines: f64,
    /// Left and right mean something in these pictures: don't swap them.
    #[arg(long)]
    no_flip: bool,
    /// Share of the items that measure the model and are never learned from.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    hold_out: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fields that make up an item's text, in order.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    text_fields: Option<Vec<String>>,
    /// Leave items out whose row or picture can't be used, instead of stopping.
    #[arg(long)]
    skip_bad: bool,
    /// Learn nothing: measure this pack on the held-out share.
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["out", "from", "name"])]
    evaluate: Option<PathBuf>,
    /// Print one JSON object in place of text.
    #[arg(long)]
    json: bool,
}

/// Side of the pictures that are kept while learning, for one pixel that the model takes.
const KEPT: f64 = 1.34;

impl Image {
    fn run(self) -> Result<()> {
        let began = Instant::now();
        start::check_size(self.size)?;
        if !(0.0..0.9).contains(&self.hold_out) || !(0.0..=1.0).contains(&self.lines) || !(self.rate > 0.0 && self.rate < 1.0) {
            return Err(Error::input("--hold-out is 0 to 0.9, --lines 0 to 1, --rate more than 0 and less than 1."));
        }
        let texts = pack::open(pack::find(&self.text_model)?)?;
        let items = self.read()?;
        let examples = self.examples(&items, &texts)?;
        let settings = self.settings();
        let Some(out) = &self.out else {
            let found = pack::open_image(pack::find(self.evaluate.as_deref().unwrap_or(std::path::Path::new("")))?)?;
            return self.report(self.measure(&found, &items, &examples, &settings)?, &Value::Null);
        };
        let begin = self.start(texts.model_id(), texts.dim())?;
        let run = run_hash(&examples, &begin, &settings);
        let kept = out.join("training.safetensors");
        let state = match kept.is_file() {
            true => Some(State::parse(files::read(&kept)?, &kept.display().to_string(), &begin.graph, &run)?),
            false => None,
        };
        if let Some(state) = &state {
            note(&format!("going on after epoch {} of {}", state.epoch, kept.display()));
        }
        let mut told = Shown { bar: bar(0, "learning"), kept: &kept, epochs: settings.epochs };
        let state = train(&examples, &begin, &settings, state, &mut told);
        told.bar.finish_and_clear();
        let state = state?;
        let name = self.name.clone().or_else(|| out.file_name().map(|n| n.to_string_lossy().into_owned())).unwrap_or_else(|| "tower".into());
        let spinner = spinner("quantizing");
        let made = tower::write(&begin, &state.best, &name, out);
        spinner.finish_and_clear();
        let made = made?;
        // The pack is there: what goes on from an epoch has done its work.
        let _ = std::fs::remove_file(&kept);
        let encoder = pack::open_image(pack::find(out)?)?;
        let found = self.measure(&encoder, &items, &examples, &settings)?;
        let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let account = json!({
            "name": made.name, "file": made.file, "sha256": made.sha256, "bytes": made.bytes, "dim": made.dim, "out": out,
            "epochs": state.epoch, "best_epoch": state.best_epoch, "seconds": seconds,
        });
        self.report(found, &account)
    }

    fn settings(&self) -> Settings {
        let defaults = Settings::default();
        let mut changes = defaults.changes;
        (changes.lines, changes.flip) = (self.lines, !self.no_flip);
        Settings {
            epochs: self.epochs as usize,
            patience: self.patience,
            batch: self.batch as usize,
            learning_rate: self.rate,
            held_out: self.hold_out,
            seed: self.seed,
            changes,
            ..defaults
        }
    }

    fn read(&self) -> Result<Vec<Item>> {
        let name = self.items.display().to_string();
        let mut reader = Reader::new(&name);
        table::read(&name, folder::open(&self.items)?, &mut |row| {
            reader.push(row);
            Ok(())
        })?;
        let (items, bad) = reader.finish(self.skip_bad)?;
        if bad.rows > 0 {
            note(&format!("{} rows were left out:\n  {}", count(bad.rows), bad.named.join("\n  ")));
        }
        Ok(items)
    }

    /// The file of an item's picture.
    fn path(&self, item: &Item) -> Option<PathBuf> {
        let from = self.media.clone().or_else(|| self.items.parent().map(std::path::Path::to_path_buf)).unwrap_or_default();
        item.fields.get("image").and_then(Value::as_str).filter(|name| !name.contains("://")).map(|name| from.join(name))
    }

    /// Items with a picture and a text, by key.
    fn examples(&self, items: &[Item], encoder: &TextEncoder) -> Result<Vec<Example>> {
        let side = (self.size as f64 * KEPT) as usize;
        let bar = bar(items.len(), "reading pictures");
        let template = self.text_fields.clone().map_or_else(Template::default, |fields| Template { fields });
        let picture = |item: &Item| -> Option<Result<Source>> {
            let path = self.path(item)?;
            bar.inc(1);
            let decoded = folder::read(&path, media::MAX_FILE).and_then(|bytes| media::decode_rgba(&bytes, &path.display().to_string()));
            Some(decoded.map(|(width, height, rgba)| Source::new(side, width, height, &rgba)).map_err(|e| Error::input(format!("item {:?}: {e}", item.key))))
        };
        let pictures: Vec<Option<Result<Source>>> = items.par_iter().map(picture).collect();
        bar.finish_and_clear();
        let bad: Vec<String> = pictures.iter().flatten().filter_map(|p| p.as_ref().err().map(ToString::to_string)).collect();
        if !bad.is_empty() {
            let named = bad[..bad.len().min(NAMED)].join("\n  ");
            if !self.skip_bad {
                return Err(Error::input(format!("{} pictures can't be used:\n  {named}\nReplace them, or leave them out with --skip-bad. Nothing was written.", count(bad.len()))));
            }
            note(&format!("{} pictures were left out:\n  {named}", count(bad.len())));
        }
        let mut with: Vec<(&Item, String, Source)> = Vec::new();
        for (item, picture) in items.iter().zip(pictures) {
            let text = template.text(item);
            if let (Some(Ok(picture)), false) = (picture, text.is_empty()) {
                with.push((item, text, picture));
            }
        }
        with.sort_by(|a, b| a.0.key.cmp(&b.0.key));
        let spinner = spinner("encoding texts");
        let texts: Vec<&str> = with.iter().map(|(_, text, _)| text.as_str()).collect();
        let vectors = encoder.encode(&texts);
        spinner.finish_and_clear();
        Ok(with.into_iter().zip(vectors?).map(|((item, _, picture), text)| Example { key: item.key.clone(), picture, text }).collect())
    }

    fn start(&self, space: &ModelId, dim: usize) -> Result<Start> {
        let Some(folder) = &self.from else { return start::random(&Shape::default(), self.size, dim, space, self.seed) };
        let checkpoint = Checkpoint::read(folder, Choice::default())?;
        if checkpoint.architecture != "mobilenet-v2" {
            return Err(Error::input(format!("{} holds a {}; a tower starts from a MobileNetV2, or without --from.", folder.display(), checkpoint.architecture)));
        }
        let config = serde_json::from_str(&checkpoint.config).map_err(|e| Error::corrupt("config.json", e.to_string()))?;
        Ok(start::body(&config, &checkpoint.weights, self.size, dim, space, self.seed)?.freeze(self.freeze))
    }

    /// The held-out pictures, read anew, against all texts and against those of the held-out alone.
    fn measure(&self, encoder: &ImageEncoder, items: &[Item], examples: &[Example], settings: &Settings) -> Result<Option<[tower::Found; 2]>> {
        let keys: Vec<&str> = examples.iter().map(|e| e.key.as_str()).collect();
        let held = Split::new(&keys, settings.held_out, settings.validation, settings.seed).held_out;
        if held.is_empty() {
            return Ok(None);
        }
        let paths: std::collections::HashMap<&str, PathBuf> = items.iter().filter_map(|item| Some((item.key.as_str(), self.path(item)?))).collect();
        let pictures: Vec<Picture> = held.par_iter().map(|&at| media::read(&paths[keys[at]])).collect::<Result<_>>()?;
        let texts: Vec<&[f32]> = examples.iter().map(|e| e.text.as_slice()).collect();
        let few: Vec<&[f32]> = held.iter().map(|&at| texts[at]).collect();
        let alone: Vec<usize> = (0..held.len()).collect();
        Ok(Some([tower::find(encoder, &pictures, &held, &texts)?, tower::find(encoder, &pictures, &alone, &few)?]))
    }

    fn report(&self, found: Option<[tower::Found; 2]>, made: &Value) -> Result<()> {
        if self.json {
            return line(&json!({"made": made, "held_out": found.as_ref().map(|f| json!({"all_texts": f[0], "held_out_texts": f[1]}))}).to_string());
        }
        if let (Some(name), Some(bytes)) = (made["name"].as_str(), made["bytes"].as_u64()) {
            line(&format!("{} {} ({} numbers a vector), {}, epoch {} of {} in {} s", tick(), bold(name), made["dim"], size(bytes), made["best_epoch"], made["epochs"], made["seconds"]))?;
            line(&format!("  {}/{}", made["out"].as_str().unwrap_or_default(), made["file"].as_str().unwrap_or_default()))?;
        }
        for (found, what) in found.iter().flatten().zip(["all", "held-out"]) {
            line(&format!(
                "  {} held-out pictures among {} {what} texts: recall@10 {:.3} {}, @1 {:.3}, @50 {:.3}, median rank {}",
                count(found.pictures), count(found.texts), found.recall_at_10, dim(&format!("({:.3} to {:.3})", found.low, found.high)), found.recall_at_1, found.recall_at_50, found.median_rank
            ))?;
        }
        Ok(())
    }
}

/// Progress on the terminal, and the state in its file.
struct Shown<'a> {
    bar: ProgressBar,
    kept: &'a std::path::Path,
    epochs: usize,
}

impl Told for Shown<'_> {
    fn seen(&mut self, pictures: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(pictures as u64);
    }

    fn epoch(&mut self, epoch: Epoch, state: &State) -> Result<()> {
        let Epoch { number, loss, recall, is_best } = epoch;
        let mark = if is_best { " *" } else { "" };
        self.bar.suspend(|| eprintln!("  epoch {number} of {}: loss {loss:.4}, validation recall@10 {recall:.3}{mark}", self.epochs));
        files::write_atomic(self.kept, &state.to_bytes()?)
    }
}
