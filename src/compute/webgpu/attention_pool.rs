//! `Op::AttentionPool`: attention of one learned query to the rows of each item.

use super::attention::access;
use super::device::Gpu;
use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Input, Step, bytes, vec4s, weight};
use crate::compute::graph::{Rows, Value};

/// The step for a query `[dim]` over `[rows, 2 * dim]`.
pub fn step(gpu: &Gpu, x: Value, rows: Rows, query: &[f32], heads: usize) -> Step {
    let dim = query.len();
    let width = dim / heads;
    let source = Source {
        label: "attention_pool",
        files: vec![access(width), wgsl!("attention_pool.wgsl")],
        constants: vec![("WIDTH", width as u32)],
        repeats: vec![("d", vec4s(width) as u32)],
        bindings: vec![Access::Read, Access::Read, Access::Write, Access::Read],
    };
    let params = vec![heads as u32, vec4s(2 * dim) as u32, vec4s(dim) as u32];
    let query = weight(gpu, &bytes(query));
    let bound = vec![Bound::Value(x), Bound::Input(Input::ItemBounds(rows)), Bound::Out, Bound::Weight(query)];
    Step::new(source, heads.div_ceil(16) as u32, 4, params, bound)
}
