//! What `palate train image`, `audio` and `video` share: their items, the way of learning, and the account of it.
//!
//! Not here: learning (`palate::train::tower`) and what a pack is (`palate::publish::tower`).

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use indicatif::ProgressBar;
use palate::encode::TextEncoder;
use palate::platform::native::files;
use palate::publish::items::{Item, NAMED, Template};
use palate::publish::tower;
use palate::train::tower::start::Start;
use palate::train::tower::state::State;
use palate::train::tower::{Epoch, Example, Medium, Settings, Split, Told, run_hash, train};
use palate::{Error, Result};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::pack;
use crate::terminal::{bar, bold, count, dim, line, note, size, spinner, tick};

#[derive(Args)]
pub struct Tower {
    /// Items with a file and a text: JSON Lines, CSV or Parquet.
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// Where paths of files start [default: the items' folder].
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
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    epochs: u32,
    /// Epochs without a better validation before it stops.
    #[arg(long, value_name = "EPOCHS", default_value_t = 8)]
    patience: usize,
    /// Pictures or sounds of a step.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch: u32,
    /// Learning rate at its highest [default: 0.0005 for pictures, 0.002 for sounds, 0.001 for films].
    #[arg(long, value_name = "RATE")]
    rate: Option<f32>,
    /// Share of the items that measure the model and are never learned from.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    hold_out: f64,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Fields that make up an item's text, in order.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    text_fields: Option<Vec<String>>,
    /// Leave items out whose row or file can't be used, instead of stopping.
    #[arg(long)]
    skip_bad: bool,
    /// Learn nothing: measure this pack on the held-out share.
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["out", "name"])]
    pub evaluate: Option<PathBuf>,
    /// Print one JSON object in place of text.
    #[arg(long)]
    json: bool,
}

/// A medium in words: the items' fields that may name its files, the first that is there, and many of them.
#[derive(Clone, Copy)]
pub struct Words {
    pub fields: &'static [&'static str],
    pub many: &'static str,
}

/// Items that are learned from, the files of those, and the texts' model.
pub struct Read<M> {
    pub texts: TextEncoder,
    pub examples: Vec<Example<M>>,
    pub paths: Vec<PathBuf>,
}

/// One way to ask with held-out items, as places in the examples, and the vectors that it gives.
pub struct View {
    pub name: String,
    pub asked: Vec<usize>,
    pub vectors: Vec<Vec<f32>>,
}

impl<M> Read<M> {
    /// Which of the examples do what.
    pub fn split<C>(&self, settings: &Settings<C>) -> Split {
        let keys: Vec<&str> = self.examples.iter().map(|e| e.key.as_str()).collect();
        Split::new(&keys, settings.held_out, settings.validation, settings.seed)
    }
}

impl Tower {
    /// The settings, with a medium's own changes and rate.
    ///
    /// # Errors
    /// [`Error::Input`] for shares and rates that are none.
    pub fn settings<C: Default>(&self, changes: C, rate: f32) -> Result<Settings<C>> {
        let rate = self.rate.unwrap_or(rate);
        if !(0.0..0.9).contains(&self.hold_out) || !(rate > 0.0 && rate < 1.0) {
            return Err(Error::input("--hold-out is 0 to 0.9, --rate more than 0 and less than 1."));
        }
        Ok(Settings {
            epochs: self.epochs as usize,
            patience: self.patience,
            batch: self.batch as usize,
            learning_rate: rate,
            held_out: self.hold_out,
            seed: self.seed,
            changes,
            ..Settings::default()
        })
    }

    /// The text model.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn texts(&self) -> Result<TextEncoder> {
        pack::open(pack::find(&self.text_model)?)
    }

    /// The items of the file.
    ///
    /// # Errors
    /// As the reader's.
    pub fn items(&self) -> Result<Vec<Item>> {
        Ok(crate::items::read(&self.items, self.skip_bad)?.0)
    }

    /// Items with a file and a text, by key; `read` makes of a file what is learned from.
    ///
    /// # Errors
    /// [`Error::Input`] for files that can't be used, by name, unless they are to be left out.
    pub fn read<M: Send>(&self, words: Words, items: &[Item], encoder: TextEncoder, read: impl Fn(&Item, &Path) -> Result<M> + Sync) -> Result<Read<M>> {
        let from = self.media.clone().or_else(|| self.items.parent().map(Path::to_path_buf)).unwrap_or_default();
        let bar = bar(items.len(), &format!("reading {}", words.many));
        let template = self.text_fields.clone().map_or_else(Template::default, |fields| Template { fields });
        let input = |item: &Item| -> Option<Result<(PathBuf, M)>> {
            let name = words.fields.iter().find_map(|field| item.fields.get(*field)?.as_str()).filter(|name| !name.contains("://"))?;
            let path = from.join(name);
            bar.inc(1);
            let made = read(item, &path).map_err(|e| Error::input(format!("item {:?}: {e}", item.key)));
            Some(made.map(|input| (path, input)))
        };
        let inputs: Vec<Option<Result<(PathBuf, M)>>> = items.par_iter().map(input).collect();
        bar.finish_and_clear();
        let bad: Vec<String> = inputs.iter().flatten().filter_map(|p| p.as_ref().err().map(ToString::to_string)).collect();
        if !bad.is_empty() {
            let named = bad[..bad.len().min(NAMED)].join("\n  ");
            if !self.skip_bad {
                return Err(Error::input(format!("{} {} can't be used:\n  {named}\nReplace them, or leave them out with --skip-bad. Nothing was written.", count(bad.len()), words.many)));
            }
            note(&format!("{} {} were left out:\n  {named}", count(bad.len()), words.many));
        }
        let mut with: Vec<(&Item, String, PathBuf, M)> = Vec::new();
        for (item, input) in items.iter().zip(inputs) {
            let text = template.text(item);
            if let (Some(Ok((path, input))), false) = (input, text.is_empty()) {
                with.push((item, text, path, input));
            }
        }
        with.sort_by(|a, b| a.0.key.cmp(&b.0.key));
        let spinner = spinner("encoding texts");
        let texts: Vec<&str> = with.iter().map(|(_, text, ..)| text.as_str()).collect();
        let vectors = encoder.encode(&texts);
        spinner.finish_and_clear();
        let mut read = Read { texts: encoder, examples: Vec::new(), paths: Vec::new() };
        for ((item, _, path, input), text) in with.into_iter().zip(vectors?) {
            read.examples.push(Example { key: item.key.clone(), input, text });
            read.paths.push(path);
        }
        Ok(read)
    }

    /// Learns and writes the pack, or goes on where an earlier run stopped; then measures the pack by the `views` of the
    /// held-out items. With `--evaluate` only that.
    ///
    /// # Errors
    /// As [`train`], [`State::parse`] and [`tower::write`], and where the pack can't be measured.
    pub fn learn<M: Medium>(
        &self,
        words: Words,
        read: &Read<M>,
        settings: &Settings<M::Changes>,
        begin: impl FnOnce(&Read<M>) -> Result<Start>,
        views: impl FnOnce(&Path, &[usize]) -> Result<Vec<View>>,
    ) -> Result<()> {
        let began = Instant::now();
        let Some(out) = &self.out else {
            let pack = self.evaluate.as_deref().unwrap_or(Path::new(""));
            return self.report(words, measure(read, settings, |held| views(pack, held))?, &Value::Null);
        };
        let begin = begin(read)?;
        let run = run_hash(&read.examples, &begin, settings);
        let kept = out.join("training.safetensors");
        let state = match kept.is_file() {
            true => Some(State::parse(files::read(&kept)?, &kept.display().to_string(), &begin.graph, &run)?),
            false => None,
        };
        if let Some(state) = &state {
            note(&format!("going on after epoch {} of {}", state.epoch, kept.display()));
        }
        let mut told = Shown { bar: bar(0, "learning"), kept: &kept, epochs: settings.epochs };
        let state = train(&read.examples, &begin, settings, state, &mut told);
        told.bar.finish_and_clear();
        let state = state?;
        let name = self.name.clone().or_else(|| out.file_name().map(|n| n.to_string_lossy().into_owned())).unwrap_or_else(|| "tower".into());
        let spinner = spinner("quantizing");
        let made = tower::write(&begin, &state.best, &name, out);
        spinner.finish_and_clear();
        let made = made?;
        // The pack is there: what goes on from an epoch has done its work.
        let _ = std::fs::remove_file(&kept);
        let found = measure(read, settings, |held| views(out, held))?;
        let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let account = json!({
            "name": made.name, "file": made.file, "sha256": made.sha256, "bytes": made.bytes, "dim": made.dim, "out": out,
            "epochs": state.epoch, "best_epoch": state.best_epoch, "seconds": seconds,
        });
        self.report(words, found, &account)
    }

    fn report(&self, words: Words, found: Vec<(String, [tower::Found; 2])>, made: &Value) -> Result<()> {
        let many = words.many;
        if self.json {
            let of = |f: &tower::Found| {
                json!({
                    many: f.asked, "texts": f.texts, "recall_at_1": f.recall_at_1, "recall_at_10": f.recall_at_10,
                    "recall_at_50": f.recall_at_50, "low": f.low, "high": f.high, "median_rank": f.median_rank,
                })
            };
            let both = |f: &[tower::Found; 2]| json!({"all_texts": of(&f[0]), "held_out_texts": of(&f[1])});
            let mut account = json!({"made": made, "held_out": found.first().map(|(_, f)| both(f))});
            if found.len() > 1 {
                account["ablation"] = found.iter().map(|(name, f)| json!({"name": name, "held_out": both(f)})).collect();
            }
            return line(&account.to_string());
        }
        if let (Some(name), Some(bytes)) = (made["name"].as_str(), made["bytes"].as_u64()) {
            line(&format!("{} {} ({} numbers a vector), {}, epoch {} of {} in {} s", tick(), bold(name), made["dim"], size(bytes), made["best_epoch"], made["epochs"], made["seconds"]))?;
            line(&format!("  {}/{}", made["out"].as_str().unwrap_or_default(), made["file"].as_str().unwrap_or_default()))?;
        }
        let lines = found.iter().flat_map(|(name, found)| found.iter().zip(["all", "held-out"]).map(move |(found, what)| (name, found, what)));
        for (name, found, what) in lines {
            let by = if name.is_empty() { String::new() } else { format!(" by {name}") };
            line(&format!(
                "  {} held-out {many}{by} among {} {what} texts: recall@10 {:.3} {}, @1 {:.3}, @50 {:.3}, median rank {}",
                count(found.asked), count(found.texts), found.recall_at_10, dim(&format!("({:.3} to {:.3})", found.low, found.high)), found.recall_at_1, found.recall_at_50, found.median_rank
            ))?;
        }
        Ok(())
    }
}

/// The held-out items in each view, against all texts and against those of the view's items alone.
fn measure<M, C>(read: &Read<M>, settings: &Settings<C>, views: impl FnOnce(&[usize]) -> Result<Vec<View>>) -> Result<Vec<(String, [tower::Found; 2])>> {
    let held = read.split(settings).held_out;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let texts: Vec<&[f32]> = read.examples.iter().map(|e| e.text.as_slice()).collect();
    let of = |View { name, asked, vectors }: View| {
        let few: Vec<&[f32]> = asked.iter().map(|&at| texts[at]).collect();
        let alone: Vec<usize> = (0..asked.len()).collect();
        Ok((name, [tower::find(&vectors, &asked, &texts)?, tower::find(&vectors, &alone, &few)?]))
    };
    views(&held)?.into_iter().map(of).collect()
}

/// Progress on the terminal, and the state in its file.
struct Shown<'a> {
    bar: ProgressBar,
    kept: &'a Path,
    epochs: usize,
}

impl Told for Shown<'_> {
    fn seen(&mut self, inputs: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(inputs as u64);
    }

    fn epoch(&mut self, epoch: Epoch, state: &State) -> Result<()> {
        let Epoch { number, loss, recall, is_best } = epoch;
        let mark = if is_best { " *" } else { "" };
        self.bar.suspend(|| eprintln!("  epoch {number} of {}: loss {loss:.4}, validation recall@10 {recall:.3}{mark}", self.epochs));
        files::write_atomic(self.kept, &state.to_bytes()?)
    }
}
