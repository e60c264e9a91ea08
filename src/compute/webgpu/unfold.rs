//! `Op::Unfold`: what a sliding window sees, one row an output position.

use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Step, vec4s};
use super::window::{WINDOW, constants};
use crate::compute::graph::{Value, Window};

/// The step of an unfolding of `channels` columns.
pub fn step(x: Value, channels: usize, window: &Window) -> Step {
    let source = Source {
        label: "unfold",
        files: vec![WINDOW, wgsl!("unfold.wgsl")],
        constants: constants(window),
        repeats: vec![("j", 4)],
        bindings: vec![Access::Read, Access::Write],
    };
    let out4 = vec4s(window.taps() * channels) as u32;
    let params = vec![channels as u32, vec4s(channels) as u32, out4];
    Step::new(source, out4.div_ceil(16), 4, params, vec![Bound::Value(x), Bound::Out])
}
