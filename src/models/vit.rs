//! Vision Transformers: ViT (Dosovitskiy et al. 2021), DeiT's students without a distillation token, and DINOv2 (Oquab et al. 2024).
//!
//! DINOv2's layer scales are folded into the matrices before them, its positions interpolated to the size of the pictures, and
//! both names of a part made one, when the pack is made; what is left is one architecture.

use serde::Deserialize;

use super::block::{Block, Names, activation, patches};
use crate::compute::builder::Builder;
use crate::compute::graph::{Graph, Mask, PoolKind, Value};
use crate::error::Result;
use crate::format::pack::{EncoderConfig, Pooling};
use crate::format::tensors::TensorFile;

/// What is used of a checkpoint's `config.json` beside [`Layers`].
#[derive(Debug, Clone, Deserialize)]
struct Config {
    patch_size: usize,
}

/// The part of it that AST's has too: the layers behind the patches.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Layers {
    pub hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    #[serde(default = "default_activation")]
    hidden_act: String,
    #[serde(default = "default_eps")]
    layer_norm_eps: f32,
}

fn default_activation() -> String {
    "gelu".into()
}

fn default_eps() -> f32 {
    1e-12
}

/// Names of a layer's parts.
const NAMES: Names = Names {
    norms: ["layernorm_before", "layernorm_after"],
    queries_keys_values: ["attention.attention.query", "attention.attention.key", "attention.attention.value"],
    bias: None,
    attended: "attention.output.dense",
    feed: ["intermediate.dense", "output.dense"],
};

/// The graph: pixels to `[items, hidden]` unit vectors, the class token's or the mean of the patches' after the last norm.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for a configuration or weights that do not make a ViT.
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let Config { patch_size } = super::parse(config, "ViT")?;
    let layers: Layers = super::parse(config, "ViT")?;
    let mut b = Builder::new(file);
    let x = patches(&mut b, super::image_size(encoder)?, patch_size, "embeddings.patch_embeddings.projection", layers.hidden_size)?;
    // The class token, and behind it DINOv2's registers where there are some.
    let learned = file.get("embeddings.cls_token")?.shape.first().copied().unwrap_or(0);
    let x = b.positions(x, Some(("embeddings.cls_token", learned)), "embeddings.position_embeddings")?;
    layers.finish(b, x, encoder, PoolKind::First)
}

impl Layers {
    /// The graph to its end: the layers, the last norm, and the mean of the rows or what `class` takes of the learned ones.
    ///
    /// # Errors
    /// As [`graph`].
    pub(super) fn finish(&self, mut b: Builder<'_>, mut x: Value, encoder: &EncoderConfig, class: PoolKind) -> Result<Graph> {
        let wide = b.file().get("encoder.layer.0.intermediate.dense.weight")?.shape.first().copied().unwrap_or(0);
        let block = Block {
            dim: self.hidden_size,
            heads: self.num_attention_heads,
            wide,
            activation: activation(&self.hidden_act)?,
            eps: self.layer_norm_eps,
            mask: Mask::None,
        };
        for layer in 0..self.num_hidden_layers {
            x = block.layer(&mut b, x, &format!("encoder.layer.{layer}"), &NAMES)?;
        }
        let x = b.layer_norm(x, "layernorm", self.layer_norm_eps)?;
        let pooled = b.pool(x, match encoder.pooling {
            Pooling::Mean => PoolKind::Mean,
            Pooling::Cls => class,
        });
        b.normalize(pooled);
        Ok(b.finish())
    }
}
