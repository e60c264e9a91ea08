//! The films of items for `palate build`: their frames, seen by the image model, and their words, read by the text model, as rows of
//! the video-text Transformer.
//!
//! Not here: reading frames (`film`) and what becomes of the vectors (`palate::publish`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use palate::compute::cpu::isa::Isa;
use palate::encode::{ImageEncoder, TextEncoder};
use palate::format::digest::short;
use palate::format::manifest::Model;
use palate::fuse::Film;
use palate::index::catalog::VIDEO;
use palate::publish::items::Item;
use palate::publish::media::{EncodeMedia, Source};
use palate::{Error, Result};
use serde_json::Value;

use crate::film;
use crate::pack::Found;

/// The fields of an item that may name its film: a folder of frames, or either of folder and animated picture.
pub const FIELDS: [&str; 2] = ["frames", VIDEO];

/// The first `most` words of an item's field, in lower case.
pub fn words(item: &Item, field: &str, most: usize) -> Vec<String> {
    let text = item.fields.get(field).and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().take(most).map(str::to_lowercase).collect()
}

/// Films of a folder and the models that see, read and join them.
pub struct Films<'a> {
    pub film: Film,
    pub eye: &'a ImageEncoder,
    pub texts: &'a TextEncoder,
    /// Where relative paths start.
    pub from: PathBuf,
}

impl<'a> Films<'a> {
    /// With an opened pack of `palate train video`.
    ///
    /// # Errors
    /// As [`Film::open`]; [`Error::Mismatch`] where it was learned with other models than these.
    pub fn open(pack: &Found, eye: &'a ImageEncoder, texts: &'a TextEncoder, from: PathBuf) -> Result<Self> {
        let film = Film::open(pack.bytes.clone(), Isa::best())?;
        film.check(eye.model_id(), eye.dim())?;
        if film.config().word != texts.dim() {
            return Err(Error::Mismatch(format!("The video model {:?} reads words of {} numbers, the text model makes {}. Use the text model that it was learned with.", film.id().name, film.config().word, texts.dim())));
        }
        Ok(Self { film, eye, texts, from })
    }
}

impl EncodeMedia for Films<'_> {
    fn modality(&self) -> &'static str {
        VIDEO
    }

    fn many(&self) -> &'static str {
        "films"
    }

    fn model(&self) -> Model {
        Model { id: self.film.id().clone(), dim: self.film.dim(), file: None, in_text_space: false }
    }

    fn hash(&self, source: &Source) -> u64 {
        let parts = source.files.iter().map(Vec::as_slice).chain(source.words.iter().map(String::as_bytes));
        short(&parts.flat_map(|part| short(part).to_le_bytes()).collect::<Vec<u8>>())
    }

    fn read(&self, item: &Item) -> Result<Option<Source>> {
        let named = FIELDS.iter().find_map(|field| item.fields.get(*field)?.as_str()).filter(|name| !name.contains("://"));
        let Some((name, path)) = named.map(|name| (name, self.from.join(name))).filter(|(_, path)| path.exists()) else { return Ok(None) };
        let words = self.film.words().map(|field| words(item, field, self.film.config().places)).unwrap_or_default();
        Ok(Some(Source { name: name.to_string(), files: film::files(&path)?, words }))
    }

    fn encode(&self, sources: &[Source]) -> Result<Vec<Result<Vec<f32>>>> {
        let distinct: Vec<&str> = sources.iter().flat_map(|source| &source.words).map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
        let known: BTreeMap<&str, Vec<f32>> = distinct.iter().copied().zip(self.texts.encode(&distinct)?).collect();
        let vector = |source: &Source| -> Result<Vec<f32>> {
            let frames = self.eye.encode(&film::pictures(&source.files, &source.name)?)?;
            let words: Vec<Vec<f32>> = source.words.iter().filter_map(|word| known.get(word.as_str()).cloned()).collect();
            Ok(self.film.encode(&[(&frames, &words)])?.swap_remove(0))
        };
        Ok(sources.iter().map(vector).collect())
    }
}
