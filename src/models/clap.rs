//! CLAP (Wu et al. 2023): a RoBERTa for texts and an HTSAT for sounds, each with a projection of two layers into a shared space.
//!
//! HTSAT (Chen et al. 2022) is a Swin Transformer (Liu et al. 2021) over a spectrogram that was made a square picture.

use serde::Deserialize;

use super::bert;
use super::block::{Block, Names, activation};
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, Mask, PoolKind, Value, Window};
use crate::error::{Error, Result};
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// The graph of texts: token ids, positions and types along axis 0 to `[items, projection]` unit vectors.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for a configuration or weights that do not make a CLAP text model.
pub fn text(config: &serde_json::Value, file: &TensorFile) -> Result<Graph> {
    let mut b = Builder::new(file);
    let x = bert::layers(&mut b, config, "text_model.")?;
    let first = b.pool(x, PoolKind::First);
    let hidden = b.shape(first).cols;
    let pooled = b.linear(first, &[("text_model.pooler.dense", hidden)], Activation::Tanh, None)?;
    project(b, pooled, config, "text_projection")
}

/// Through both layers of a projection to unit vectors.
fn project(mut b: Builder<'_>, x: Value, config: &serde_json::Value, prefix: &str) -> Result<Graph> {
    let [first, second] = ["linear1", "linear2"].map(|layer| format!("{prefix}.{layer}"));
    let wide = outputs(&b, &second)?;
    let between = activation(config["projection_hidden_act"].as_str().unwrap_or("relu"))?;
    let x = b.linear(x, &[(&first, wide)], between, None)?;
    let x = b.linear(x, &[(&second, wide)], Activation::None, None)?;
    b.normalize(x);
    Ok(b.finish())
}

/// Outputs of the matrix under `prefix`.
fn outputs(b: &Builder<'_>, prefix: &str) -> Result<usize> {
    Ok(b.file().get(&format!("{prefix}.weight"))?.shape.first().copied().unwrap_or(0))
}

/// What is used of HTSAT's configuration, with the defaults that checkpoints leave out.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Audio {
    patch_size: usize,
    patch_stride: usize,
    patch_embeds_hidden_size: usize,
    enable_patch_layer_norm: bool,
    window_size: usize,
    depths: Vec<usize>,
    num_attention_heads: Vec<usize>,
    hidden_act: String,
    layer_norm_eps: f32,
}

impl Default for Audio {
    fn default() -> Self {
        Self {
            patch_size: 4,
            patch_stride: 4,
            patch_embeds_hidden_size: 96,
            enable_patch_layer_norm: true,
            window_size: 8,
            depths: vec![2, 2, 6, 2],
            num_attention_heads: vec![4, 8, 16, 32],
            hidden_act: "gelu".into(),
            layer_norm_eps: 1e-5,
        }
    }
}

/// Names of a layer's parts.
const NAMES: Names = Names {
    norms: ["layernorm_before", "layernorm_after"],
    queries_keys_values: ["attention.self.query", "attention.self.key", "attention.self.value"],
    bias: Some("attention.self.relative_position_bias_table"),
    attended: "attention.output.dense",
    feed: ["intermediate.dense", "output.dense"],
};

/// The norms outside of the layers have PyTorch's default.
const EPS: f32 = 1e-5;

/// The graph of sounds: square pictures of spectrograms `[side * side, 1]` to `[items, projection]` unit vectors.
///
/// # Errors
/// As [`text`]; [`Error::Input`] for one whose windows do not cover its picture: the reference fills that up with zeros.
pub fn audio(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let c: Audio = super::parse(config, "CLAP audio")?;
    let square = encoder.audio.as_ref().and_then(|audio| audio.square.as_ref());
    let side = square.ok_or_else(|| Error::corrupt("the model pack", "it does not say how spectrograms become squares"))?.side;
    let (patch, stride, window) = (c.patch_size, c.patch_stride, c.window_size);
    if patch == 0 || stride == 0 || stride > patch || patch > side || window == 0 || c.depths.len() != c.num_attention_heads.len() {
        return Err(Error::corrupt("the model pack", format!("{c:?} is no HTSAT of {side} x {side}")));
    }
    let part = |name: &str| format!("audio_model.audio_encoder.{name}");
    let mut b = Builder::new(file);
    let x = b.float_input(side * side, 1);
    let patches = Window::padded(side, side, patch, stride, (patch - stride) / 2);
    let (mut grid, mut dim) = (patches.out_width, c.patch_embeds_hidden_size);
    let mut x = b.convolution(x, patches, &part("patch_embed.proj"), dim, Activation::None, None)?;
    if c.enable_patch_layer_norm {
        x = b.layer_norm(x, &part("patch_embed.norm"), EPS)?;
    }
    for (stage, (&depth, &heads)) in c.depths.iter().zip(&c.num_attention_heads).enumerate() {
        let last = stage + 1 == c.depths.len();
        if grid % window != 0 || (!last && grid % 2 != 0) {
            return Err(Error::input(format!("a CLAP with windows of {window} in {grid} x {grid} patches is not supported; use one whose windows cover them.")));
        }
        for layer in 0..depth {
            let prefix = part(&format!("layers.{stage}.blocks.{layer}"));
            // Every other layer's windows are shifted by half of one, where there are several.
            let cut = if layer % 2 == 1 && grid > window { window - window / 2 } else { 0 };
            let block = Block {
                dim,
                heads,
                wide: outputs(&b, &format!("{prefix}.intermediate.dense"))?,
                activation: activation(&c.hidden_act)?,
                eps: c.layer_norm_eps,
                mask: Mask::Tiles { width: grid, side: window, cut: cut % window },
            };
            x = block.layer(&mut b, x, &prefix, &NAMES)?;
        }
        if !last {
            // Four neighbors become one position of twice the width.
            x = b.unfold(x, Window::padded(grid, grid, 2, 2, 0))?;
            x = b.layer_norm(x, &part(&format!("layers.{stage}.downsample.norm")), EPS)?;
            (grid, dim) = (grid / 2, dim * 2);
            x = b.linear(x, &[(&part(&format!("layers.{stage}.downsample.reduction")), dim)], Activation::None, None)?;
        }
    }
    let x = b.layer_norm(x, &part("norm"), EPS)?;
    let pooled = b.pool(x, PoolKind::Mean);
    project(b, pooled, config, "audio_projection")
}
