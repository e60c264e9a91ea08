//! `Op::Embed`: rows gathered from tables, int8 or f32, and summed.

use super::device::Gpu;
use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Input, Step, bytes, room, vec4s, weight};
use crate::compute::weights::Table;

/// Bytes that are widened at a time, where rows are no whole vec4s.
const AT_ONCE: usize = 1 << 20;

/// The step of a sum of rows; `inputs` are the integer inputs of the tables.
///
/// All tables stand in one buffer, int8 ones first: rows of `cols4` words there, four times as many in f32. Most of a text model's
/// weights are here, so they go to the device from where the file has them.
pub fn step(gpu: &Gpu, tables: &[Table], inputs: &[usize], cols: usize) -> Step {
    let cols4 = vec4s(cols);
    let (mut int8, mut floats) = (0, 0);
    let mut ids = Vec::new();
    for (table, &input) in tables.iter().zip(inputs) {
        let (count, entries) = match table {
            Table::I8 { scales, .. } => (&mut int8, scales.len()),
            Table::F32(numbers) => (&mut floats, numbers.len() / cols),
        };
        ids.push((input, *count as u32));
        *count += entries;
    }
    // Where the first f32 row stands: behind four int8 rows stands a whole one.
    let before = int8.div_ceil(4);
    let mut which = 0;
    let mut all_scales = Vec::with_capacity(int8);
    let buffer = room(gpu, (before + floats) * cols4 * 16);
    for (part, table) in tables.iter().enumerate() {
        match table {
            Table::I8 { rows, scales } => {
                write(gpu, &buffer, ids[part].1 as usize, rows.bytes(), (cols, cols4 * 4));
                all_scales.extend(scales);
            }
            Table::F32(numbers) => {
                which |= 1 << part;
                ids[part].1 += before as u32;
                write(gpu, &buffer, ids[part].1 as usize, &bytes(numbers), (cols * 4, cols4 * 16));
            }
        }
    }
    let source = Source {
        label: "embed",
        files: vec![wgsl!("embed.wgsl")],
        constants: vec![("FLOATS", which), ("PARTS", tables.len() as u32)],
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Read, Access::Read, Access::Write],
    };
    let bound = vec![Bound::Weight(buffer), Bound::Weight(weight(gpu, &bytes(&all_scales))), Bound::Input(Input::Ids(ids)), Bound::Out];
    Step::new(source, cols4.div_ceil(16) as u32, 4, vec![cols4 as u32], bound)
}

/// Writes rows of `width` bytes as rows of `wide`, zeros behind, from the row `at` on.
fn write(gpu: &Gpu, buffer: &wgpu::Buffer, at: usize, rows: &[u8], (width, wide): (usize, usize)) {
    if wide == width {
        return gpu.queue.write_buffer(buffer, (at * wide) as u64, rows);
    }
    let most = (AT_ONCE / wide).max(1);
    for (part, rows) in rows.chunks(most * width).enumerate() {
        let mut padded = vec![0; rows.len() / width * wide];
        padded.chunks_exact_mut(wide).zip(rows.chunks_exact(width)).for_each(|(to, from)| to[..width].copy_from_slice(from));
        gpu.queue.write_buffer(buffer, ((at + part * most) * wide) as u64, &padded);
    }
}
