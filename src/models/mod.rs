//! Architectures: one file each, weights to a graph. No I/O, no backend; quantized or not is a dtype.

pub mod ast;
pub mod bert;
pub mod block;
pub mod clap;
pub mod clip;
pub mod cnn_lstm;
pub mod mobilenet_v2;
pub mod siglip;
pub mod tower;
pub mod vit;
pub mod yamnet;

use crate::compute::graph::Graph;
use crate::error::{Error, Result};
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// Architectures that make vectors of texts, as packs name them.
pub const TEXT: [&str; 5] = ["bert", "clap-text", "clip-text", "mpnet", "siglip-text"];
/// Architectures that make vectors of pictures.
pub const IMAGE: [&str; 5] = ["clip-vision", "mobilenet-v2", "siglip-vision", tower::NAME, "vit"];
/// Architectures that make vectors of sounds.
pub const AUDIO: [&str; 4] = ["ast", "clap-audio", cnn_lstm::NAME, "yamnet"];

/// The graph of an architecture by its name: its inputs to unit vectors `[items, dim]`.
///
/// # Errors
/// [`Error::Input`] for a name that is unknown, [`Error::Corrupt`] for a configuration or weights that do not make a model.
pub fn graph(architecture: &str, config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    match architecture {
        "ast" => ast::graph(config, encoder, file),
        "bert" | "mpnet" => bert::graph(config, encoder, file),
        "clap-audio" => clap::audio(config, encoder, file),
        "clap-text" => clap::text(config, file),
        "clip-text" => clip::text(config, file),
        "clip-vision" => clip::vision(config, encoder, file),
        cnn_lstm::NAME => cnn_lstm::graph(config, encoder, file),
        "mobilenet-v2" => mobilenet_v2::graph(config, encoder, file),
        "siglip-text" => siglip::text(config, file),
        "siglip-vision" => siglip::vision(config, encoder, file),
        tower::NAME => tower::graph(config, encoder, file),
        "vit" => vit::graph(config, encoder, file),
        "yamnet" => yamnet::graph(config, encoder, file),
        other => {
            let known = [&TEXT[..], &IMAGE, &AUDIO].concat().join(", ");
            Err(Error::input(format!("{other:?} is no architecture of this build, which knows {known}.")))
        }
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

/// Frames and bins of the spectrograms that the model takes.
fn spectrogram_size(encoder: &EncoderConfig) -> Result<(usize, usize)> {
    let audio = encoder.audio.as_ref().ok_or_else(|| Error::corrupt("the model pack", "it does not say how sounds are prepared"))?;
    Ok((audio.frames, audio.bins))
}
