//! The Transformer layer with its norms before attention and feed-forward, as vision models and CLIP's texts use it.

use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Mask, Value, Window};
use crate::error::{Error, Result};

/// What the layers of one model share.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    pub dim: usize,
    pub heads: usize,
    /// Width between the two matrices of the feed-forward.
    pub wide: usize,
    pub activation: Activation,
    pub eps: f32,
    pub mask: Mask,
}

/// The names of a layer's parts behind its prefix.
pub struct Names {
    pub norms: [&'static str; 2],
    pub queries_keys_values: [&'static str; 3],
    /// Table of [`Op::Attention`](crate::compute::graph::Op::Attention)'s bias.
    pub bias: Option<&'static str>,
    pub attended: &'static str,
    pub feed: [&'static str; 2],
}

/// CLIP's and SigLIP's names.
pub const CLIP: Names = Names {
    norms: ["layer_norm1", "layer_norm2"],
    queries_keys_values: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    bias: None,
    attended: "self_attn.out_proj",
    feed: ["mlp.fc1", "mlp.fc2"],
};

impl Block {
    /// `x + attention(norm(x))`, then the same with the feed-forward; `prefix` is the layer's, without its dot.
    ///
    /// # Errors
    /// As [`Builder::linear`] and [`Builder::attention`].
    pub fn layer(&self, b: &mut Builder<'_>, x: Value, prefix: &str, names: &Names) -> Result<Value> {
        let at = |part: &str| format!("{prefix}.{part}");
        let dim = self.dim;
        let normal = b.layer_norm(x, &at(names.norms[0]), self.eps)?;
        let [q, k, v] = names.queries_keys_values.map(at);
        let qkv = b.linear(normal, &[(&q, dim), (&k, dim), (&v, dim)], Activation::None, None)?;
        let attended = b.attention(qkv, self.heads, self.mask, names.bias.map(at).as_deref())?;
        let x = b.linear(attended, &[(&at(names.attended), dim)], Activation::None, Some(x))?;
        let normal = b.layer_norm(x, &at(names.norms[1]), self.eps)?;
        let wide = b.linear(normal, &[(&at(names.feed[0]), self.wide)], self.activation, None)?;
        b.linear(wide, &[(&at(names.feed[1]), dim)], Activation::None, Some(x))
    }
}

/// The activation that a configuration calls `name`.
///
/// # Errors
/// [`Error::Input`] for one that no kernel computes.
pub fn activation(name: &str) -> Result<Activation> {
    Ok(match name {
        "gelu" => Activation::Gelu,
        "gelu_pytorch_tanh" | "gelu_new" | "gelu_fast" => Activation::GeluTanh,
        "quick_gelu" => Activation::QuickGelu,
        "relu" => Activation::Relu,
        "relu6" => Activation::Relu6,
        other => return Err(Error::input(format!("activation {other:?} is not supported; use a model with gelu, quick_gelu, relu or relu6."))),
    })
}

/// Pixels `[height * width, 3]` to patches `[count, dim]`: a convolution whose step is its window, with the weights of `prefix`.
///
/// # Errors
/// [`Error::Corrupt`] where no patch fits the picture.
pub fn patches(b: &mut Builder<'_>, (height, width): (usize, usize), patch: usize, prefix: &str, dim: usize) -> Result<Value> {
    if patch == 0 || patch > height.min(width) {
        return Err(Error::corrupt("the model pack", format!("patches of {patch} do not fit pictures of {height} x {width}")));
    }
    let pixels = b.float_input(height * width, 3);
    b.convolution(pixels, Window::padded(height, width, patch, patch, 0), prefix, dim, Activation::None, None)
}
