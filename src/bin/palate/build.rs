//! `palate build`: items in, index out.
//!
//! Not here: any of the work (`palate::publish`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use palate::evaluate::dataset::Interactions;
use palate::format::manifest::Kind;
use palate::format::signature::{signed_bytes, with_signature};
use palate::platform::native::{FolderCheckpoint, Signer};
use palate::platform::native::folder::Folder;
use palate::compute::cpu::isa::Isa;
use palate::fuse::Fuser;
use palate::publish::build::{self as publish, Base, Built, Encoders, Fusion, Options, build, write};
use palate::publish::interactions::ReadOptions;
use palate::publish::items::{Bad, Item, Template};
use palate::publish::clean::Cleaning;
use palate::publish::media::{Account, EncodeMedia};
use palate::publish::ranker::{self, Learned};
use palate::index::Catalog;
use palate::{Error, Result};
use serde_json::{Value, json};

use crate::films::Films;
use crate::interactions;
use crate::learned::{learned_json, print_learned};
use crate::pack::{self, Found};
use crate::pictures::{Pictures, Sounds};
use crate::sound;
use crate::terminal::{bar, bold, count, counted, dim, line, note, size, spinner, tick};

#[derive(Args)]
pub struct Build {
    /// Items: JSON Lines, CSV, TSV or Parquet with `id` and any of `title`, `description`, `tags`, `categories`, `image`,
    /// `audio`, `video`, `price`, `published`, `url`; other fields are kept as metadata.
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// Where the index goes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The text model: a pack's folder or file, or a name in models/.
    #[arg(long, value_name = "MODEL", default_value = "minilm")]
    text_model: PathBuf,
    /// A model for the pictures that items name in `image`: a pack's folder or file, or a name in models/. Pages can then
    /// search by picture.
    #[arg(long, value_name = "MODEL")]
    image_model: Option<PathBuf>,
    /// A model for the sounds that items name in `audio`: a pack's folder or file, or a name in models/. Pages can then search
    /// by recording.
    #[arg(long, value_name = "MODEL")]
    audio_model: Option<PathBuf>,
    /// A model for the films that items name in `frames` (a folder of them) or `video` (a GIF, WebP or APNG file, or a folder), by
    /// `palate train video` with this image model. Pages can then search by film.
    #[arg(long, value_name = "MODEL", requires = "image_model")]
    video_model: Option<PathBuf>,
    #[command(flatten)]
    clean: sound::Clean,
    /// A fusion of these models, by `palate train fusion`: lists and searches are ranked by what an item's modalities say
    /// together, and a query by text, picture or both is one vector.
    #[arg(long, value_name = "MODEL")]
    fusion: Option<PathBuf>,
    /// An earlier index whose vectors are taken for items with the same text.
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Folder that paths in `image`, `audio` and `video` start from [default: the items file's].
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
    /// Leave out rows that can't be used (named and counted) in place of stopping.
    #[arg(long)]
    skip_bad: bool,
    /// Fields whose text the model reads, in order.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    text_fields: Option<Vec<String>>,
    /// Metadata fields to ship [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    fields: Option<Vec<String>>,
    /// Metadata fields to leave out.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    without: Vec<String>,
    /// Whom the page must name for the data.
    #[arg(long, value_name = "TEXT")]
    attribution: Option<String>,
    /// Where the model's pack is served, relative to the manifest [default: it is copied beside it].
    #[arg(long, value_name = "PATH", conflicts_with = "no_model")]
    model_at: Option<String>,
    /// Don't put the model beside the index: pages then can't search by text unless they name a model.
    #[arg(long)]
    no_model: bool,
    /// Interactions that the ranker is learned from: CSV, TSV, Parquet, JSON Lines, RecBole `.inter`, MovieLens, or one
    /// sequence a line. Rows with items that are not among the items are counted and left out.
    #[arg(long, value_name = "FILE")]
    interactions: Option<PathBuf>,
    /// Ratings or weights below this are no positives.
    #[arg(long, value_name = "VALUE", requires = "interactions")]
    min_rating: Option<f32>,
    /// The rating scale, `LOW,HIGH`; inferred where not given.
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',', num_args = 1, requires = "interactions")]
    scale: Option<Vec<f32>>,
    /// A person's rows beyond this many are bad: a robot, or a broken export. 0: no limit.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, requires = "interactions")]
    max_user_rows: usize,
    #[command(flatten)]
    dropped: interactions::Dropped,
    /// Rows whose time goes backwards within a person are bad. Without it events are put in order.
    #[arg(long, requires = "interactions")]
    time_order: bool,
    /// Items that fewer people met are learned nothing of, so that no shipped row speaks of one or two people.
    #[arg(long, value_name = "COUNT", default_value_t = ranker::MIN_PEOPLE, requires = "interactions")]
    min_people: usize,
    /// Items that dense methods (EASE, transitions) know at most, the most frequent ones [default: 20000, fewer where memory is short].
    #[arg(long, value_name = "COUNT", requires = "interactions")]
    dense_items: Option<usize>,
    /// Hyper-parameters of what learns: a JSON object, as `palate evaluate --tune N --settings-out FILE` writes it.
    #[arg(long, value_name = "FILE", requires = "interactions")]
    settings: Option<PathBuf>,
    /// Hours that visitors' clocks are ahead of the interactions' times: what people turn to at which time of the week is
    /// learned in local time.
    #[arg(long, value_name = "HOURS", default_value_t = 0.0, allow_hyphen_values = true, requires = "interactions")]
    utc_offset: f64,
    /// Most bytes that visitors download for the ranker.
    #[arg(long, value_name = "BYTES", default_value_t = 4_000_000, requires = "interactions")]
    ranker_bytes: usize,
    /// Try the sequence encoder too (minutes); it is shipped where it is worth its cost.
    #[arg(long, requires = "interactions")]
    sequence: bool,
    /// Where what is finished of the ranker is kept until the index is there: the same command goes on after a stop
    /// [default: `.NAME.training` beside --out].
    #[arg(long, value_name = "DIR", requires = "interactions")]
    checkpoint: Option<PathBuf>,
    /// Sign the manifest with the key of this file, made by `palate key new`.
    #[arg(long, value_name = "KEYFILE")]
    sign: Option<PathBuf>,
    /// Print one JSON object in place of text.
    #[arg(long)]
    json: bool,
}

impl Build {
    pub fn run(self) -> Result<()> {
        let start = Instant::now();
        let signer = self.sign.as_deref().map(Signer::read).transpose()?;
        if self.audio_model.is_none() && self.clean.cleaning() != Cleaning::default() {
            return Err(Error::input("--denoise and --trim-silence clean sounds, and none are encoded. Name a model for them with --audio-model."));
        }
        let (items, bad) = crate::items::read(&self.items, self.skip_bad)?;
        self.count_missing_media(&items);
        interactions::settings(&ranker::Options::default().settings, self.settings.as_deref())?;
        let mut interactions = self.read_interactions()?;
        let pack = pack::find(&self.text_model)?;
        let (mut options, pack_file) = (self.options(), self.pack_file(&pack)?);
        options.model_file = self.model_at.clone().or_else(|| pack_file.as_ref().map(|(name, _)| name.clone()));
        let image_pack = self.image_model.as_deref().map(pack::find).transpose()?;
        let image_file = image_pack.as_ref().map(|pack| self.pack_file(pack)).transpose()?.flatten();
        options.image_model_file = image_file.as_ref().map(|(name, _)| name.clone());
        let audio_pack = self.audio_model.as_deref().map(pack::find).transpose()?;
        let audio_file = audio_pack.as_ref().map(|pack| self.pack_file(pack)).transpose()?.flatten();
        options.audio_model_file = audio_file.as_ref().map(|(name, _)| name.clone());
        let base = self.base.as_ref().map(|path| Base::open(&Folder::new(path))).transpose()?;
        if interactions.is_none() && base.as_ref().is_some_and(|base| base.manifest.shards_of(&Kind::Ranker).next().is_some()) {
            note("the base has a ranker, and this index gets none. Give --interactions to learn one.");
        }
        let encoder = pack::open(pack)?;
        let pictures: Option<Pictures> = image_pack.map(|pack| Ok(Pictures { encoder: pack::open_image(pack)?, from: self.media_folder() })).transpose()?;
        let sounds = audio_pack.map(|pack| Ok(Sounds { encoder: pack::open_audio(pack)?, from: self.media_folder(), cleaning: self.clean.cleaning() })).transpose()?;
        let sounds = sounds.as_ref().map(|sounds: &Sounds| sounds as &dyn EncodeMedia);
        let joint = self.fusion.as_deref().map(pack::find).transpose()?;
        let fuser = joint.as_ref().map(|joint| Fuser::open(joint.bytes.clone(), Isa::best())).transpose()?;
        let fusion = fuser.as_ref().zip(joint.as_ref()).map(|(fuser, joint)| Fusion { fuser, pack: &joint.bytes });
        let film_pack = self.video_model.as_deref().map(pack::find).transpose()?;
        let films = film_pack.as_ref().zip(pictures.as_ref()).map(|(pack, eye)| Films::open(pack, &eye.encoder, &encoder, self.media_folder())).transpose()?;
        let films = films.as_ref().zip(film_pack.as_ref()).map(|(encoder, pack)| publish::Films { encoder, pack: &pack.bytes });
        let pictures = pictures.as_ref().map(|pictures| pictures as &dyn EncodeMedia);
        let encoders = Encoders { texts: &encoder, pictures, sounds, films, fusion };

        let mut progress = None;
        let mut learned = None;
        let mut learn = |catalog: &Catalog| {
            let Some(interactions) = interactions.take() else { return Ok(Vec::new()) };
            let (bytes, account) = self.learn(catalog, interactions)?;
            learned = Some(account);
            Ok(vec![(Kind::Ranker, bytes)])
        };
        let built = build(items, encoders, base.as_ref(), &options, Some(&mut learn), &mut |done, total| {
            let bar = progress.get_or_insert_with(|| bar(total, "encoding"));
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            if done >= total {
                bar.finish_and_clear();
            }
        });
        if let Some(bar) = progress {
            bar.finish_and_clear();
        }
        let built = built?;
        let out = Folder::new(&self.out);
        for (name, bytes) in pack_file.iter().chain(&image_file).chain(&audio_file) {
            if out.read(name, bytes.len() as u64).ok().as_ref() != Some(bytes) {
                out.write(name, bytes)?;
            }
        }
        let mut manifest = built.manifest.to_bytes();
        if let Some(signer) = &signer {
            manifest = with_signature(&manifest, &signer.sign(signed_bytes(&manifest)));
        }
        write(&built, &manifest, &out)?;
        if learned.is_some() {
            self.kept_in(&|_| {})?.clear();
        }
        self.report(&built, &bad, learned.as_ref(), start.elapsed().as_secs_f64())
    }

    fn read_interactions(&self) -> Result<Option<Interactions>> {
        let Some(path) = &self.interactions else { return Ok(None) };
        let options = ReadOptions {
            skip_bad: self.skip_bad,
            scale: interactions::scale(self.scale.as_deref())?,
            max_user_rows: self.max_user_rows,
            require_time_order: self.time_order,
            ..ReadOptions::default()
        };
        let (interactions, skipped) = interactions::read(path, options)?;
        interactions::note_skipped(&skipped);
        Ok(Some(interactions))
    }

    /// Where what is finished of the ranker is kept. Not in the index's own folder, which may be served: it holds what was learned
    /// of single people.
    fn kept_in<'a>(&self, note: &'a dyn Fn(&str)) -> Result<FolderCheckpoint<'a>> {
        let beside = || {
            let out = std::path::absolute(&self.out).map_err(|e| Error::input(format!("--out is no path: {e}. Name a folder.")))?;
            let name = out.file_name().map_or_else(|| "index".into(), |name| name.to_string_lossy().into_owned());
            Ok(out.with_file_name(format!(".{name}.training")))
        };
        let path = self.checkpoint.clone().map_or_else(beside, Ok)?;
        Ok(FolderCheckpoint::new(path, note))
    }

    fn learn(&self, catalog: &Catalog, interactions: Interactions) -> Result<(Vec<u8>, Learned)> {
        let mut settings = interactions::settings(&ranker::Options::default().settings, self.settings.as_deref())?;
        settings.dense_items = interactions::dense_items(self.dense_items);
        let options = ranker::Options { cleaning: self.dropped.cleaning(self.min_rating), min_people: self.min_people, utc_offset: self.utc_offset, settings, budget_bytes: self.ranker_bytes, sequence: self.sequence, ..ranker::Options::default() };
        let spinner = spinner("learning the ranker");
        let told = |text: &str| spinner.suspend(|| eprintln!("  {text}"));
        let learned = ranker::ranker(catalog, interactions, &options, &self.kept_in(&told)?, &told);
        spinner.finish_and_clear();
        let learned = learned.map_err(|error| match error {
            Error::Input(text) => Error::Input(format!("{text} (What is learned from is up to --interactions, --min-rating, --min-people and --ranker-bytes.)")),
            other => other,
        })?;
        if learned.1.unknown_rows > 0 {
            let (l, more) = (&learned.1, if learned.1.unknown_items > learned.1.unknown.len() { ", …" } else { "" });
            note(&format!("{} interactions with {} items that are not among the items were left out: {}{more}", count(l.unknown_rows), count(l.unknown_items), l.unknown.join(", ")));
        }
        Ok(learned)
    }

    /// Says how many of the named media files are not there; the index is good without them.
    fn count_missing_media(&self, items: &[Item]) {
        let from = self.media_folder();
        let named = items.iter().flat_map(|item| ["image", "audio", "video", "frames"].iter().filter_map(|name| item.fields.get(*name)));
        let local = named.filter_map(Value::as_str).filter(|path| !path.contains("://"));
        let missing: Vec<&str> = local.filter(|path| !from.join(path).exists()).collect();
        if let Some(first) = missing.first() {
            let from = if from.as_os_str().is_empty() { Path::new(".") } else { from.as_path() };
            note(&format!("media files that are not in {}: {}, the first: {first}. Name their folder with --media.", from.display(), count(missing.len())));
        }
    }

    /// Where paths of media start.
    fn media_folder(&self) -> PathBuf {
        self.media.clone().or_else(|| self.items.parent().map(Path::to_path_buf)).unwrap_or_default()
    }

    fn options(&self) -> Options {
        let set = |names: &Vec<String>| names.iter().cloned().collect::<BTreeSet<String>>();
        Options {
            template: self.text_fields.clone().map_or_else(Template::default, |fields| Template { fields }),
            keep: self.fields.as_ref().map(set),
            without: set(&self.without),
            attribution: self.attribution.clone(),
            skip_bad: self.skip_bad,
            ..Options::default()
        }
    }

    /// Name and bytes of the pack's copy beside the manifest, if there is to be one.
    fn pack_file(&self, pack: &Found) -> Result<Option<(String, Vec<u8>)>> {
        if self.no_model || self.model_at.is_some() {
            return Ok(None);
        }
        let name = pack.path.file_name().and_then(|n| n.to_str());
        let name = name.ok_or_else(|| Error::input(format!("{} has a name that is not UTF-8. Rename it.", pack.path.display())))?;
        Ok(Some((name.to_string(), pack.bytes.clone())))
    }

    fn report(&self, built: &Built, bad: &Bad, learned: Option<&Learned>, seconds: f64) -> Result<()> {
        let r = &built.report;
        if self.json {
            return line(
                &json!({
                    "out": self.out, "items": r.items, "bad_rows": bad.rows, "encoded": r.encoded, "reused": r.reused,
                    "without_text": r.without_text, "added": r.added, "changed": r.changed, "removed": r.removed,
                    "shards": r.shards, "new_shards": r.new_shards, "bytes": r.bytes, "delta_bytes": r.delta_bytes,
                    "seconds": (seconds * 1000.0).round() / 1000.0, "note": r.note,
                    "ranker": learned.map(learned_json),
                    "pictures": r.pictures.as_ref().map(account), "sounds": r.sounds.as_ref().map(account), "films": r.films.as_ref().map(account),
                })
                .to_string(),
            );
        }
        if let Some(text) = &r.note {
            note(text);
        }
        line(&format!("{} {} in {}, {} {}", tick(), bold(&counted(r.items, "item")), counted(r.shards, "shard"), size(r.bytes), dim(&format!("in {seconds:.1} s"))))?;
        line(&format!("  {} texts encoded, {} reused, {} items without text", count(r.encoded), count(r.reused), count(r.without_text)))?;
        for (many, account) in [("pictures", &r.pictures), ("sounds", &r.sounds), ("films", &r.films)] {
            let Some(a) = account else { continue };
            line(&format!("  {} {many} encoded, {} reused, {} items without", count(a.encoded), count(a.reused), count(a.without)))?;
            if a.bad.rows > 0 {
                note(&format!("{} {many} were left out:\n  {}", count(a.bad.rows), a.bad.named.join("\n  ")));
            }
        }
        if self.base.is_some() {
            line(&format!("  {} added, {} changed, {} removed: visitors fetch {} ({})", count(r.added), count(r.changed), count(r.removed), size(r.delta_bytes), counted(r.new_shards, "shard")))?;
        }
        if let Some(learned) = learned {
            print_learned(learned)?;
        }
        line(&format!("  {}", self.out.join("manifest.json").display()))
    }
}

/// What became of files, as JSON.
fn account(account: &Account) -> Value {
    json!({"encoded": account.encoded, "reused": account.reused, "without": account.without, "bad": account.bad.rows})
}
