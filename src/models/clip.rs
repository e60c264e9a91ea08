//! CLIP (Radford et al. 2021): a tower for pictures and one for texts, whose vectors share a space.

use serde::Deserialize;

use super::block::{Block, CLIP, activation, patches};
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, Mask, PoolKind};
use crate::error::Result;
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// What is used of one tower's configuration, with the defaults that checkpoints leave out.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Text {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    projection_dim: usize,
    hidden_act: String,
    layer_norm_eps: f32,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            projection_dim: 512,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Vision {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    patch_size: usize,
    projection_dim: usize,
    hidden_act: String,
    layer_norm_eps: f32,
}

impl Default for Vision {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            patch_size: 32,
            projection_dim: 512,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
        }
    }
}

/// Token ids and positions along axis 0 to `[items, projection]` unit vectors: the last token (the end of text, as nothing is
/// padded) after the last norm, projected.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for a configuration or weights that do not make a CLIP.
pub fn text(config: &serde_json::Value, file: &TensorFile) -> Result<Graph> {
    let c: Text = super::parse(config, "CLIP text")?;
    let block = Block {
        dim: c.hidden_size,
        heads: c.num_attention_heads,
        wide: c.intermediate_size,
        activation: activation(&c.hidden_act)?,
        eps: c.layer_norm_eps,
        mask: Mask::Causal,
    };
    last_token(file, &block, c.num_hidden_layers, [c.vocab_size, c.max_position_embeddings], ("text_projection", c.projection_dim))
}

/// Token ids and positions (`entries` of each table) through `layers` layers to a unit vector a text: its last row after the last
/// norm through `projection` (name and width).
///
/// # Errors
/// As [`text`].
pub(super) fn last_token(file: &TensorFile, block: &Block, layers: usize, entries: [usize; 2], projection: (&str, usize)) -> Result<Graph> {
    let mut b = Builder::new(file);
    let [ids, positions] = entries.map(|entries| b.id_input(0, entries));
    let tables = [
        ("text_model.embeddings.token_embedding.weight", entries[0], ids),
        ("text_model.embeddings.position_embedding.weight", entries[1], positions),
    ];
    let mut x = b.embed(block.dim, &tables)?;
    for layer in 0..layers {
        x = block.layer(&mut b, x, &format!("text_model.encoder.layers.{layer}"), &CLIP)?;
    }
    // Only the last token of each text is asked for: its norm and projection are those of one row.
    let last = b.pool(x, PoolKind::Last);
    let last = b.layer_norm(last, "text_model.final_layer_norm", block.eps)?;
    let projected = b.linear(last, &[projection], Activation::None, None)?;
    b.normalize(projected);
    Ok(b.finish())
}

/// Pixels to `[items, projection]` unit vectors: the class token after the last norm, projected.
///
/// # Errors
/// As [`text`].
pub fn vision(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let c: Vision = super::parse(config, "CLIP vision")?;
    let block = Block {
        dim: c.hidden_size,
        heads: c.num_attention_heads,
        wide: c.intermediate_size,
        activation: activation(&c.hidden_act)?,
        eps: c.layer_norm_eps,
        mask: Mask::None,
    };
    let mut b = Builder::new(file);
    let x = patches(&mut b, super::image_size(encoder)?, c.patch_size, "vision_model.embeddings.patch_embedding", c.hidden_size)?;
    let class = Some(("vision_model.embeddings.class_embedding", 1));
    let x = b.positions(x, class, "vision_model.embeddings.position_embedding.weight")?;
    // The checkpoints spell it so.
    let mut x = b.layer_norm(x, "vision_model.pre_layrnorm", c.layer_norm_eps)?;
    for layer in 0..c.num_hidden_layers {
        x = block.layer(&mut b, x, &format!("vision_model.encoder.layers.{layer}"), &CLIP)?;
    }
    let first = b.pool(x, PoolKind::First);
    let first = b.layer_norm(first, "vision_model.post_layernorm", c.layer_norm_eps)?;
    let projected = b.linear(first, &[("visual_projection", c.projection_dim)], Activation::None, None)?;
    b.normalize(projected);
    Ok(b.finish())
}
