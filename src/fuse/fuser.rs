//! A fusion pack that is opened on the processor: vectors of modalities in, fused vectors out.
//!
//! It is small (some hundred kilobytes), so that the processor runs it wherever the encoders run. Not here: the graph
//! ([`super::joint`]).

use std::sync::Arc;

use super::joint::{ARCHITECTURE, Config, graph};
use crate::compute::cpu::{CpuModel, isa::Isa};
use crate::error::{Error, Result};
use crate::format::manifest::Model;
use crate::format::pack::{ModelId, Pack};

/// Items of one run.
const CHUNK: usize = 256;

/// Fuses vectors.
pub struct Fuser {
    id: ModelId,
    config: Config,
    model: CpuModel,
}

impl Fuser {
    /// Opens a pack for an instruction set.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Version`] for bytes that are no pack of ours, [`Error::Input`] for a pack that fuses nothing.
    pub fn open(pack: impl Into<Arc<Vec<u8>>>, isa: Isa) -> Result<Self> {
        Self::from_pack(&Pack::parse(pack)?, isa)
    }

    /// As [`Fuser::open`], from a pack that is parsed already.
    ///
    /// # Errors
    /// As [`Fuser::open`].
    pub fn from_pack(pack: &Pack, isa: Isa) -> Result<Self> {
        if pack.architecture != ARCHITECTURE {
            return Err(Error::input(format!("{:?} fuses nothing. Name a pack that `palate train fusion` wrote.", pack.architecture)));
        }
        let config = Config::parse(&pack.config)?;
        if config.dim != pack.encoder.dim {
            return Err(Error::corrupt("the fusion pack", format!("it says {} dimensions and {}", pack.encoder.dim, config.dim)));
        }
        let model = CpuModel::new(graph(&config, pack.file())?, pack.file(), isa)?;
        Ok(Self { id: pack.id.clone(), config, model })
    }

    /// Length of a fused vector.
    pub fn dim(&self) -> usize {
        self.config.dim
    }

    /// Which pack it is.
    pub fn id(&self) -> &ModelId {
        &self.id
    }

    /// What it fuses.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Checks that a modality's vectors come from the encoder that the fusion was learned with.
    ///
    /// # Errors
    /// [`Error::Input`] for a modality that it does not know, [`Error::Mismatch`] for another encoder.
    pub fn check(&self, modality: &str, model: &Model) -> Result<()> {
        let known = self.config.modality(modality).map(|at| &self.config.modalities[at]);
        let known = known.ok_or_else(|| Error::input(format!("The fusion {:?} was learned without {modality}. Train one with it, or leave the {modality} model out.", self.id.name)))?;
        if known.sha256 != model.id.sha256 || known.dim != model.dim {
            return Err(Error::Mismatch(format!(
                "The fusion {:?} was learned with the {modality} model {:?} ({}), this one is {:?} ({}). Use that model, or train the fusion again.",
                self.id.name, known.model, known.sha256, model.id.name, model.id.sha256
            )));
        }
        Ok(())
    }

    /// The unit vector of each item from what it has, in the order of [`Config::modalities`].
    ///
    /// # Errors
    /// As [`Config::batch`].
    pub fn fuse(&self, items: &[Vec<Option<&[f32]>>]) -> Result<Vec<Vec<f32>>> {
        let mut out = Vec::with_capacity(items.len());
        for items in items.chunks(CHUNK) {
            let vectors = self.model.run_shared(&self.config.batch(items)?)?;
            out.extend(vectors.chunks_exact(self.dim()).map(<[f32]>::to_vec));
        }
        Ok(out)
    }

    /// The vector of a query from vectors by modality: each alone, then their mean. An item's gates say what its modalities
    /// tell of it; of a query every part was given on purpose, and all count alike.
    ///
    /// # Errors
    /// As [`Fuser::fuse`]; [`Error::Input`] for a modality that the fusion does not know.
    pub fn query(&self, given: &[(&str, &[f32])]) -> Result<Vec<f32>> {
        let mut parts = Vec::with_capacity(given.len());
        for (name, vector) in given {
            let mut item = vec![None; self.config.modalities.len()];
            let at = self.config.modality(name).ok_or_else(|| Error::input(format!("The fusion {:?} was learned without {name}. Leave it out of the query.", self.id.name)))?;
            item[at] = Some(*vector);
            parts.push(item);
        }
        if parts.is_empty() {
            parts.push(vec![None; self.config.modalities.len()]);
        }
        let mut mean = vec![0f32; self.dim()];
        for vector in self.fuse(&parts)? {
            mean.iter_mut().zip(vector).for_each(|(m, v)| *m += v);
        }
        let length = mean.iter().map(|v| v * v).sum::<f32>().sqrt();
        if parts.len() > 1 && length > 0.0 {
            mean.iter_mut().for_each(|v| *v /= length);
        }
        Ok(mean)
    }
}
