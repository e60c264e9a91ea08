//! The files that items name as their pictures, for `palate build`.
//!
//! Not here: decoding (`media`) and what becomes of the vectors (`palate::publish`).

use std::path::PathBuf;

use palate::encode::ImageEncoder;
use palate::format::manifest::Model;
use palate::format::pack::ModelId;
use palate::platform::native::folder;
use palate::preprocess::Picture;
use palate::publish::pictures::EncodePictures;
use palate::{Error, Result};

use crate::media;

/// Pictures of a folder and the model that sees them.
pub struct Pictures {
    pub encoder: ImageEncoder,
    /// Where relative paths start.
    pub from: PathBuf,
}

impl EncodePictures for Pictures {
    fn model(&self) -> Model {
        Model { id: self.encoder.model_id().clone(), dim: self.encoder.dim(), file: None, in_text_space: false }
    }

    fn space(&self) -> Option<ModelId> {
        self.encoder.space().cloned()
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        // An address on the web is metadata: nothing is fetched.
        let path = self.from.join(name);
        match name.contains("://") || !path.is_file() {
            true => Ok(None),
            false => folder::read(&path, media::MAX_FILE).map(Some),
        }
    }

    fn encode(&self, files: &[(String, Vec<u8>)]) -> Result<Vec<Result<Vec<f32>>>> {
        let decoded: Vec<Result<Picture>> = files.iter().map(|(name, bytes)| media::decode(bytes, name)).collect();
        let (good, places): (Vec<Picture>, Vec<Option<Error>>) = decoded.into_iter().fold((Vec::new(), Vec::new()), |(mut good, mut places), picture| {
            places.push(picture.map(|picture| good.push(picture)).err());
            (good, places)
        });
        let mut vectors = self.encoder.encode(&good)?.into_iter();
        let short = || Error::Internal("the image model gave too few vectors".into());
        Ok(places.into_iter().map(|problem| problem.map_or_else(|| vectors.next().ok_or_else(short), Err)).collect())
    }
}
