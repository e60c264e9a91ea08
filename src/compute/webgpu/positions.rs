//! `Op::Positions`: learned rows before each item's own, and a learned table on all of them.

use super::device::Gpu;
use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Step, bytes, vec4s, weight};
use crate::compute::graph::Value;

/// The step for learned rows `first` `[m, cols]` and a table `[m + n, cols]`.
pub fn step(gpu: &Gpu, x: Value, first: &[f32], table: &[f32], cols: usize) -> Step {
    let source = Source {
        label: "positions",
        files: vec![wgsl!("positions.wgsl")],
        constants: Vec::new(),
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Read, Access::Write],
    };
    // What stands in the learned rows is known: the sum of both.
    let mut rows = Vec::new();
    for (at, row) in table.chunks_exact(cols).enumerate() {
        let learned = first.get(at * cols..(at + 1) * cols);
        rows.extend(row.iter().enumerate().map(|(c, t)| t + learned.map_or(0.0, |l| l[c])));
        rows.resize(rows.len().next_multiple_of(4), 0.0);
    }
    let cols4 = vec4s(cols) as u32;
    let params = vec![cols4, (first.len() / cols) as u32, (table.len() / cols) as u32];
    let table = weight(gpu, &bytes(&rows));
    Step::new(source, cols4.div_ceil(16), 4, params, vec![Bound::Value(x), Bound::Weight(table), Bound::Out])
}
