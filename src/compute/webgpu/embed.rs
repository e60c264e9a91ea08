//! `Op::Embed`: rows gathered from tables, int8 or f32, and summed.

use super::device::Gpu;
use super::shader::{Access, Source};
use super::step::{Bound, Input, Step, bytes, vec4s, weight};
use crate::compute::weights::Table;

/// The step of a sum of rows; `inputs` are the integer inputs of the tables.
pub fn step(gpu: &Gpu, tables: &[Table], inputs: &[usize], cols: usize) -> Step {
    let cols4 = vec4s(cols);
    let all_i8 = tables.iter().all(|table| matches!(table, Table::I8 { .. }));
    let (mut data, mut all_scales, mut bases, mut entries) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for table in tables {
        bases.push(entries as u32);
        match table {
            Table::I8 { rows, scales } if all_i8 => {
                for row in rows.chunks_exact(cols) {
                    data.extend(row.iter().map(|&v| v as u8));
                    data.resize(data.len() + cols4 * 4 - cols, 0);
                }
                all_scales.extend(scales);
                entries += scales.len();
            }
            table => {
                let numbers = table.numbers(cols);
                for row in numbers.chunks_exact(cols) {
                    data.extend(bytes(row));
                    data.resize(data.len() + (cols4 * 4 - cols) * 4, 0);
                }
                entries += numbers.len() / cols;
            }
        }
    }
    let source = Source {
        label: "embed",
        files: vec![include_str!("embed.wgsl")],
        constants: vec![("DTYPE", u32::from(!all_i8)), ("PARTS", tables.len() as u32)],
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Read, Access::Read, Access::Write],
    };
    let ids = inputs.iter().copied().zip(bases).collect();
    let bound = vec![Bound::Weight(weight(gpu, &data)), Bound::Weight(weight(gpu, &bytes(&all_scales))), Bound::Input(Input::Ids(ids)), Bound::Out];
    Step::new(source, cols4.div_ceil(16) as u32, 4, vec![cols4 as u32], bound)
}
