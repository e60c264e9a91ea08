//! Architectures: one file each, weights to a graph. No I/O, no backend; quantized or not is a dtype.

pub mod bert;
pub mod block;
pub mod clip;
pub mod mobilenet_v2;
pub mod siglip;
pub mod tower;
pub mod vit;

use crate::compute::graph::Graph;
use crate::error::{Error, Result};
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// Architectures that make vectors of texts, as packs name them.
pub const TEXT: [&str; 2] = ["bert", "clip-text"];
/// Architectures that make vectors of pictures.
pub const IMAGE: [&str; 5] = ["clip-vision", "mobilenet-v2", "siglip-vision", tower::NAME, "vit"];

/// The graph of an architecture by its name: its inputs to unit vectors `[items, dim]`.
///
/// # Errors
/// [`Error::Input`] for a name that is unknown, [`Error::Corrupt`] for a configuration or weights that do not make a model.
pub fn graph(architecture: &str, config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    match architecture {
        "bert" => bert::graph(config, encoder, file),
        "clip-text" => clip::text(config, file),
        "clip-vision" => clip::vision(config, encoder, file),
        "mobilenet-v2" => mobilenet_v2::graph(config, encoder, file),
        "siglip-vision" => siglip::vision(config, encoder, file),
        tower::NAME => tower::graph(config, encoder, file),
        "vit" => vit::graph(config, encoder, file),
        other => Err(Error::input(format!("{other:?} is no architecture of this build, which knows {} and {}.", TEXT.join(", "), IMAGE.join(", ")))),
    }
}

/// Reads the part of a configuration that an architecture uses.
fn parse<C: serde::de::DeserializeOwned>(config: &serde_json::Value, what: &str) -> Result<C> {
    serde_json::from_value(config.clone()).map_err(|e| Error::corrupt("the model pack", format!("its {what} configuration: {e}")))
}

/// Height and width of the pictures that the model takes, in pixels.
fn image_size(encoder: &EncoderConfig) -> Result<(usize, usize)> {
    let image = encoder.image.as_ref().ok_or_else(|| Error::corrupt("the model pack", "it does not say how pictures are prepared"))?;
    Ok((image.height, image.width))
}
