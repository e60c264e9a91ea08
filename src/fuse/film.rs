//! A video-text pack that is opened on the processor: vectors of frames and words in, one vector a film out.
//!
//! Not here: the graph ([`super::video_text`]), and the models that make the vectors.

use std::sync::Arc;

use super::video_text::{Config, Item, NAME, graph};
use crate::compute::cpu::{CpuModel, isa::Isa};
use crate::error::{Error, Result};
use crate::format::pack::{ModelId, Pack};
use crate::math::vector::mean_direction;

/// Films of one run.
const CHUNK: usize = 64;
/// Frames that are taken of a film, evenly spaced: as many as pages take (`www/lib/film.js`), as the places in time are learned.
pub const FRAMES: usize = 8;

/// Reads films.
pub struct Film {
    id: ModelId,
    config: Config,
    /// The image model that sees the frames, and the items' field of words, as the pack says.
    eye: Option<ModelId>,
    words: Option<String>,
    model: CpuModel,
}

impl Film {
    /// Opens a pack for an instruction set.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Version`] for bytes that are no pack of ours, [`Error::Input`] for a pack of something else.
    pub fn open(pack: impl Into<Arc<Vec<u8>>>, isa: Isa) -> Result<Self> {
        Self::from_pack(&Pack::parse(pack)?, isa)
    }

    /// As [`Film::open`], from a pack that is parsed already.
    ///
    /// # Errors
    /// As [`Film::open`].
    pub fn from_pack(pack: &Pack, isa: Isa) -> Result<Self> {
        if pack.architecture != NAME {
            return Err(Error::input(format!("{:?} reads no films. Name a pack that `palate train video` wrote.", pack.architecture)));
        }
        let config: Config = serde_json::from_value(pack.config.clone()).map_err(|e| Error::corrupt("the video pack", e.to_string()))?;
        if config.dim != pack.encoder.dim {
            return Err(Error::corrupt("the video pack", format!("it says {} dimensions and {}", pack.encoder.dim, config.dim)));
        }
        let model = CpuModel::new(graph(&config, pack.file())?, pack.file(), isa)?;
        let words = pack.config.get("words").and_then(serde_json::Value::as_str).map(str::to_string);
        Ok(Self { id: pack.id.clone(), config, eye: ModelId::named(&pack.config, "eye"), words, model })
    }

    /// Which pack it is.
    pub fn id(&self) -> &ModelId {
        &self.id
    }

    /// What it reads.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Length of a film's vector.
    pub fn dim(&self) -> usize {
        self.config.dim
    }

    /// The items' field whose words go with a film.
    pub fn words(&self) -> Option<&str> {
        self.words.as_deref()
    }

    /// Checks that frames are seen by the image model that it was learned with.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another.
    pub fn check(&self, eye: &ModelId, dim: usize) -> Result<()> {
        let same = self.eye.as_ref().is_none_or(|learned| learned.sha256 == eye.sha256);
        if same && self.config.frame == dim {
            return Ok(());
        }
        let learned = self.eye.as_ref().map_or("another", |learned| &learned.name);
        Err(Error::Mismatch(format!("The video model {:?} reads frames that the image model {learned:?} saw, this one is {:?}. Use that model, or train the video model again.", self.id.name, eye.name)))
    }

    /// The unit vector `[dim]` of each film.
    ///
    /// # Errors
    /// As [`Config::batch`].
    pub fn encode(&self, films: &[Item<'_>]) -> Result<Vec<Vec<f32>>> {
        let mut out = Vec::with_capacity(films.len());
        for films in films.chunks(CHUNK) {
            let vectors = self.model.run_shared(&self.config.batch(films)?)?;
            out.extend(vectors.chunks_exact(self.config.dim).map(<[f32]>::to_vec));
        }
        Ok(out)
    }
}

/// The vector of a film out of its frames' ones in their order, unit length: by what reads films, else the mean of the frames'.
///
/// # Errors
/// [`Error::Input`] for none, and as [`Config::batch`].
pub fn vector(reader: Option<&Film>, frames: &[Vec<f32>]) -> Result<Vec<f32>> {
    match (reader, frames) {
        (_, []) => Err(Error::input("There is nothing to look at: no frame was given. Pass one at least.")),
        (Some(reader), _) => Ok(reader.encode(&[(frames, &[])])?.swap_remove(0)),
        (None, [one]) => Ok(one.clone()),
        (None, many) => Ok(mean_direction(many.iter().map(Vec::as_slice), many[0].len())),
    }
}
