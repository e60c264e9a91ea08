//! `Op::Attention`: within each item, one pass over the keys.

use super::device::Gpu;
use super::shader::{Access, Source};
use super::step::{Bound, Step, vec4s};
use crate::compute::graph::{Rows, Value};

/// The step of attention over `[rows, 3 * heads * width]`.
pub fn step(gpu: &Gpu, x: Value, rows: Rows, heads: usize, width: usize, causal: bool) -> Step {
    let whole = width.is_multiple_of(4);
    let access = if whole { include_str!("attention_vec4.wgsl") } else { include_str!("attention_scalar.wgsl") };
    let source = Source {
        label: "attention",
        files: vec![access, include_str!("attention.wgsl")],
        constants: vec![("WIDTH", width as u32)],
        repeats: vec![("d", vec4s(width) as u32)],
        bindings: vec![Access::Read, Access::Read, Access::Write],
    };
    let dim = heads * width;
    let params = vec![heads as u32, vec4s(3 * dim) as u32, vec4s(dim) as u32, u32::from(causal)];
    Step::new(gpu.pipeline(source), heads as u32, 64, params, vec![Bound::Value(x), Bound::RowBounds(rows), Bound::Out])
}
