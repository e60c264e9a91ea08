//! `Op::LayerNorm`: by row, the variance from the centered values.

use super::device::Gpu;
use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Step, bytes, interleaved, vec4s, weight};
use crate::compute::graph::Value;

/// The step of a layer norm over `weights.len()` columns.
pub fn step(gpu: &Gpu, x: Value, weights: &[f32], biases: &[f32], eps: f32) -> Step {
    let cols = weights.len();
    let (threads, total) = if gpu.adapter().software { (1, wgsl!("layer_norm_alone.wgsl")) } else { (8, wgsl!("layer_norm_shared.wgsl")) };
    let source = Source {
        label: "layer_norm",
        files: vec![total, wgsl!("layer_norm.wgsl")],
        constants: vec![("THREADS", threads)],
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Read, Access::Write],
    };
    let columns = weight(gpu, &bytes(&interleaved(&[weights, biases], cols)));
    let params = vec![vec4s(cols) as u32, cols as u32, eps.to_bits()];
    Step::new(source, 1, 8, params, vec![Bound::Value(x), Bound::Weight(columns), Bound::Out])
}
