//! `Op::Depthwise`: a convolution of each channel for itself.

use super::activation::{ACTIVATIONS, number};
use super::device::Gpu;
use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Step, bytes, vec4s, weight};
use super::window::{WINDOW, constants};
use crate::compute::graph::{Activation, Value, Window};

/// The step of a depthwise convolution: `taps` `[kernel * kernel, channels]`, `bias` `[channels]`.
pub fn step(gpu: &Gpu, x: Value, window: &Window, taps: &[f32], bias: &[f32], activation: Activation) -> Step {
    let mut all = constants(window);
    all.push(("ACTIVATION", number(activation)));
    let source = Source {
        label: "depthwise",
        files: vec![WINDOW, ACTIVATIONS, wgsl!("depthwise.wgsl")],
        constants: all,
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Read, Access::Write],
    };
    let cols4 = vec4s(bias.len()) as u32;
    let weights = weight(gpu, &bytes(&padded(taps, bias)));
    Step::new(source, cols4.div_ceil(16), 4, vec![cols4], vec![Bound::Value(x), Bound::Weight(weights), Bound::Out])
}

/// Rows of taps and behind them the biases, each padded to whole vec4s.
fn padded(taps: &[f32], bias: &[f32]) -> Vec<f32> {
    let mut out = Vec::new();
    for row in taps.chunks_exact(bias.len()).chain([bias]) {
        out.extend(row);
        out.resize(out.len().next_multiple_of(4), 0.0);
    }
    out
}
