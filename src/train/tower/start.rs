//! What a tower starts from: seeded random numbers, or the body of a MobileNetV2 that knows pictures already.
//!
//! Without batch norms a deep net only learns from a careful start: every residual begins near nothing (Zhang, Dauphin and Ma
//! 2019, "Fixup", section 3). Not here: learning.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::passes::Weights;
use crate::compute::graph::{Graph, Op, Role};
use crate::error::{Error, Result};
use crate::format::pack::{EncoderConfig, ImageInput, ImageSize, ModelId, Pooling};
use crate::format::tensors::{Part, TensorFile, write};
use crate::math::rng::Rng;
use crate::models::mobilenet_v2::STRIDES;
use crate::models::{
    self,
    tower::{self, PROJECTION},
};

/// A body from random numbers: widths, and how often each is repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub stem: usize,
    /// Channels and step of each inverted residual.
    pub layers: Vec<(usize, usize)>,
    /// How much wider their insides are.
    pub expansion: usize,
    /// Channels of the last convolution.
    pub last: usize,
}

impl Default for Shape {
    /// About 1.3 million numbers with a projection to 384.
    fn default() -> Self {
        let widths = [24, 24, 32, 32, 32, 64, 64, 64, 64, 80, 80, 80, 112, 112, 112, 160];
        Self { stem: 16, layers: widths.into_iter().zip(STRIDES).collect(), expansion: 4, last: 640 }
    }
}

/// A tower before it learns: its graph with that graph's weights, and what its pack will say.
#[derive(Debug, Clone)]
pub struct Start {
    /// As packs name it.
    pub architecture: &'static str,
    pub graph: Graph,
    pub weights: Weights,
    pub config: Value,
    pub encoder: EncoderConfig,
    /// How many of the graph's weights stay as they are, from its first on.
    pub frozen: usize,
}

/// Pictures of `size` by `size` pixels, -1 to 1.
fn encoder(size: usize, dim: usize) -> EncoderConfig {
    let image = ImageInput {
        resize: Some(ImageSize::shortest(size)),
        filter: "bilinear".into(),
        height: size,
        width: size,
        rescale: 1.0 / 127.5,
        mean: [1.0; 3],
        std: [1.0; 3],
    };
    EncoderConfig { image: Some(image), audio: None, fill: None, pooling: Pooling::Mean, max_tokens: 0, dim }
}

/// A start from random numbers, for vectors of `dim` numbers of the model `space`.
///
/// # Errors
/// [`Error::Corrupt`] for a shape that makes no graph.
pub fn random(shape: &Shape, size: usize, dim: usize, space: &ModelId, seed: u64) -> Result<Start> {
    let mut rng = Rng::new(seed);
    let mut parts = Vec::new();
    let mut push = |name: &str, shape: [usize; 2], fan: usize, gain: f64, out: usize| {
        let deviation = gain * (2.0 / fan as f64).sqrt();
        let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| (rng.normal() * deviation) as f32).collect();
        parts.push(Part::f32(format!("{name}.weight"), &shape, &values));
        parts.push(Part::f32(format!("{name}.bias"), &[out], &vec![0.0; out]));
    };
    push("conv_stem.first_conv", [shape.stem, 27], 27, 1.0, shape.stem);
    push("conv_stem.conv_3x3", [9, shape.stem], 9, 1.0, shape.stem);
    let mut channels = shape.layers.first().map_or(shape.stem, |l| l.0);
    push("conv_stem.reduce_1x1", [channels, shape.stem], shape.stem, 0.7, channels);
    for (layer, &(width, step)) in shape.layers.iter().enumerate() {
        let wide = channels * shape.expansion;
        push(&format!("layer.{layer}.expand_1x1"), [wide, channels], channels, 1.0, wide);
        push(&format!("layer.{layer}.conv_3x3"), [9, wide], 9, 1.0, wide);
        let gain = if step == 1 && width == channels { 0.2 } else { 0.7 };
        push(&format!("layer.{layer}.reduce_1x1"), [width, wide], wide, gain, width);
        channels = width;
    }
    push("conv_1x1", [shape.last, channels], channels, 1.0, shape.last);
    push(PROJECTION, [dim, shape.last], shape.last, 1.0, dim);
    let strides: Vec<usize> = shape.layers.iter().map(|l| l.1).collect();
    let config = json!({"hidden_act": "relu6", "tf_padding": true, "strides": strides});
    let file = TensorFile::parse(write(&parts, &BTreeMap::new())?, "the tower's start")?;
    finish(config, &file, size, dim, space)
}

/// A start from the body of a MobileNetV2 whose batch norms are folded, `config` its configuration.
///
/// # Errors
/// [`Error::Corrupt`] for weights that make no MobileNetV2.
pub fn body(config: &Value, file: &TensorFile, size: usize, dim: usize, space: &ModelId, seed: u64) -> Result<Start> {
    let mut rng = Rng::new(seed);
    let mut parts = Vec::new();
    for name in file.names().filter(|name| name.starts_with("conv") || name.starts_with("layer.")) {
        let tensor = file.get(name)?;
        parts.push(Part::f32(name, &tensor.shape, &tensor.to_f32()));
    }
    let last = file.get("conv_1x1.weight")?.shape.first().copied().unwrap_or(0);
    let deviation = (1.0 / last.max(1) as f64).sqrt();
    let values: Vec<f32> = (0..dim * last).map(|_| (rng.normal() * deviation) as f32).collect();
    parts.push(Part::f32(format!("{PROJECTION}.weight"), &[dim, last], &values));
    parts.push(Part::f32(format!("{PROJECTION}.bias"), &[dim], &vec![0.0; dim]));
    let file = TensorFile::parse(write(&parts, &BTreeMap::new())?, "the tower's start")?;
    finish(config.clone(), &file, size, dim, space)
}

fn finish(mut config: Value, file: &TensorFile, size: usize, dim: usize, space: &ModelId) -> Result<Start> {
    config["image_size"] = size.into();
    Start::new(tower::NAME, config, encoder(size, dim), file, space)
}

impl Start {
    /// An architecture with the weights of `file`, for vectors of the space of the model `space`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for weights that do not make it, [`Error::Input`] for one that cannot be learned.
    pub fn new(architecture: &'static str, config: Value, encoder: EncoderConfig, file: &TensorFile, space: &ModelId) -> Result<Self> {
        Self::of(architecture, models::graph(architecture, &config, &encoder, file)?, config, encoder, file, space)
    }

    /// As [`Start::new`], for a graph that is there already.
    ///
    /// # Errors
    /// As [`Start::new`].
    pub fn of(architecture: &'static str, graph: Graph, mut config: Value, encoder: EncoderConfig, file: &TensorFile, space: &ModelId) -> Result<Self> {
        config["space"] = json!({"name": space.name, "sha256": space.sha256});
        super::passes::check(&graph)?;
        let weights = graph.weights.iter().map(|decl| file.f32s(&decl.name)).collect::<Result<Weights>>()?;
        Ok(Self { architecture, graph, weights, config, encoder, frozen: 0 })
    }

    /// Weights by name, as a pack is made of them.
    ///
    /// # Errors
    /// [`Error::Internal`] where they are not the graph's.
    pub fn file(&self, weights: &Weights) -> Result<TensorFile> {
        let parts: Vec<Part<'_>> = self.graph.weights.iter().zip(weights).map(|(decl, values)| Part::f32(&decl.name, &decl.shape, values)).collect();
        TensorFile::parse(write(&parts, &BTreeMap::new())?, "the tower")
    }

    /// Keeps the stem and so many inverted residuals as they are: what they see is the same in all pictures, and they are what
    /// takes longest.
    pub fn freeze(mut self, layers: usize) -> Self {
        let first = format!("layer.{layers}.");
        self.frozen = self.graph.weights.iter().position(|decl| decl.name.starts_with(&first)).unwrap_or(0);
        self
    }

    /// The first node that learns.
    pub(super) fn first(&self) -> usize {
        let learns = |op: &Op| match op {
            Op::Linear { parts, .. } => parts.iter().any(|(w, _)| w.0 >= self.frozen),
            Op::Depthwise { weight, .. } => weight.0 >= self.frozen,
            _ => false,
        };
        self.graph.nodes.iter().position(|node| learns(&node.op)).filter(|_| self.frozen > 0).unwrap_or(0)
    }

    /// Rows and columns of a matrix of the body: of all but the projection, which is learned as a classifier's last one is, and of the
    /// depthwise kernels, which are no matrices.
    pub(super) fn inner(&self, at: usize) -> Option<[usize; 2]> {
        let decl = &self.graph.weights[at];
        let &[rows, cols] = decl.shape.as_slice() else { return None };
        (matches!(decl.role, Role::Matrix) && !decl.name.starts_with(PROJECTION)).then_some([rows, cols])
    }

    /// Whether the weight of that number decays, and how much faster than the body it learns.
    pub(super) fn rule(&self, at: usize) -> (bool, f32) {
        let decl = &self.graph.weights[at];
        (matches!(decl.role, Role::Matrix | Role::Table), if decl.name.starts_with(PROJECTION) { 3.0 } else { 1.0 })
    }
}

/// The sizes of pictures that a tower can have.
///
/// # Errors
/// [`Error::Input`] for another.
pub fn check_size(size: usize) -> Result<()> {
    match (32..=256).contains(&size) && size.is_multiple_of(32) {
        true => Ok(()),
        false => Err(Error::input(format!("pictures of {size} pixels do not suit a tower. Give 32 to 256 in steps of 32."))),
    }
}
