//! `palate train fusion`: a joint space of texts, pictures, sounds and films, and what each of them adds.
//!
//! Not here: learning (`palate::train::fusion`) and the pack (`palate::publish::fusion`).

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use indicatif::ProgressBar;
use palate::evaluate::dataset::{Keys, Sequence};
use palate::evaluate::split::{Protocol, split};
use palate::format::manifest::Kind;
use palate::fuse::joint::{ARCHITECTURE, Config, Modality};
use palate::index::Catalog;
use palate::index::catalog::{IMAGE, TEXT};
use palate::math::rng::Rng;
use palate::platform::native::folder::Folder;
use palate::publish::build::{self as publish, Base, Encoders, Options, build};
use palate::publish::fusion as packs;
use palate::publish::interactions::ReadOptions;
use palate::publish::items::Template;
use palate::publish::model::{PackDType, write_described};
use palate::publish::media::EncodeMedia;
use palate::train::fusion::{Data, Learned, Settings, train};
use palate::train::fusion_report::{self, Line};
use palate::train::fusion_space::{Content, Space};
use palate::{Error, Result};
use serde_json::json;

use crate::films::Films;
use crate::fusion_account::{line_json, print, weights_json, write_vectors};
use crate::fusion_items::{Read, fingerprint};
use crate::interactions;
use crate::pack;
use crate::pictures::{Pictures, Sounds};
use crate::sound;
use crate::terminal::{bar, bold, count, dim, line, note, size, spinner, tick};

/// Length of the list that is measured.
const K: usize = 20;
/// Of the items with several modalities, without interactions: one in so many validates, another is tested on.
const HELD: usize = 10;

#[derive(Args)]
pub struct Fusion {
    /// Items: JSON Lines, CSV, TSV or Parquet, as `palate build` takes them.
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// Interactions: what is liked together is brought together.
    #[arg(long, value_name = "FILE")]
    interactions: Option<PathBuf>,
    /// Ratings or weights below this are no positives.
    #[arg(long, value_name = "VALUE", requires = "interactions")]
    min_rating: Option<f32>,
    #[command(flatten)]
    dropped: interactions::Dropped,
    /// Leave out items that lack a modality: what each adds is then measured where all are there.
    #[arg(long)]
    complete: bool,
    /// The text model: a pack's folder or file, or a name in models/.
    #[arg(long, value_name = "MODEL", default_value = "minilm")]
    text_model: PathBuf,
    /// The image model.
    #[arg(long, value_name = "MODEL", required_unless_present = "audio_model")]
    image_model: Option<PathBuf>,
    /// The audio model, beside the image model or in its place.
    #[arg(long, value_name = "MODEL")]
    audio_model: Option<PathBuf>,
    /// The video model, by `palate train video` with this image model.
    #[arg(long, value_name = "MODEL", requires = "image_model")]
    video_model: Option<PathBuf>,
    #[command(flatten)]
    clean: sound::Clean,
    /// Folder that paths of pictures, sounds and films start from [default: the items file's].
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
    /// An index of these items with these models, whose vectors are taken.
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Fields whose text the model reads, in order.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    text_fields: Option<Vec<String>>,
    /// Where the pack goes, and the checkpoints while it is learned.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The pack's name.
    #[arg(long, default_value = "fusion")]
    name: String,
    /// Numbers of a fused vector.
    #[arg(long, default_value_t = Settings::default().dim as u32, value_parser = clap::value_parser!(u32).range(8..=1024))]
    dim: u32,
    /// Epochs of learning by steps; with interactions a closed form is tried too, and taken where it validates better. 0: the closed form.
    #[arg(long, default_value_t = Settings::default().epochs as u32, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    epochs: u32,
    /// Principal axes that are kept of text and of each medium: the fewer, the less is learned by heart.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', default_values_t = Settings::default().ranks)]
    ranks: Vec<usize>,
    /// Chance of an input of text and of each medium to be left out while learning.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', default_values_t = Settings::default().dropout)]
    dropout: Vec<f32>,
    /// Chance of an item with several modalities to lose one while learning: what is missing later then costs less.
    #[arg(long, value_name = "SHARE", default_value_t = Settings::default().modality_dropout)]
    modality_dropout: f32,
    /// Weight of the contrast between modalities beside what is liked together.
    #[arg(long, value_name = "WEIGHT", default_value_t = Settings::default().contrast)]
    contrast: f32,
    /// Learning rate.
    #[arg(long, value_name = "RATE", default_value_t = Settings::default().learning_rate)]
    rate: f32,
    /// Decides every draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cold items' folds that are pooled in the ablation, up to 5.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5))]
    folds: u32,
    /// Also learn each modality alone, for the ablation.
    #[arg(long)]
    apart: bool,
    /// Write what was learned without the held-out items of the first fold, in place of learning from all in the end.
    #[arg(long)]
    keep_held_out: bool,
    /// Go on where an earlier run with the same items, models and settings stopped.
    #[arg(long)]
    resume: bool,
    /// Also write every item's fused vector: JSON Lines for `palate evaluate --features`.
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// Leave out rows and files that can't be used.
    #[arg(long)]
    skip_bad: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Fusion {
    pub fn run(self) -> Result<()> {
        let start = Instant::now();
        let mut read = self.read()?;
        if self.complete {
            read.complete();
        }
        let n = read.keys.len();
        for content in &read.contents {
            let with = content.has.iter().filter(|h| **h).count();
            if with == 0 {
                return Err(Error::input(format!("None of the items has a vector of {}. Check the items' fields and --media.", content.name)));
            }
            note(&format!("{} of {} items have {}", count(with), count(n), content.name));
        }
        let sequences = self.sequences(&read.keys)?;
        let settings = self.settings()?;
        let mut phases = Phases { out: &self.out, resume: self.resume, of: fingerprint(&settings, &read.contents, &sequences), kept: Vec::new() };
        let mut ablations: Vec<Vec<Line>> = Vec::new();
        let mut first: Option<(Space, Learned)> = None;
        let mut statement = String::new();
        let folds = if sequences.is_empty() { 1 } else { self.folds as usize };
        for fold in 0..folds {
            let held = Held::new(&sequences, &read.contents, n, self.seed, fold, folds)?;
            note(&held.statement);
            let space = Space::new(read.contents.clone(), &held.allowed, settings.dim, &settings.ranks, settings.seed);
            let learned = phases.train(&format!("fold{fold}"), &space, &held.data(), &settings)?;
            let mut lines = match &held.split {
                Some(split) => {
                    let mut views = fusion_report::views(&space, &learned.parameters);
                    if self.apart {
                        self.learn_apart(&read, &held, &settings, fold, &mut phases, &mut views)?;
                    }
                    fusion_report::by_cases(&views, &split.test, split.test_candidates.as_deref(), K, self.seed)
                }
                None => fusion_report::by_items(&space, &learned.parameters, &held.test, self.seed),
            };
            ablations.push(std::mem::take(&mut lines));
            if first.is_none() {
                first = Some((space, learned));
                statement = held.statement;
            }
        }
        let (mut space, mut learned) = first.ok_or_else(|| Error::Internal("nothing was learned".into()))?;
        let weights = match &learned.start {
            Some(start) => start.weights.clone(),
            None => learned.moved.iter().map(|m| m.exp()).collect(),
        };
        let (epoch, validation) = (learned.epoch, learned.validation);
        if !self.keep_held_out {
            let allowed = vec![true; n];
            space = Space::new(read.contents.clone(), &allowed, settings.dim, &settings.ranks, settings.seed);
            let all = Settings { epochs: epoch.max(1), patience: usize::MAX, start: learned.start.clone(), ..settings.clone() };
            let data = Data { allowed: &allowed, sequences: &sequences, valid: &[], candidates: None, held: &[] };
            let mut whole = phases.train("all", &space, &data, &all)?;
            for (modality, by) in learned.moved.iter().enumerate().filter(|(_, by)| **by != 0.0) {
                whole.parameters = space.with_gate(&whole.parameters, modality, *by);
            }
            learned = whole;
        }
        let config = Config { dim: settings.dim, modalities: read.modalities.clone() };
        let bytes = packs::pack(&self.name, &config, &space, &learned.parameters, PackDType::Q8)?;
        let manifest = write_described(&self.name, ARCHITECTURE, settings.dim, &bytes, &self.out)?;
        phases.finish();
        if let Some(path) = &self.vectors {
            write_vectors(path, &read.keys, &space, &learned.parameters)?;
        }
        let ablation = fusion_report::pool(ablations, self.seed);
        let seconds = (start.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        if self.json {
            return line(&json!({
                "name": manifest.name, "file": manifest.file, "sha256": manifest.sha256, "bytes": manifest.bytes, "dim": manifest.dim,
                "statement": statement, "folds": folds, "epoch": epoch, "validation": validation, "weights": weights_json(&read.contents, &weights),
                "seconds": seconds, "ablation": ablation.iter().map(line_json).collect::<Vec<_>>(),
            }).to_string());
        }
        line(&format!("{} {} ({} numbers a vector), {}, epoch {epoch} {}", tick(), bold(&manifest.name), manifest.dim, size(manifest.bytes), dim(&format!("in {seconds} s"))))?;
        line(&format!("  {}", self.out.join(&manifest.file).display()))?;
        for (content, weight) in read.contents.iter().zip(&weights).filter(|(_, weight)| **weight != 1.0) {
            line(&format!("  {} validates best at {weight} of the weight that was learned", content.name))?;
        }
        print(&ablation)
    }

    fn settings(&self) -> Result<Settings> {
        if self.epochs == 0 && self.interactions.is_none() {
            return Err(Error::input("--epochs 0 learns nothing from items alone. Give --interactions, or at least 1."));
        }
        let share = |v: &f32| (0.0..1.0).contains(v);
        if !self.dropout.iter().chain([&self.modality_dropout]).all(share) || self.ranks.contains(&0) || !(0.0..=100.0).contains(&self.contrast) || !(self.rate > 0.0 && self.rate < 1.0) {
            return Err(Error::input("--dropout and --modality-dropout are at least 0 and less than 1, --ranks at least 1, --contrast 0 to 100, --rate more than 0 and less than 1."));
        }
        Ok(Settings {
            dim: self.dim as usize,
            epochs: self.epochs as usize,
            seed: self.seed,
            ranks: self.ranks.clone(),
            dropout: self.dropout.clone(),
            modality_dropout: self.modality_dropout,
            contrast: self.contrast,
            learning_rate: self.rate,
            ..Settings::default()
        })
    }

    /// Each modality learned alone, as views of their own.
    fn learn_apart(&self, read: &Read, held: &Held, settings: &Settings, fold: usize, phases: &mut Phases<'_>, views: &mut Vec<fusion_report::View>) -> Result<()> {
        for content in &read.contents {
            let space = Space::new(vec![content.clone()], &held.allowed, settings.dim, &settings.ranks, settings.seed);
            let learned = phases.train(&format!("fold{fold}-{}", content.name), &space, &held.data(), settings)?;
            let mut own = fusion_report::views(&space, &learned.parameters);
            own.truncate(1);
            views.extend(own.into_iter().map(|view| fusion_report::View { name: format!("{}, learned alone", content.name), ..view }));
        }
        Ok(())
    }

    /// Reads and encodes the items.
    fn read(&self) -> Result<Read> {
        let items = crate::items::read(&self.items, self.skip_bad)?.0;
        let keys: Vec<String> = items.iter().map(|item| item.key.clone()).collect();
        let texts = pack::open(pack::find(&self.text_model)?)?;
        let from = self.media.clone().or_else(|| self.items.parent().map(Path::to_path_buf)).unwrap_or_default();
        let image = self.image_model.as_deref().map(|name| pack::open_image(pack::find(name)?)).transpose()?;
        let pictures = image.map(|encoder| Pictures { encoder, from: from.clone() });
        let audio = self.audio_model.as_deref().map(|name| pack::open_audio(pack::find(name)?)).transpose()?;
        let sounds = audio.map(|encoder| Sounds { encoder, from: from.clone(), cleaning: self.clean.cleaning() });
        let film_pack = self.video_model.as_deref().map(pack::find).transpose()?;
        let films = film_pack.as_ref().zip(pictures.as_ref()).map(|(pack, eye)| Films::open(pack, &eye.encoder, &texts, from)).transpose()?;
        let base = self.base.as_ref().map(|path| Base::open(&Folder::new(path))).transpose()?;
        let template = self.text_fields.clone().map_or_else(Template::default, |fields| Template { fields });
        let options = Options { template, keep: Some(Default::default()), own_spaces: true, skip_bad: self.skip_bad, ..Options::default() };
        let progress = bar(items.len(), "encoding");
        let encoders = Encoders {
            texts: &texts,
            pictures: pictures.as_ref().map(|p| p as &dyn EncodeMedia),
            sounds: sounds.as_ref().map(|s| s as &dyn EncodeMedia),
            films: films.as_ref().zip(film_pack.as_ref()).map(|(encoder, pack)| publish::Films { encoder, pack: &pack.bytes }),
            fusion: None,
        };
        let built = build(items, encoders, base.as_ref(), &options, None, &mut |done, total| {
            progress.set_length(total as u64);
            progress.set_position(done as u64);
        });
        progress.finish_and_clear();
        let built = built?;
        let shards = built.manifest.shards_of(&Kind::Items).map(|shard| built.files[&shard.file].clone()).collect();
        let catalog = Catalog::open(&built.manifest, shards)?;
        let mut read = Read { keys, contents: Vec::new(), modalities: Vec::new() };
        for (modality, model) in &built.manifest.models {
            let mut vectors = vec![0f32; read.keys.len() * model.dim];
            for (row, key) in vectors.chunks_exact_mut(model.dim).zip(&read.keys) {
                if let Some(own) = catalog.ordinal(key).and_then(|ordinal| catalog.embedding(modality, ordinal)) {
                    row.copy_from_slice(&own);
                }
            }
            let content = Content::new(modality, model.dim, vectors);
            // The image model may be there for the frames of films alone.
            if modality == IMAGE && self.video_model.is_some() && !content.has.contains(&true) {
                continue;
            }
            read.contents.push(content);
            read.modalities.push(Modality { name: modality.clone(), dim: model.dim, model: model.id.name.clone(), sha256: model.id.sha256.clone() });
        }
        // Text first: of the others it is asked what they add.
        let first = read.contents.iter().position(|c| c.name == TEXT).unwrap_or(0);
        read.contents.swap(0, first);
        read.modalities.swap(0, first);
        Ok(read)
    }

    fn sequences(&self, keys: &[String]) -> Result<Vec<Sequence>> {
        let Some(path) = &self.interactions else { return Ok(Vec::new()) };
        let mut numbered = Keys::default();
        keys.iter().for_each(|key| {
            numbered.intern(key);
        });
        let options = ReadOptions { skip_bad: true, numbered, known_only: true, ..ReadOptions::default() };
        let (mut interactions, skipped) = interactions::read(path, options)?;
        interactions::note_skipped(&skipped);
        let (sequences, account) = interactions.sequences(&self.dropped.cleaning(self.min_rating))?;
        note(&account.line());
        Ok(sequences)
    }
}

/// What is kept away from learning.
struct Held {
    allowed: Vec<bool>,
    split: Option<palate::evaluate::split::Split>,
    valid: Vec<u32>,
    test: Vec<u32>,
    statement: String,
}

impl Held {
    fn new(sequences: &[Sequence], contents: &[Content], n: usize, seed: u64, fold: usize, folds: usize) -> Result<Self> {
        let mut allowed = vec![true; n];
        if !sequences.is_empty() {
            let split = split(Protocol::ColdItems, sequences, n, seed, fold, folds)?;
            for candidates in [&split.valid_candidates, &split.test_candidates].into_iter().flatten() {
                allowed.iter_mut().zip(candidates).for_each(|(allowed, held)| *allowed &= !held);
            }
            let statement = split.statement.clone();
            return Ok(Self { allowed, split: Some(split), valid: Vec::new(), test: Vec::new(), statement });
        }
        let mut several: Vec<u32> = (0..n as u32).filter(|&i| contents.iter().filter(|c| c.has[i as usize]).count() > 1).collect();
        Rng::new(seed).shuffle(&mut several);
        let held = several.len() / HELD;
        if held == 0 {
            return Err(Error::input(format!("{} items have more than one modality; at least {HELD} are needed to learn and to measure. Give more items, or --interactions.", several.len())));
        }
        let (valid, test) = (several[..held].to_vec(), several[held..2 * held].to_vec());
        valid.iter().chain(&test).for_each(|&i| allowed[i as usize] = false);
        let statement = format!("items alone: a seeded tenth of the items with several modalities ({held}) is never learned from and is to be found by one modality among itself, another tenth is for validation");
        Ok(Self { allowed, split: None, valid, test, statement })
    }

    fn data(&self) -> Data<'_> {
        match &self.split {
            Some(split) => Data { allowed: &self.allowed, sequences: &split.train, valid: &split.valid, candidates: split.valid_candidates.as_deref(), held: &[] },
            None => Data { allowed: &self.allowed, sequences: &[], valid: &[], candidates: None, held: &self.valid },
        }
    }
}

/// The trainings of a run, each with a checkpoint of its own.
struct Phases<'a> {
    out: &'a Path,
    resume: bool,
    of: String,
    kept: Vec<PathBuf>,
}

impl Phases<'_> {
    fn train(&mut self, phase: &str, space: &Space, data: &Data<'_>, settings: &Settings) -> Result<Learned> {
        let path = self.out.join(format!("checkpoint-{phase}.safetensors"));
        let from = if self.resume { packs::resume(&path, &self.of, space.parameters())? } else { None };
        if let Some(state) = &from {
            note(&format!("{phase}: going on after epoch {}", state.epoch));
        }
        self.kept.push(path.clone());
        let progress: ProgressBar = spinner(phase);
        let learned = train(space, data, settings, from, &mut |epoch, state| {
            let best = if state.best_epoch == epoch.number { " *" } else { "" };
            progress.suspend(|| eprintln!("  {phase}, epoch {}: loss {:.4}, validation recall {:.4}{best}", epoch.number, epoch.loss, epoch.validation));
            packs::keep(&path, &self.of, state)
        });
        progress.finish_and_clear();
        learned
    }

    /// The pack is there: the checkpoints have done their work. One that can't be removed does no harm.
    fn finish(&self) {
        self.kept.iter().for_each(|path| drop(std::fs::remove_file(path)));
    }
}
