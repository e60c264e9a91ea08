//! From items to an index on disk: encodes what changed, writes what differs, the manifest last.
//!
//! Not here: how rows become shards (`index::build`), how files are written whole (`platform::native::files`), and
//! the models. The same items, model and options give the same bytes, with or without an earlier index as the base.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::base::{compare, reusable, same_model};
use super::fused;
use super::items::{Item, Template};
use super::media::{self, EncodeMedia};
use crate::error::{Error, Result};
use crate::format::digest::{is_hex, short};
use crate::format::manifest::{FILE, Kind, Manifest, Model, Shard};
use crate::format::shard::Row;
use crate::format::space::Models;
use crate::index::build;
use crate::fuse::Fuser;
use crate::index::catalog::{Catalog, TEXT};
use crate::platform::native::folder::Folder;
use crate::encode::text::TextEncoder;

pub use super::base::Base;

/// Texts of one call of the encoder, which spreads them over the processors; progress is told as often.
const BATCH: usize = 128;
/// Most metadata fields of an index: a file that makes up names is a mistake.
pub const MAX_FIELDS: usize = 256;

/// What turns texts into vectors.
pub trait EncodeText {
    /// Who it is and how long its vectors are.
    fn model(&self) -> Model;

    /// One unit vector (`[dim]`) a text; the same text always gives the same vector, whatever stands beside it.
    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>>;
}

impl EncodeText for TextEncoder {
    fn model(&self) -> Model {
        Model { id: self.model_id().clone(), dim: self.dim(), file: None, in_text_space: false }
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        TextEncoder::encode(self, texts)
    }
}

/// What makes an index's vectors.
#[derive(Clone, Copy)]
pub struct Encoders<'a> {
    pub texts: &'a dyn EncodeText,
    pub pictures: Option<&'a dyn EncodeMedia>,
    pub sounds: Option<&'a dyn EncodeMedia>,
    /// What reads films.
    pub films: Option<Films<'a>>,
    /// What joins the modalities to the vectors that lists are ranked by.
    pub fusion: Option<Fusion<'a>>,
}

/// An encoder of films and the pack of the Transformer that it reads them with: it becomes a part of the index.
#[derive(Clone, Copy)]
pub struct Films<'a> {
    pub encoder: &'a dyn EncodeMedia,
    pub pack: &'a [u8],
}

/// A fusion, opened, and its pack: it becomes a part of the index.
#[derive(Clone, Copy)]
pub struct Fusion<'a> {
    pub fuser: &'a Fuser,
    pub pack: &'a [u8],
}

impl<'a, E: EncodeText> From<&'a E> for Encoders<'a> {
    fn from(texts: &'a E) -> Self {
        Self { texts, pictures: None, sounds: None, films: None, fusion: None }
    }
}

/// What the publisher decides.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the encoder reads.
    pub template: Template,
    /// The metadata fields to ship; `None`: all.
    pub keep: Option<BTreeSet<String>>,
    /// Metadata fields to leave out.
    pub without: BTreeSet<String>,
    pub attribution: Option<String>,
    /// Where the model's pack is served, relative to the manifest.
    pub model_file: Option<String>,
    /// The same of the image model.
    pub image_model_file: Option<String>,
    /// And of the audio model.
    pub audio_model_file: Option<String>,
    /// Whether pictures and sounds that can't be used are left out in place of stopping.
    pub skip_bad: bool,
    /// Whether pictures and sounds get vectors of their own even where their model shares the texts' space: what is joined does.
    pub own_spaces: bool,
}

/// What a build did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    pub items: usize,
    /// Items whose text went through the encoder.
    pub encoded: usize,
    /// Items whose vector came from the base.
    pub reused: usize,
    /// Items without any text: they have no vector.
    pub without_text: usize,
    /// What became of the pictures, where there is a model for them.
    pub pictures: Option<media::Account>,
    /// The same of the sounds.
    pub sounds: Option<media::Account>,
    /// And of the films.
    pub films: Option<media::Account>,
    /// Against the base: items that are new, differ in anything, or are gone.
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
    /// Shards of the index, and those of them that the base does not have.
    pub shards: usize,
    pub new_shards: usize,
    /// Bytes of all shards, and of the new ones: what a visitor with the base fetches.
    pub bytes: u64,
    pub delta_bytes: u64,
    /// Why nothing could be reused from the base, if so.
    pub note: Option<String>,
}

/// More shards of an index, made from the catalog once its ordinals are known: the ranker's matrices.
pub type More<'a> = &'a mut dyn FnMut(&Catalog) -> Result<Vec<(Kind, Vec<u8>)>>;

/// An index that is made but not written.
pub struct Built {
    pub manifest: Manifest,
    pub files: BTreeMap<String, Arc<Vec<u8>>>,
    pub report: Report,
}

/// Makes an index of `items` in memory. `progress` is told how many of how many texts are encoded, then pictures seen and sounds heard.
///
/// # Errors
/// [`Error::Input`] for items that can't be used, and what the encoder and `more` return.
pub fn build<'a>(
    mut items: Vec<Item>,
    encoders: impl Into<Encoders<'a>>,
    base: Option<&Base>,
    options: &Options,
    more: Option<More<'_>>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Built> {
    items.sort_by(|a, b| a.key.cmp(&b.key));
    let Encoders { texts: encoder, pictures, sounds, films, fusion } = encoders.into();
    let mut model = encoder.model();
    model.file.clone_from(&options.model_file);
    let mut report = Report { items: items.len(), ..Report::default() };
    let usable = base.filter(|base| same_model(base, &model, &mut report));

    let texts: Vec<String> = items.iter().map(|item| options.template.text(item)).collect();
    let hashes: Vec<u64> = texts.iter().map(|text| short(text.as_bytes())).collect();
    let metadata: Vec<Map<String, Value>> = items.iter().map(|item| shipped(item, options)).collect();
    limit_fields(&metadata)?;
    let mut rows: Vec<Option<Row>> = Vec::with_capacity(items.len());
    let mut wanted = Vec::new();
    for (at, (item, text)) in items.iter().zip(&texts).enumerate() {
        let old = usable.and_then(|base| reusable(base, &item.key, hashes[at], &metadata[at]));
        if text.is_empty() {
            report.without_text += 1;
            rows.push(Some(build::row(&item.key, &[], model.dim, hashes[at], metadata[at].clone())));
        } else if old.is_some() {
            report.reused += 1;
            rows.push(old);
        } else {
            wanted.push(at);
            rows.push(None);
        }
    }
    report.encoded = wanted.len();
    encode(&wanted, &texts, encoder, model.dim, progress, &mut |at, vector| {
        rows[at] = Some(build::row(&items[at].key, vector, model.dim, hashes[at], metadata[at].clone()));
    })?;
    let mut rows: Vec<Row> = rows.into_iter().flatten().collect();
    let mut others = Models::new();
    rows.iter_mut().for_each(|row| row.others.clear());
    let files = [(pictures, &options.image_model_file, &mut report.pictures), (sounds, &options.audio_model_file, &mut report.sounds)];
    for (encoder, file, report) in files {
        let Some(encoder) = encoder else { continue };
        let mut model_of = Model { file: file.clone(), ..encoder.model() };
        if let Some(space) = encoder.space().filter(|_| fusion.is_none() && !options.own_spaces) {
            // By name: the packs of one checkpoint differ in their number types, and by processor in a few last digits.
            if space.name != model.id.name || model_of.dim != model.dim {
                return Err(Error::Mismatch(format!(
                    "The {modality} model {:?} was learned for texts of the model {:?}, these are of {:?}. Learn one with `palate train {modality} --text-model`, or build with that text model.",
                    model_of.id.name,
                    space.name,
                    model.id.name,
                    modality = encoder.modality()
                )));
            }
            model_of.in_text_space = true;
        } else {
            *report = Some(beside(&items, &mut rows, encoder, base, options, progress)?);
        }
        others.insert(encoder.modality().to_string(), model_of);
    }
    let mut packs = Vec::new();
    if let Some(Films { encoder, pack }) = films {
        report.films = Some(beside(&items, &mut rows, encoder, base, options, progress)?);
        let shard = Shard::of(Kind::Film, pack, items.len() as u32);
        others.insert(encoder.modality().to_string(), Model { file: Some(shard.file.clone()), ..encoder.model() });
        packs.push((shard, pack));
    }
    if let Some(fusion) = fusion {
        model = fused::fuse(&mut rows, fusion.fuser, model, &mut others)?;
        let shard = Shard::of(Kind::Fusion, fusion.pack, items.len() as u32);
        model.file = Some(shard.file.clone());
        packs.push((shard, fusion.pack));
    }
    if let Some(base) = base {
        compare(&rows, base, &mut report);
    } else {
        report.added = rows.len();
    }
    drop((items, texts, metadata));

    let mut files = BTreeMap::new();
    let mut manifest = build::build_with_others(model, others, rows, |shard, bytes| {
        files.insert(shard.file.clone(), Arc::new(bytes));
        Ok(())
    })?;
    for (shard, pack) in packs {
        files.insert(shard.file.clone(), Arc::new(pack.to_vec()));
        manifest.shards.push(shard);
    }
    manifest.attribution.clone_from(&options.attribution);
    manifest.extra.insert("text".into(), json!({"fields": options.template.fields}));
    if let Some(more) = more {
        let bytes = manifest.shards_of(&Kind::Items).map(|shard| files[&shard.file].clone()).collect();
        for (kind, bytes) in more(&Catalog::open(&manifest, bytes)?)? {
            let shard = Shard::of(kind, &bytes, manifest.items);
            files.insert(shard.file.clone(), Arc::new(bytes));
            manifest.shards.push(shard);
        }
    }
    let had: BTreeSet<&String> = base.iter().flat_map(|base| &base.manifest.shards).map(|shard| &shard.sha256).collect();
    report.shards = manifest.shards.len();
    for shard in &manifest.shards {
        report.bytes += shard.bytes;
        if !had.contains(&shard.sha256) {
            report.new_shards += 1;
            report.delta_bytes += shard.bytes;
        }
    }
    Ok(Built { manifest, files, report })
}

/// Encodes a medium and puts its vectors beside the rows' own.
fn beside(items: &[Item], rows: &mut [Row], encoder: &dyn EncodeMedia, base: Option<&Base>, options: &Options, progress: &mut dyn FnMut(usize, usize)) -> Result<media::Account> {
    let (vectors, account) = media::embed(items, encoder, base, options.skip_bad, &mut |done| progress(done, items.len()))?;
    for (row, vector) in rows.iter_mut().zip(vectors) {
        row.others.extend(vector.map(|vector| (encoder.modality().to_string(), vector)));
    }
    Ok(account)
}

/// Writes an index: shards that are not there yet, then the manifest (`bytes`, signed or not), then removes the shards
/// of the index that stood there before.
///
/// # Errors
/// [`Error::Quota`], [`Error::Storage`]; until the manifest is renamed, the earlier index stays as it was.
pub fn write(built: &Built, manifest: &[u8], out: &Folder) -> Result<()> {
    let before = out.names()?;
    let mut written: Vec<&String> = Vec::new();
    for shard in &built.manifest.shards {
        let there = before.contains(&shard.file) && out.read(&shard.file, shard.bytes).is_ok_and(|bytes| shard.verify(&bytes).is_ok());
        if there {
            continue;
        }
        if let Err(error) = out.write(&shard.file, &built.files[&shard.file]) {
            // Nothing points at these yet; what can't be removed does no harm.
            written.iter().for_each(|name| drop(out.remove(name)));
            return Err(error);
        }
        written.push(&shard.file);
    }
    out.write(FILE, manifest)?;
    for name in before {
        if is_ours(&name) && !built.files.contains_key(&name) {
            out.remove(&name)?;
        }
    }
    Ok(())
}

/// Whether a file name is one that this module gives: `<kind>-<16 hex>.safetensors` of an item or ranker shard, or
/// what a stopped build left of one.
fn is_ours(name: &str) -> bool {
    let Some((kind, rest)) = name.split_once('-') else {
        return name.starts_with(FILE) && name.ends_with(".tmp");
    };
    let Some((hash, ending)) = rest.split_once('.') else {
        return false;
    };
    let left = ending.starts_with("safetensors.") && ending.ends_with(".tmp");
    matches!(kind, "items" | "ranker" | "fusion" | "film") && hash.len() == 16 && is_hex(hash) && (ending == "safetensors" || left)
}

fn shipped(item: &Item, options: &Options) -> Map<String, Value> {
    let wanted = |name: &String| options.keep.as_ref().is_none_or(|keep| keep.contains(name)) && !options.without.contains(name);
    item.fields.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn limit_fields(metadata: &[Map<String, Value>]) -> Result<()> {
    let mut names: BTreeSet<&String> = BTreeSet::new();
    for name in metadata.iter().flat_map(Map::keys) {
        names.insert(name);
        if names.len() > MAX_FIELDS {
            return Err(Error::input(format!("The items have more than {MAX_FIELDS} different metadata fields. Choose the ones to ship with --fields.")));
        }
    }
    Ok(())
}

/// Encodes `texts[at]` for each `at` of `wanted` and gives the vectors to `put`.
fn encode(
    wanted: &[usize],
    texts: &[String],
    encoder: &dyn EncodeText,
    dim: usize,
    progress: &mut dyn FnMut(usize, usize),
    put: &mut dyn FnMut(usize, &[f32]),
) -> Result<()> {
    progress(0, wanted.len());
    for (at, batch) in wanted.chunks(BATCH).enumerate() {
        let inputs: Vec<&str> = batch.iter().map(|&at| texts[at].as_str()).collect();
        let vectors = encoder.encode(&inputs)?;
        let whole = |v: &Vec<f32>| v.len() == dim && v.iter().all(|x| x.is_finite());
        if vectors.len() != batch.len() || !vectors.iter().all(whole) {
            return Err(Error::Internal(format!(
                "the encoder gave {} vectors for {} texts, or ones that are not {dim} finite numbers",
                vectors.len(),
                batch.len()
            )));
        }
        batch.iter().zip(&vectors).for_each(|(&at, vector)| put(at, vector));
        progress(at * BATCH + batch.len(), wanted.len());
    }
    Ok(())
}

/// The model of the index's text vectors.
pub fn text_model(manifest: &Manifest) -> Result<&Model> {
    manifest.models.get(TEXT).ok_or_else(|| Error::corrupt("the manifest", "it names no text model"))
}
