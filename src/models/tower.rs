//! A catalog's own image tower: MobileNetV2's body and a matrix into the space of the catalog's text vectors.
//!
//! Its configuration names the text model whose space that is. Not here: how it is learned (`train::tower`).

use super::mobilenet_v2;
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph};
use crate::error::Result;
use crate::format::pack::{EncoderConfig, ModelId};
use crate::format::tensors::TensorFile;

/// As packs name it.
pub const NAME: &str = "tower";
/// The prefix of the last matrix's weights.
pub const PROJECTION: &str = "projection";

/// The graph: pixels to `[items, dim]` unit vectors.
///
/// # Errors
/// As [`mobilenet_v2::graph`].
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let mut b = Builder::new(file);
    let pooled = mobilenet_v2::body(&mut b, config, encoder)?;
    let dim = file.get(&format!("{PROJECTION}.weight"))?.shape.first().copied().unwrap_or(0);
    let projected = b.linear(pooled, &[(PROJECTION, dim)], Activation::None, None)?;
    b.normalize(projected);
    Ok(b.finish())
}

/// The model whose vectors are comparable with those of a pack of this configuration; `None` for a space of its own.
pub fn space(config: &serde_json::Value) -> Option<ModelId> {
    ModelId::named(config, "space")
}
