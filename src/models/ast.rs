//! The Audio Spectrogram Transformer (Gong, Chung and Glass 2021): a ViT over overlapping patches of a spectrogram, with a class
//! and a distillation token.
//!
//! When the pack is made, kernels and positions are turned so that time runs down, as spectrograms `[frames, bins]` are stored.

use serde::Deserialize;

use super::vit::Layers;
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, PoolKind, Window};
use crate::error::{Error, Result};
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// What is used of a checkpoint's `config.json` beside [`Layers`].
#[derive(Debug, Clone, Deserialize)]
struct Config {
    #[serde(default = "default_patch")]
    patch_size: usize,
    #[serde(default = "default_stride")]
    frequency_stride: usize,
    #[serde(default = "default_stride")]
    time_stride: usize,
}

fn default_patch() -> usize {
    16
}

fn default_stride() -> usize {
    10
}

/// The graph: a spectrogram `[frames * bins, 1]` to `[items, hidden]` unit vectors, the mean of both tokens or of all rows.
///
/// # Errors
/// [`Error::Corrupt`] for a configuration or weights that do not make an AST, [`Error::Input`] for one whose two strides differ.
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let layers: Layers = super::parse(config, "AST")?;
    let config: Config = super::parse(config, "AST")?;
    let (frames, bins) = super::spectrogram_size(encoder)?;
    let (patch, stride) = (config.patch_size, config.time_stride);
    if stride != config.frequency_stride {
        return Err(Error::input(format!("an AST with strides {stride} and {} is not supported; use one whose strides are the same.", config.frequency_stride)));
    }
    if patch == 0 || stride == 0 || patch > frames.min(bins) {
        return Err(Error::corrupt("the model pack", format!("patches of {patch} every {stride} do not fit spectrograms of {frames} x {bins}")));
    }
    let mut b = Builder::new(file);
    let x = b.float_input(frames * bins, 1);
    let x = b.convolution(x, Window::padded(frames, bins, patch, stride, 0), "embeddings.patch_embeddings.projection", layers.hidden_size, Activation::None, None)?;
    let x = b.positions(x, Some(("embeddings.tokens", 2)), "embeddings.position_embeddings")?;
    layers.finish(b, x, encoder, PoolKind::FirstTwo)
}
