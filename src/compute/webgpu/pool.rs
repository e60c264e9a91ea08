//! `Op::Pool`: the rows of each item to one.

use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Input, Step, vec4s};
use crate::compute::graph::{PoolKind, Rows, Value};

/// The step of pooling over items whose rows are those of `rows`.
pub fn step(x: Value, rows: Rows, cols: usize, kind: PoolKind) -> Step {
    let kind = match kind {
        PoolKind::Mean => 0,
        PoolKind::First => 1,
        PoolKind::Last => 2,
        PoolKind::FirstTwo => 3,
    };
    let source = Source {
        label: "pool",
        files: vec![wgsl!("pool.wgsl")],
        constants: vec![("KIND", kind)],
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Read, Access::Write],
    };
    let cols4 = vec4s(cols) as u32;
    Step::new(source, cols4.div_ceil(16), 4, vec![cols4], vec![Bound::Value(x), Bound::Input(Input::ItemBounds(rows)), Bound::Out])
}
