//! What the pack of a fusion says in `config`: the modalities, whose vectors they are, and where they stand in a row.
//!
//! Not here: what is computed with it (`fuse::joint`).

use serde::{Deserialize, Serialize};

use super::manifest::MAX_DIM;
use crate::error::{Error, Result};

/// Most modalities of a pack.
const MAX_MODALITIES: usize = 16;

/// What a pack of this architecture says in `config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Length of the fused vectors.
    pub dim: usize,
    /// In the order of the columns.
    pub modalities: Vec<Modality>,
}

/// One modality and the encoder whose vectors are projected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modality {
    /// "text", "image".
    pub name: String,
    /// Length of the encoder's vectors.
    pub dim: usize,
    /// The encoder's pack.
    pub model: String,
    pub sha256: String,
}

impl Config {
    /// Reads and checks the configuration of a pack.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for one that is none.
    pub fn parse(value: &serde_json::Value) -> Result<Self> {
        let corrupt = |detail: String| Error::corrupt("the fusion pack", detail);
        let config: Self = serde_json::from_value(value.clone()).map_err(|e| corrupt(format!("its configuration: {e}")))?;
        let dims = config.modalities.iter().map(|m| m.dim).chain([config.dim]);
        if config.modalities.is_empty() || config.modalities.len() > MAX_MODALITIES || dims.clone().any(|dim| dim == 0 || dim > MAX_DIM) {
            return Err(corrupt(format!("{} modalities of {:?} numbers", config.modalities.len(), dims.collect::<Vec<_>>())));
        }
        for (at, modality) in config.modalities.iter().enumerate() {
            if config.modalities[..at].iter().any(|other| other.name == modality.name) {
                return Err(corrupt(format!("two modalities are called {:?}", modality.name)));
            }
        }
        Ok(config)
    }

    /// Columns of a row: every modality's vector, then a flag each.
    pub fn width(&self) -> usize {
        self.modalities.iter().map(|m| m.dim).sum::<usize>() + self.modalities.len()
    }

    /// Where the modality's vector starts, and its flag's column.
    pub fn columns(&self, modality: usize) -> (usize, usize) {
        let start = self.modalities[..modality].iter().map(|m| m.dim).sum();
        (start, self.width() - self.modalities.len() + modality)
    }

    /// The number of a modality.
    pub fn modality(&self, name: &str) -> Option<usize> {
        self.modalities.iter().position(|m| m.name == name)
    }
}
