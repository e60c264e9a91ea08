//! `Op::Normalize`: each row to unit length.

use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Step, vec4s};
use crate::compute::graph::Value;

/// The step of a normalization.
pub fn step(x: Value, cols: usize) -> Step {
    let source = Source {
        label: "normalize",
        files: vec![wgsl!("normalize.wgsl")],
        constants: Vec::new(),
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Write],
    };
    Step::new(source, 1, 8, vec![vec4s(cols) as u32], vec![Bound::Value(x), Bound::Out])
}
