//! Vision Transformers: ViT (Dosovitskiy et al. 2021), DeiT's students without a distillation token, and DINOv2 (Oquab et al. 2024).
//!
//! DINOv2's layer scales are folded into the matrices before them, its positions interpolated to the size of the pictures, and
//! both names of a part made one, when the pack is made; what is left is one architecture.

use serde::Deserialize;

use super::block::{Block, Names, activation, patches};
use crate::compute::builder::Builder;
use crate::compute::graph::{Graph, Mask, PoolKind};
use crate::error::Result;
use crate::format::pack::{EncoderConfig, Pooling};
use crate::format::tensors::TensorFile;

/// What is used of a checkpoint's `config.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub patch_size: usize,
    #[serde(default = "default_activation")]
    pub hidden_act: String,
    #[serde(default = "default_eps")]
    pub layer_norm_eps: f32,
}

fn default_activation() -> String {
    "gelu".into()
}

fn default_eps() -> f32 {
    1e-12
}

/// Names of a layer's parts, AST's too.
pub(super) const NAMES: Names = Names {
    norms: ["layernorm_before", "layernorm_after"],
    queries_keys_values: ["attention.attention.query", "attention.attention.key", "attention.attention.value"],
    attended: "attention.output.dense",
    feed: ["intermediate.dense", "output.dense"],
};

/// The graph: pixels to `[items, hidden]` unit vectors, the class token's or the mean of the patches' after the last norm.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for a configuration or weights that do not make a ViT.
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let config: Config = super::parse(config, "ViT")?;
    let dim = config.hidden_size;
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
    let x = patches(&mut b, super::image_size(encoder)?, config.patch_size, "embeddings.patch_embeddings.projection", dim)?;
    // The class token, and behind it DINOv2's registers where there are some.
    let learned = file.get("embeddings.cls_token")?.shape.first().copied().unwrap_or(0);
    let mut x = b.positions(x, Some(("embeddings.cls_token", learned)), "embeddings.position_embeddings")?;
    for layer in 0..config.num_hidden_layers {
        x = block.layer(&mut b, x, &format!("encoder.layer.{layer}"), &NAMES)?;
    }
    let x = b.layer_norm(x, "layernorm", config.layer_norm_eps)?;
    let pooled = b.pool(x, match encoder.pooling {
        Pooling::Mean => PoolKind::Mean,
        Pooling::Cls => PoolKind::First,
    });
    b.normalize(pooled);
    Ok(b.finish())
}
