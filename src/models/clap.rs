//! CLAP's texts (Wu et al. 2023): a RoBERTa, its pooler, and a projection of two layers into the space shared with sounds.

use super::block::activation;
use super::bert;
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, PoolKind};
use crate::error::Result;
use crate::format::tensors::TensorFile;

/// The graph: token ids, positions and types along axis 0 to `[items, projection]` unit vectors.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for a configuration or weights that do not make a CLAP text model.
pub fn text(config: &serde_json::Value, file: &TensorFile) -> Result<Graph> {
    let mut b = Builder::new(file);
    let x = bert::layers(&mut b, config, "text_model.")?;
    let first = b.pool(x, PoolKind::First);
    let hidden = b.shape(first).cols;
    let pooled = b.linear(first, &[("text_model.pooler.dense", hidden)], Activation::Tanh, None)?;
    let wide = file.get("text_projection.linear2.weight")?.shape.first().copied().unwrap_or(0);
    let between = activation(config["projection_hidden_act"].as_str().unwrap_or("relu"))?;
    let x = b.linear(pooled, &[("text_projection.linear1", wide)], between, None)?;
    let x = b.linear(x, &[("text_projection.linear2", wide)], Activation::None, None)?;
    b.normalize(x);
    Ok(b.finish())
}
