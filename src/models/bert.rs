//! The BERT family (Devlin et al. 2018): absolute positions, layer norm after each residual.
//!
//! MPNet (Song et al. 2020) has no types of tokens, and in its place a bias of attention by the distance of two tokens, which
//! all layers share. Its parts have BERT's names once the pack is made (`publish::fold`).

use serde::Deserialize;

use super::block::activation;
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, Mask, PoolKind, Value};
use crate::error::Result;
use crate::format::pack::{EncoderConfig, Pooling};
use crate::format::tensors::TensorFile;

/// What is used of a checkpoint's `config.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub max_position_embeddings: usize,
    /// 0 where a model tells no types of tokens apart.
    #[serde(default)]
    pub type_vocab_size: usize,
    #[serde(default = "default_eps")]
    pub layer_norm_eps: f32,
    #[serde(default = "default_activation")]
    pub hidden_act: String,
}

fn default_eps() -> f32 {
    1e-12
}

fn default_activation() -> String {
    "gelu".into()
}

/// Integer inputs of the graph, in order.
pub const IDS: usize = 0;
pub const POSITIONS: usize = 1;
pub const TYPES: usize = 2;

/// MPNet's table of biases by distance, `[distances, heads]`.
pub const BIAS: &str = "encoder.attention_bias";

/// The graph: token ids, positions and types along axis 0 to `[items, hidden]` unit vectors.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for a configuration or weights that do not make a BERT.
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let mut b = Builder::new(file);
    let prefix = if file.contains("bert.embeddings.word_embeddings.weight") { "bert." } else { "" };
    let x = layers(&mut b, config, prefix)?;
    let pooled = b.pool(x, match encoder.pooling {
        Pooling::Mean => PoolKind::Mean,
        Pooling::Cls => PoolKind::First,
    });
    b.normalize(pooled);
    Ok(b.finish())
}

/// Token ids, positions and types along axis 0 through all layers, `[tokens, hidden]`; names begin with `prefix`.
///
/// # Errors
/// As [`graph`].
pub(super) fn layers(b: &mut Builder<'_>, config: &serde_json::Value, prefix: &str) -> Result<Value> {
    let config: Config = super::parse(config, "BERT")?;
    let activation = activation(&config.hidden_act)?;
    let (dim, eps) = (config.hidden_size, config.layer_norm_eps);
    let ids = b.id_input(0, config.vocab_size);
    let positions = b.id_input(0, config.max_position_embeddings);
    let table = |name: &str| format!("{prefix}embeddings.{name}_embeddings.weight");
    let mut tables = vec![(table("word"), config.vocab_size, ids), (table("position"), config.max_position_embeddings, positions)];
    if config.type_vocab_size > 0 {
        tables.push((table("token_type"), config.type_vocab_size, b.id_input(0, config.type_vocab_size)));
    }
    let tables: Vec<(&str, usize, usize)> = tables.iter().map(|(name, entries, input)| (&name[..], *entries, *input)).collect();
    let x = b.embed(dim, &tables)?;
    let bias = Some(BIAS).filter(|bias| b.file().contains(bias));
    let mut x = b.layer_norm(x, &format!("{prefix}embeddings.LayerNorm"), eps)?;
    for layer in 0..config.num_hidden_layers {
        let at = |part: &str| format!("{prefix}encoder.layer.{layer}.{part}");
        let (q, k, v) = (at("attention.self.query"), at("attention.self.key"), at("attention.self.value"));
        let qkv = b.linear(x, &[(&q, dim), (&k, dim), (&v, dim)], Activation::None, None)?;
        let attended = b.attention(qkv, config.num_attention_heads, Mask::None, bias)?;
        let sum = b.linear(attended, &[(&at("attention.output.dense"), dim)], Activation::None, Some(x))?;
        x = b.layer_norm(sum, &at("attention.output.LayerNorm"), eps)?;
        let wide = b.linear(x, &[(&at("intermediate.dense"), config.intermediate_size)], activation, None)?;
        let sum = b.linear(wide, &[(&at("output.dense"), dim)], Activation::None, Some(x))?;
        x = b.layer_norm(sum, &at("output.LayerNorm"), eps)?;
    }
    Ok(x)
}
