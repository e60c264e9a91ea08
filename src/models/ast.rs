//! The Audio Spectrogram Transformer (Gong, Chung and Glass 2021): a ViT over overlapping patches of a spectrogram, with a class
//! and a distillation token.
//!
//! When the pack is made, kernels and positions are turned so that time runs down, as spectrograms `[frames, bins]` are stored.

use serde::Deserialize;

use super::block::{Block, activation};
use super::vit::NAMES;
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, Mask, PoolKind, Window};
use crate::error::{Error, Result};
use crate::format::pack::{EncoderConfig, Pooling};
use crate::format::tensors::TensorFile;

/// What is used of a checkpoint's `config.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    #[serde(default = "default_patch")]
    pub patch_size: usize,
    #[serde(default = "default_stride")]
    pub frequency_stride: usize,
    #[serde(default = "default_stride")]
    pub time_stride: usize,
    #[serde(default = "default_activation")]
    pub hidden_act: String,
    #[serde(default = "default_eps")]
    pub layer_norm_eps: f32,
}

fn default_patch() -> usize {
    16
}

fn default_stride() -> usize {
    10
}

fn default_activation() -> String {
    "gelu".into()
}

fn default_eps() -> f32 {
    1e-12
}

/// The graph: a spectrogram `[frames * bins, 1]` to `[items, hidden]` unit vectors, the mean of both tokens or of all rows.
///
/// # Errors
/// [`Error::Corrupt`] for a configuration or weights that do not make an AST, [`Error::Input`] for one whose two strides differ.
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let config: Config = super::parse(config, "AST")?;
    let (frames, bins) = super::spectrogram_size(encoder)?;
    let (dim, patch, stride) = (config.hidden_size, config.patch_size, config.time_stride);
    if stride != config.frequency_stride {
        return Err(Error::input(format!("an AST with strides {stride} and {} is not supported; use one whose strides are the same.", config.frequency_stride)));
    }
    if patch == 0 || stride == 0 || patch > frames.min(bins) {
        return Err(Error::corrupt("the model pack", format!("patches of {patch} every {stride} do not fit spectrograms of {frames} x {bins}")));
    }
    let wide = file.get("encoder.layer.0.intermediate.dense.weight")?.shape.first().copied().unwrap_or(0);
    let block = Block {
        dim,
        heads: config.num_attention_heads,
        wide,
        activation: activation(&config.hidden_act)?,
        eps: config.layer_norm_eps,
        mask: Mask::None,
    };
    let mut b = Builder::new(file);
    let x = b.float_input(frames * bins, 1);
    let x = b.convolution(x, Window::padded(frames, bins, patch, stride, 0), "embeddings.patch_embeddings.projection", dim, Activation::None, None)?;
    let mut x = b.positions(x, Some(("embeddings.tokens", 2)), "embeddings.position_embeddings")?;
    for layer in 0..config.num_hidden_layers {
        x = block.layer(&mut b, x, &format!("encoder.layer.{layer}"), &NAMES)?;
    }
    let x = b.layer_norm(x, "layernorm", config.layer_norm_eps)?;
    let pooled = b.pool(x, match encoder.pooling {
        Pooling::Mean => PoolKind::Mean,
        Pooling::Cls => PoolKind::FirstTwo,
    });
    b.normalize(pooled);
    Ok(b.finish())
}
