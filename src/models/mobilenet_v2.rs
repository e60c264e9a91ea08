//! MobileNetV2 (Sandler et al. 2018): inverted residuals around depthwise convolutions.
//!
//! Batch norms are folded into the convolutions when the pack is made, and how many channels each has is said by its weights.

use serde::Deserialize;

use super::block::activation;
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, PoolKind, Rows, Value, Window};
use crate::error::{Error, Result};
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// What is used of a checkpoint's `config.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    pub hidden_act: String,
    /// TensorFlow's padding instead of one zero on each side.
    pub tf_padding: bool,
    pub first_layer_is_expansion: bool,
    /// How much smaller than the picture the last positions are: 32.
    pub output_stride: usize,
    /// Steps of the inverted residuals behind the stem.
    pub strides: Vec<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self { hidden_act: "relu6".into(), tf_padding: true, first_layer_is_expansion: true, output_stride: 32, strides: STRIDES.into() }
    }
}

/// The published model's sixteen.
pub const STRIDES: [usize; 16] = [2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1];

/// The graph: pixels to `[items, channels]` unit vectors, the mean of the last convolution's positions.
///
/// # Errors
/// [`Error::Corrupt`] for a configuration or weights that do not make a MobileNetV2, [`Error::Input`] for a dilated one.
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let mut b = Builder::new(file);
    let pooled = body(&mut b, config, encoder)?;
    b.normalize(pooled);
    Ok(b.finish())
}

/// Everything but the last step: pixels to the mean `[items, channels]` of the last convolution's positions.
///
/// # Errors
/// As [`graph`].
pub(super) fn body(b: &mut Builder<'_>, config: &serde_json::Value, encoder: &EncoderConfig) -> Result<Value> {
    let config: Config = super::parse(config, "MobileNetV2")?;
    if config.output_stride != 32 {
        return Err(Error::input(format!("a MobileNetV2 with output_stride {} is not supported; use one with 32.", config.output_stride)));
    }
    let (height, width) = super::image_size(encoder)?;
    let pixels = b.float_input(height * width, 3);
    let mut net = Net { b, act: activation(&config.hidden_act)?, same: config.tf_padding, height, width };
    let mut x = net.full(pixels, "conv_stem.first_conv", 3, 2, true, None)?;
    if !config.first_layer_is_expansion {
        x = net.full(x, "conv_stem.expand_1x1", 1, 1, true, None)?;
    }
    x = net.depthwise(x, "conv_stem.conv_3x3", 1)?;
    x = net.full(x, "conv_stem.reduce_1x1", 1, 1, false, None)?;
    for (layer, stride) in config.strides.into_iter().enumerate() {
        let input = x;
        x = net.full(x, &format!("layer.{layer}.expand_1x1"), 1, 1, true, None)?;
        x = net.depthwise(x, &format!("layer.{layer}.conv_3x3"), stride)?;
        let reduce = format!("layer.{layer}.reduce_1x1");
        let residual = (stride == 1 && net.channels(&reduce)? == net.b.shape(input).cols).then_some(input);
        x = net.full(x, &reduce, 1, 1, false, residual)?;
    }
    x = net.full(x, "conv_1x1", 1, 1, true, None)?;
    debug_assert_eq!(net.b.shape(x).rows, Rows::PerItem(net.height * net.width));
    Ok(net.b.pool(x, PoolKind::Mean))
}

/// The graph so far and the size of its image.
pub(super) struct Net<'a, 'file> {
    pub b: &'a mut Builder<'file>,
    pub act: Activation,
    /// TensorFlow's padding.
    pub same: bool,
    pub height: usize,
    pub width: usize,
}

impl Net<'_, '_> {
    /// Channels that the convolution `name` gives.
    pub fn channels(&self, name: &str) -> Result<usize> {
        Ok(self.b.file().get(&format!("{name}.weight"))?.shape.first().copied().unwrap_or(0))
    }

    /// The window of a convolution here; the image becomes its output's.
    fn window(&mut self, kernel: usize, stride: usize) -> Window {
        let window = match self.same {
            true => Window::same(self.height, self.width, kernel, stride),
            false => Window::padded(self.height, self.width, kernel, stride, (kernel - 1) / 2),
        };
        (self.height, self.width) = (window.out_height, window.out_width);
        window
    }

    /// A convolution with its activation where `active` says so.
    pub fn full(&mut self, x: Value, name: &str, kernel: usize, stride: usize, active: bool, residual: Option<Value>) -> Result<Value> {
        let (window, out) = (self.window(kernel, stride), self.channels(name)?);
        let activation = if active { self.act } else { Activation::None };
        self.b.convolution(x, window, name, out, activation, residual)
    }

    /// A depthwise convolution of 3 x 3.
    pub fn depthwise(&mut self, x: Value, name: &str, stride: usize) -> Result<Value> {
        let window = self.window(3, stride);
        self.b.depthwise(x, window, name, self.act)
    }
}
