//! `Op::Attention`: within each item, one pass over the keys.

use super::shader::{Access, Source};
use super::step::{Bound, Input, Step, vec4s};
use crate::compute::graph::{Mask, Rows, Value};

/// How heads of a width are read and written.
pub fn access(width: usize) -> &'static str {
    if width.is_multiple_of(4) { include_str!("attention_vec4.wgsl") } else { include_str!("attention_scalar.wgsl") }
}

/// The step of attention over `[rows, 3 * heads * width]`.
pub fn step(x: Value, rows: Rows, heads: usize, width: usize, mask: Mask) -> Step {
    let source = Source {
        label: "attention",
        files: vec![access(width), include_str!("attention.wgsl")],
        constants: vec![("WIDTH", width as u32)],
        repeats: vec![("d", vec4s(width) as u32)],
        bindings: vec![Access::Read, Access::Read, Access::Write],
    };
    let dim = heads * width;
    let params = vec![heads as u32, vec4s(3 * dim) as u32, vec4s(dim) as u32, u32::from(mask == Mask::Causal)];
    Step::new(source, heads as u32, 64, params, vec![Bound::Value(x), Bound::Input(Input::RowBounds(rows)), Bound::Out])
}
