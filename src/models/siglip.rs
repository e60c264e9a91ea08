//! SigLIP and SigLIP 2 with pictures of a fixed size (Zhai et al. 2023): a tower for pictures and one for texts, whose vectors
//! share a space.
//!
//! The head of the pictures attends to the patches with one learned query. Its projection, and the matrices of its keys and values,
//! stand apart from each other once the pack is made (`publish::fold`). Texts are filled up to one length, and every token attends
//! to what fills up too: that is how they were trained ([`Filling`](crate::format::pack::Filling)).

use serde::Deserialize;

use super::block::{Block, CLIP, activation, patches};
use super::clip::last_token;
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, Mask};
use crate::error::Result;
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// What is used of one tower's configuration, with the defaults that checkpoints leave out.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Config {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    patch_size: usize,
    hidden_act: String,
    layer_norm_eps: f32,
    /// Of texts.
    vocab_size: usize,
    max_position_embeddings: usize,
}

impl Config {
    fn block(&self) -> Result<Block> {
        Ok(Block {
            dim: self.hidden_size,
            heads: self.num_attention_heads,
            wide: self.intermediate_size,
            activation: activation(&self.hidden_act)?,
            eps: self.layer_norm_eps,
            mask: Mask::None,
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            patch_size: 16,
            hidden_act: "gelu_pytorch_tanh".into(),
            layer_norm_eps: 1e-6,
            vocab_size: 32_000,
            max_position_embeddings: 64,
        }
    }
}

/// The graph of texts: token ids and positions along axis 0 to `[items, projection]` unit vectors, the last token's.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for a configuration or weights that do not make a SigLIP.
pub fn text(config: &serde_json::Value, file: &TensorFile) -> Result<Graph> {
    let c: Config = super::parse(config, "SigLIP text")?;
    let width = file.get("text_model.head.weight")?.shape.first().copied().unwrap_or(0);
    last_token(file, &c.block()?, c.num_hidden_layers, [c.vocab_size, c.max_position_embeddings], ("text_model.head", width))
}

/// The graph of pictures: pixels to `[items, hidden]` unit vectors.
///
/// # Errors
/// As [`text`].
pub fn vision(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let c: Config = super::parse(config, "SigLIP vision")?;
    let block = c.block()?;
    let Block { dim, eps, activation, .. } = block;
    let mut b = Builder::new(file);
    let x = patches(&mut b, super::image_size(encoder)?, c.patch_size, "vision_model.embeddings.patch_embedding", dim)?;
    let mut x = b.positions(x, None, "vision_model.embeddings.position_embedding.weight")?;
    for layer in 0..c.num_hidden_layers {
        x = block.layer(&mut b, x, &format!("vision_model.encoder.layers.{layer}"), &CLIP)?;
    }
    let x = b.layer_norm(x, "vision_model.post_layernorm", eps)?;
    let head = |part: &str| format!("vision_model.head.{part}");
    let keys_values = b.linear(x, &[(&head("keys_values"), 2 * dim)], Activation::None, None)?;
    let pooled = b.attention_pool(keys_values, &head("query"), c.num_attention_heads)?;
    let pooled = b.linear(pooled, &[(&head("attention.out_proj"), dim)], Activation::None, None)?;
    let normal = b.layer_norm(pooled, &head("layernorm"), eps)?;
    let wide = b.linear(normal, &[(&head("mlp.fc1"), c.intermediate_size)], activation, None)?;
    let y = b.linear(wide, &[(&head("mlp.fc2"), dim)], Activation::None, Some(pooled))?;
    b.normalize(y);
    Ok(b.finish())
}
