//! The joint space: a projection a modality and a gated sum, as a graph of the existing ops.
//!
//! An item is as many rows as it has modalities: row r of modality m holds that modality's unit vector in the columns of m,
//! a 1 in the column of m's flag, and zeros elsewhere. With z such a row,
//!
//! ```text
//! v = V z            the projection (the flag's column is its bias)
//! s = k . z          the gate, from what is seen and from which modality it is
//! y = normalize(sum over the item's rows of softmax(s) v)
//! ```
//!
//! which is [`Op::AttentionPool`](crate::compute::graph::Op::AttentionPool) of one learned query. A modality that is missing is a
//! row that is not there: nothing has to be masked, and nothing of it is left in the sum. The gate is that of the gated
//! multimodal unit (Arevalo et al. 2017) with a softmax in place of its sigmoid. Not here: running it ([`super::fuser`]).

use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Batch, Graph};
use crate::error::{Error, Result};
pub use crate::format::joint::{Config, Modality};
use crate::format::tensors::TensorFile;

/// The architecture's name in packs.
pub const ARCHITECTURE: &str = "joint";
impl Config {
    /// The rows of items, each with what it has of the modalities (in the order of the configuration), packed end to end.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a vector of another length, [`Error::Input`] for an item without any.
    pub fn batch(&self, items: &[Vec<Option<&[f32]>>]) -> Result<Batch> {
        let (mut rows, mut offsets) = (Vec::new(), vec![0u32]);
        let width = self.width();
        for item in items {
            if item.len() != self.modalities.len() {
                return Err(Error::Internal(format!("{} modalities given, {} expected", item.len(), self.modalities.len())));
            }
            for (at, vector) in item.iter().enumerate() {
                let Some(vector) = vector else { continue };
                let modality = &self.modalities[at];
                if vector.len() != modality.dim {
                    let (name, dim) = (&modality.name, modality.dim);
                    return Err(Error::Mismatch(format!("The {name} vector has {} numbers, the fusion was learned with {dim}. Encode it with the model {:?}.", vector.len(), modality.model)));
                }
                let (start, flag) = self.columns(at);
                let from = rows.len();
                rows.resize(from + width, 0.0);
                rows[from + start..from + start + vector.len()].copy_from_slice(vector);
                rows[from + flag] = 1.0;
            }
            let end = (rows.len() / width) as u32;
            if offsets.last() == Some(&end) {
                let names: Vec<&str> = self.modalities.iter().map(|m| m.name.as_str()).collect();
                return Err(Error::input(format!("There is nothing to fuse. Give one of {} at least.", names.join(", "))));
            }
            offsets.push(end);
        }
        Ok(Batch { items: items.len(), offsets: vec![offsets], ids: Vec::new(), floats: vec![rows] })
    }
}

/// The graph: rows as [`Config::batch`] makes them to unit vectors `[items, dim]`.
///
/// Weights: `gate.weight` and `values.weight`, `[dim, width]` each (of the gate's outputs only the first is read by the query
/// that training writes), and `query` `[1, dim]`.
///
/// # Errors
/// [`Error::Corrupt`] for weights of other shapes.
pub fn graph(config: &Config, file: &TensorFile) -> Result<Graph> {
    let mut b = Builder::new(file);
    let rows = b.float_rows(0, config.width());
    let both = b.linear(rows, &[("gate", config.dim), ("values", config.dim)], Activation::None, None)?;
    let summed = b.attention_pool(both, "query", 1)?;
    b.normalize(summed);
    Ok(b.finish())
}
