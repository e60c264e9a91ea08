//! A catalog's own ear: convolutions over a log-mel spectrogram, an LSTM along its time, and a matrix into the space of the
//! catalog's text vectors.
//!
//! The audio part of the source article's ATFM. Time runs down a spectrogram `[frames, bins]`; after the convolutions each line,
//! all bins and channels of a moment, is one step of the LSTM. Its configuration names the text model whose space that is, as a
//! [`tower`](super::tower)'s does. Not here: how it is learned (`train::tower`).

use serde::Deserialize;

use super::tower::PROJECTION;
use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Graph, PoolKind, Window};
use crate::error::{Error, Result};
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// As packs name it.
pub const NAME: &str = "cnn-lstm";

/// What is used of a pack's configuration. How many channels and states there are is said by the weights.
#[derive(Debug, Clone, Deserialize)]
struct Config {
    /// Steps of the convolutions of 3 x 3.
    strides: Vec<usize>,
    /// How the LSTM's states become one: "mean" or "last".
    pooling: String,
}

/// The graph: a spectrogram `[frames * bins, 1]` to `[items, dim]` unit vectors.
///
/// # Errors
/// [`Error::Corrupt`] for a configuration or weights that do not make one.
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let config: Config = super::parse(config, "CNN-LSTM")?;
    let pooling = match config.pooling.as_str() {
        "mean" => PoolKind::Mean,
        "last" => PoolKind::Last,
        other => return Err(Error::corrupt("the model pack", format!("it pools states by {other:?}"))),
    };
    let rows = |name: &str| Ok::<usize, Error>(file.get(name)?.shape.first().copied().unwrap_or(0));
    let (mut height, mut width) = super::spectrogram_size(encoder)?;
    let mut b = Builder::new(file);
    let mut x = b.float_input(height * width, 1);
    for (at, stride) in config.strides.into_iter().enumerate() {
        let window = Window::same(height, width, 3, stride);
        (height, width) = (window.out_height, window.out_width);
        let name = format!("conv.{at}");
        x = b.convolution(x, window, &name, rows(&format!("{name}.weight"))?, Activation::Relu, None)?;
    }
    let moments = b.unfold(x, Window::lines(height, width))?;
    let gates = b.linear(moments, &[("lstm.input", rows("lstm.input.weight")?)], Activation::None, None)?;
    let states = b.lstm(gates, "lstm.state")?;
    let pooled = b.pool(states, pooling);
    let projected = b.linear(pooled, &[(PROJECTION, rows(&format!("{PROJECTION}.weight"))?)], Activation::None, None)?;
    b.normalize(projected);
    Ok(b.finish())
}
