//! `Op::Linear`: weights int8 or f32, dequantized in the shader, everything behind the product in the same dispatch.
//!
//! Activations stay f32, so the answer is nearer to the unquantized model than the CPU's, whose activations are 7-bit.

use super::activation::{ACTIVATIONS, number};
use super::device::Gpu;
use super::shader::{Access, Source};
use super::step::{Bound, Kernel, Step, bytes, interleaved, vec4s, weight, words};
use crate::compute::graph::{Activation, Value};
use crate::compute::weights::{Matrix, Numbers};

/// How a product is cut up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tiling {
    /// Registers only: a thread makes `rows` by `4 * cols4` outputs.
    Direct { rows: u32, cols4: u32 },
    /// Through shared memory: a workgroup makes `8 * rows` by `64 * cols4` outputs.
    Tiled { rows: u32, cols4: u32 },
}

/// The tilings in use, by the number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tilings {
    pub short: Tiling,
    pub long: Tiling,
}

impl std::fmt::Display for Tiling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Tiling::Direct { rows, cols4 } => write!(f, "direct {rows}x{}", 4 * cols4),
            Tiling::Tiled { rows, cols4 } => write!(f, "tiled {}x{}", 8 * rows, 64 * cols4),
        }
    }
}

impl std::fmt::Display for Tilings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} short, {} long", self.short, self.long)
    }
}

impl Tilings {
    /// What to begin with: shared memory pays on GPUs, where a processor plays one it is memory like any other.
    pub fn of(gpu: &Gpu) -> Self {
        let long = if gpu.adapter().software { Tiling::Direct { rows: 8, cols4: 2 } } else { Tiling::Tiled { rows: 8, cols4: 1 } };
        Self { short: Tiling::Direct { rows: 4, cols4: 2 }, long }
    }

    /// What is worth a try for long batches.
    pub const LONG: [Tiling; 5] = [
        Tiling::Direct { rows: 4, cols4: 2 },
        Tiling::Direct { rows: 8, cols4: 2 },
        Tiling::Tiled { rows: 4, cols4: 1 },
        Tiling::Tiled { rows: 8, cols4: 1 },
        Tiling::Tiled { rows: 8, cols4: 2 },
    ];
}

fn source(tiling: Option<Tiling>, dtype: u32, activation: Activation, residual: bool) -> Source {
    let (file, rows, cols4) = match tiling {
        None => (include_str!("linear_row.wgsl"), 1, 1),
        Some(Tiling::Direct { rows, cols4 }) => (include_str!("linear_direct.wgsl"), rows, cols4),
        Some(Tiling::Tiled { rows, cols4 }) => (include_str!("linear_tiled.wgsl"), rows, cols4),
    };
    let end = if residual { include_str!("linear_residual.wgsl") } else { include_str!("linear_plain.wgsl") };
    let mut bindings = vec![Access::Read, Access::Read, Access::Read, Access::Read, Access::Write];
    if residual {
        bindings.push(Access::Read);
    }
    Source {
        label: "linear",
        files: vec![ACTIVATIONS, include_str!("linear.wgsl"), end, file],
        constants: vec![("DTYPE", dtype), ("ACTIVATION", number(activation)), ("R", rows), ("C", cols4)],
        repeats: vec![("r", rows), ("c", cols4), ("j", 4)],
        bindings,
    }
}

fn kernel(tiling: Option<Tiling>, out4: u32, source: Source) -> Kernel {
    let (per_x, rows) = match tiling {
        None => (8, 1),
        Some(Tiling::Direct { rows, cols4 }) => (8 * cols4, 8 * rows),
        Some(Tiling::Tiled { rows, cols4 }) => (16 * cols4, 8 * rows),
    };
    Kernel::new(source, out4.div_ceil(per_x), rows)
}

/// The step of a product.
pub fn step(gpu: &Gpu, tilings: Tilings, matrix: &Matrix, x: Value, activation: Activation, residual: Option<Value>) -> Step {
    let (in4, out4) = (vec4s(matrix.k) as u32, vec4s(matrix.n) as u32);
    let dtype = match matrix.numbers {
        Numbers::I8 { .. } => 0,
        Numbers::F32(_) => 1,
    };
    let each = [None, Some(tilings.short), Some(tilings.long)];
    let kernels = each.map(|tiling| kernel(tiling, out4, source(tiling, dtype, activation, residual.is_some()))).into();
    let (blocks, columns, outliers) = layout(matrix);
    let outliers4 = if outliers.is_empty() { 0 } else { vec4s(outliers.len()) as u32 };
    let mut bound = vec![
        Bound::Value(x),
        Bound::Weight(weight(gpu, &blocks)),
        Bound::Weight(weight(gpu, &bytes(&columns))),
        Bound::Weight(weight(gpu, &words(&outliers))),
        Bound::Out,
    ];
    bound.extend(residual.map(Bound::Value));
    Step { kernels, bound, params: vec![in4, out4, outliers4] }
}

/// What the scales take off for a byte's place in its word.
const PLACES: [f32; 4] = [1.0, 1.0 / 256.0, 1.0 / 65_536.0, 1.0 / 16_777_216.0];

/// A matrix as `linear.wgsl` reads it: blocks, scales and biases, outlier inputs padded to a multiple of four.
fn layout(matrix: &Matrix) -> (Vec<u8>, Vec<f32>, Vec<u32>) {
    let Matrix { n, k, bias, numbers } = matrix;
    let (in4, out4) = (vec4s(*k), vec4s(*n));
    match numbers {
        Numbers::F32(w) => {
            let mut blocks = vec![0.0; in4 * out4 * 16];
            for (o, row) in w.chunks_exact(*k).enumerate() {
                for (i, &v) in row.iter().enumerate() {
                    blocks[((i / 4 * out4 + o / 4) * 4 + i % 4) * 4 + o % 4] = v;
                }
            }
            let ones = vec![1.0; *n];
            (bytes(&blocks), interleaved(&[&ones, bias, &[]], *n), Vec::new())
        }
        Numbers::I8 { q, scales, outliers, apart } => {
            let apart4 = vec4s(outliers.len());
            let mut blocks = [128u8, 128, 128, 0].repeat((in4 + apart4) * out4 * 4);
            for (o, row) in q.chunks_exact(*k).enumerate() {
                for (i, &v) in row.iter().enumerate() {
                    // An outlier's weight stands in the blocks behind, and here is a zero.
                    let at = outliers.binary_search(&(i as u32)).map_or(i, |which| in4 * 4 + which);
                    blocks[((at / 4 * out4 + o / 4) * 4 + at % 4) * 4 + o % 4] = v as u8 ^ if o % 4 < 3 { 128 } else { 0 };
                }
            }
            let mut columns = outliers.clone();
            columns.resize(apart4 * 4, 0);
            let placed = |scales: &[f32]| scales.iter().zip(PLACES.iter().cycle()).map(|(s, place)| s * place).collect::<Vec<f32>>();
            (blocks, interleaved(&[&placed(scales), bias, &placed(apart)], *n), columns)
        }
    }
}
