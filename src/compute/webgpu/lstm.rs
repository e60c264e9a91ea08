//! `Op::Lstm`: the recurrence, an item a workgroup.

use super::device::Gpu;
use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Input, Step, bytes, vec4s, weight};
use crate::compute::graph::{Rows, Value};

/// The step over `[rows, 4 * hidden]` with weights `[4 * hidden, hidden]`.
pub fn step(gpu: &Gpu, x: Value, rows: Rows, weights: &[f32], hidden: usize) -> Step {
    let source = Source {
        label: "lstm",
        files: vec![wgsl!("lstm.wgsl")],
        constants: vec![("HIDDEN", hidden as u32)],
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Read, Access::Read, Access::Write],
    };
    // By input and then by output, the four gates of an output together.
    let at = |place: usize| weights[(place % 4 * hidden + place / 4 % hidden) * hidden + place / 4 / hidden];
    let gates: Vec<f32> = (0..weights.len()).map(at).collect();
    let bound = vec![Bound::Value(x), Bound::Input(Input::RowBounds(rows)), Bound::Weight(weight(gpu, &bytes(&gates))), Bound::Out];
    Step::new(source, 1, 1, vec![vec4s(hidden) as u32 * 4], bound)
}
