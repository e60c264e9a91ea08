//! A video-text pack that is opened on the processor: vectors of frames and words in, one vector a film out.
//!
//! Not here: the graph ([`super::video_text`]), and the models that make the vectors.

use std::sync::Arc;

use super::video_text::{Config, Item, NAME, graph};
use crate::compute::cpu::{CpuModel, isa::Isa};
use crate::error::{Error, Result};
use crate::format::pack::{ModelId, Pack};

/// Films of one run.
const CHUNK: usize = 64;

/// Reads films.
pub struct Film {
    id: ModelId,
    config: Config,
    model: CpuModel,
}

impl Film {
    /// Opens a pack for an instruction set.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Version`] for bytes that are no pack of ours, [`Error::Input`] for a pack of something else.
    pub fn open(pack: impl Into<Arc<Vec<u8>>>, isa: Isa) -> Result<Self> {
        let pack = Pack::parse(pack)?;
        if pack.architecture != NAME {
            return Err(Error::input(format!("{:?} reads no films. Name a pack that `palate train video` wrote.", pack.architecture)));
        }
        let config: Config = serde_json::from_value(pack.config.clone()).map_err(|e| Error::corrupt("the video pack", e.to_string()))?;
        if config.dim != pack.encoder.dim {
            return Err(Error::corrupt("the video pack", format!("it says {} dimensions and {}", pack.encoder.dim, config.dim)));
        }
        let model = CpuModel::new(graph(&config, pack.file())?, pack.file(), isa)?;
        Ok(Self { id: pack.id.clone(), config, model })
    }

    /// Which pack it is.
    pub fn id(&self) -> &ModelId {
        &self.id
    }

    /// What it reads.
    pub fn config(&self) -> &Config {
        &self.config
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
