//! The files that items name as their pictures and sounds, for `palate build`.
//!
//! Not here: decoding (`media`, `sound`) and what becomes of the vectors (`palate::publish`).

use std::io::Cursor;
use std::path::{Path, PathBuf};

use palate::encode::{AudioEncoder, ImageEncoder};
use palate::format::digest::short;
use palate::format::manifest::Model;
use palate::format::pack::ModelId;
use palate::index::catalog::{AUDIO, IMAGE};
use palate::platform::native::folder;
use palate::preprocess::Picture;
use palate::publish::clean::Cleaning;
use palate::publish::items::Item;
use palate::publish::media::{EncodeMedia, Source};
use palate::{Error, Result};

use crate::{media, sound};

/// Pictures of a folder and the model that sees them.
pub struct Pictures {
    pub encoder: ImageEncoder,
    /// Where relative paths start.
    pub from: PathBuf,
}

impl EncodeMedia for Pictures {
    fn modality(&self) -> &'static str {
        IMAGE
    }

    fn many(&self) -> &'static str {
        "pictures"
    }

    fn model(&self) -> Model {
        Model { id: self.encoder.model_id().clone(), dim: self.encoder.dim(), file: None, in_text_space: false }
    }

    fn space(&self) -> Option<ModelId> {
        self.encoder.space().cloned()
    }

    fn read(&self, item: &Item) -> Result<Option<Source>> {
        Source::file(item, IMAGE, |name| read(&self.from, name))
    }

    fn encode(&self, sources: &[Source]) -> Result<Vec<Result<Vec<f32>>>> {
        let decoded: Vec<Result<Picture>> = sources.iter().map(|source| media::decode(source.bytes(), &source.name)).collect();
        let (good, places): (Vec<Picture>, Vec<Option<Error>>) = decoded.into_iter().fold((Vec::new(), Vec::new()), |(mut good, mut places), picture| {
            places.push(picture.map(|picture| good.push(picture)).err());
            (good, places)
        });
        let mut vectors = self.encoder.encode(&good)?.into_iter();
        let short = || Error::Internal("the image model gave too few vectors".into());
        Ok(places.into_iter().map(|problem| problem.map_or_else(|| vectors.next().ok_or_else(short), Err)).collect())
    }
}

/// Sounds of a folder and the model that hears them.
pub struct Sounds {
    pub encoder: AudioEncoder,
    /// Where relative paths start.
    pub from: PathBuf,
    pub cleaning: Cleaning,
}

impl EncodeMedia for Sounds {
    fn modality(&self) -> &'static str {
        AUDIO
    }

    fn many(&self) -> &'static str {
        "sounds"
    }

    fn model(&self) -> Model {
        Model { id: self.encoder.model_id().clone(), dim: self.encoder.dim(), file: None, in_text_space: false }
    }

    fn space(&self) -> Option<ModelId> {
        self.encoder.space().cloned()
    }

    fn hash(&self, source: &Source) -> u64 {
        short(source.bytes()) ^ u64::from(self.cleaning.tag())
    }

    fn read(&self, item: &Item) -> Result<Option<Source>> {
        Source::file(item, AUDIO, |name| read(&self.from, name))
    }

    fn encode(&self, sources: &[Source]) -> Result<Vec<Result<Vec<f32>>>> {
        Ok(sources.iter().map(|source| self.vector(&source.name, source.bytes().to_vec())).collect())
    }
}

impl Sounds {
    fn vector(&self, name: &str, bytes: Vec<u8>) -> Result<Vec<f32>> {
        let sound = sound::decode(Cursor::new(bytes), name, self.encoder.preparation().seconds)?;
        sound::named(self.cleaning.apply(sound).and_then(|sound| self.encoder.encode(&sound)), name)
    }
}

/// The bytes of a file that an item names. An address on the web is metadata: nothing is fetched.
fn read(from: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let path = from.join(name);
    match name.contains("://") || !path.is_file() {
        true => Ok(None),
        false => folder::read(&path, media::MAX_FILE).map(Some),
    }
}
