//! YAMNet (Plakal and Ellis 2020): MobileNetV1 (Howard et al. 2017) over log-mel patches, trained on AudioSet.
//!
//! Batch norms are folded into the convolutions already in the file that tests/reference/tflite_checkpoint.py reads.

use super::block::activation;
use super::mobilenet_v2::Net;
use crate::compute::builder::Builder;
use crate::compute::graph::{Graph, PoolKind};
use crate::error::Result;
use crate::format::pack::EncoderConfig;
use crate::format::tensors::TensorFile;

/// Steps of the thirteen separable convolutions behind the stem.
const STRIDES: [usize; 13] = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1];

/// The graph: a patch `[frames * bins, 1]` to `[items, channels]` unit vectors, the mean of the last convolution's positions.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) for weights that do not make a YAMNet.
pub fn graph(config: &serde_json::Value, encoder: &EncoderConfig, file: &TensorFile) -> Result<Graph> {
    let (height, width) = super::spectrogram_size(encoder)?;
    let mut b = Builder::new(file);
    let patch = b.float_input(height * width, 1);
    let mut net = Net { b: &mut b, act: activation(config["hidden_act"].as_str().unwrap_or("relu"))?, same: true, height, width };
    let mut x = net.full(patch, "stem", 3, 2, true, None)?;
    for (layer, stride) in STRIDES.into_iter().enumerate() {
        x = net.depthwise(x, &format!("layer.{layer}.depthwise"), stride)?;
        x = net.full(x, &format!("layer.{layer}.pointwise"), 1, 1, true, None)?;
    }
    let pooled = b.pool(x, PoolKind::Mean);
    b.normalize(pooled);
    Ok(b.finish())
}
