//! `Op::Input`: a float input as a value.

use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Input, Step, vec4s};

/// The step of an input with so many columns.
pub fn step(input: usize, cols: usize) -> Step {
    let source = Source {
        label: "input",
        files: vec![wgsl!("input.wgsl")],
        constants: Vec::new(),
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Write],
    };
    let cols4 = vec4s(cols) as u32;
    Step::new(source, cols4.div_ceil(16), 4, vec![cols4], vec![Bound::Input(Input::Floats(input, cols)), Bound::Out])
}
