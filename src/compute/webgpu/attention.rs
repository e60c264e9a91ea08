//! `Op::Attention`: within each item, or each tile of its image, one pass over the keys.

use super::device::Gpu;
use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Input, Step, bytes, vec4s, weight};
use crate::compute::graph::{Mask, Rows, Value};

/// How heads of a width are read and written.
pub fn access(width: usize) -> &'static str {
    if width.is_multiple_of(4) { wgsl!("attention_vec4.wgsl") } else { wgsl!("attention_scalar.wgsl") }
}

/// The step of attention over `[rows, 3 * heads * width]`; `bias` is `[entries, heads]`, or empty.
pub fn step(gpu: &Gpu, x: Value, rows: Rows, (heads, width): (usize, usize), mask: Mask, bias: &[f32]) -> Step {
    let (line, side, cut) = match mask {
        Mask::Tiles { width, side, cut } => (width, side, cut),
        Mask::None | Mask::Causal => (1, 0, 0),
    };
    let entries = bias.len() / heads;
    let source = Source {
        label: "attention",
        files: vec![access(width), wgsl!("attention.wgsl"), if side > 0 { wgsl!("attention_tiles.wgsl") } else { wgsl!("attention_items.wgsl") }],
        constants: [("WIDTH", width), ("LINE", line), ("SIDE", side), ("CUT", cut), ("ENTRIES", entries)].map(|(name, value)| (name, value as u32)).to_vec(),
        repeats: vec![("d", vec4s(width) as u32)],
        bindings: vec![Access::Read, Access::Read, Access::Write, Access::Read],
    };
    let dim = heads * width;
    let params = vec![heads as u32, vec4s(3 * dim) as u32, vec4s(dim) as u32, u32::from(mask == Mask::Causal)];
    Step::new(source, heads as u32, 64, params, vec![Bound::Value(x), Bound::Input(Input::RowBounds(rows)), Bound::Out, Bound::Weight(weight(gpu, &bytes(bias)))])
}
