//! `Op::Linear`: weights int8, int4, f16 or f32, dequantized in the shader, everything behind the product in the same dispatch.
//!
//! Activations stay f32, so the answer is nearer to the unquantized model than the CPU's, whose activations are 7-bit; with
//! [`Tiling::Dot`] they have eight bits, and a scale for 32 inputs, with [`Tiling::Half`] they are halves.

use super::activation::{ACTIVATIONS, number};
use super::device::{Extras, Gpu};
use super::shader::{Access, Source, wgsl};
use super::step::{Bound, Kernel, Length, Step, bytes, interleaved, vec4s, weight, words};
use crate::compute::graph::{Activation, Graph, Op, Value};
use crate::compute::int4;
use crate::compute::weights::{Matrix, Numbers};

/// How a product is cut up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tiling {
    /// Registers only: a thread makes `rows` by `4 * cols4` outputs.
    Direct { rows: u32, cols4: u32 },
    /// Through shared memory: a workgroup makes `8 * rows` by `64 * cols4` outputs.
    Tiled { rows: u32, cols4: u32 },
    /// As `Direct`, and the threads of a quad share what they read: for devices with subgroups.
    Quads { rows: u32, cols4: u32 },
    /// As `Tiled`, int8 by activations that become bytes: for devices that sum products of four bytes. Other weights are `Tiled`.
    Dot { rows: u32, cols4: u32 },
    /// As `Tiled`, int8 by activations that become halves: for devices with half precision. Other weights are `Tiled`.
    Half { rows: u32, cols4: u32 },
}

/// What an int8 product makes of its activations on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Floats,
    Halves,
    Bytes,
}

/// DTYPE of int8 weights in `linear.wgsl`.
const INT8: u32 = 0;

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
            Tiling::Quads { rows, cols4 } => write!(f, "quads {rows}x{}", 4 * cols4),
            Tiling::Dot { rows, cols4 } => write!(f, "dot {}x{}", 8 * rows, 64 * cols4),
            Tiling::Half { rows, cols4 } => write!(f, "half {}x{}", 8 * rows, 64 * cols4),
        }
    }
}

impl std::fmt::Display for Tilings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} short, {} long", self.short, self.long)
    }
}

impl Tiling {
    /// The least that a compiler can get wrong.
    pub const PLAIN: Tiling = Tiling::Direct { rows: 4, cols4: 1 };

    /// Whether a device has what this needs.
    pub fn fits(self, extras: Extras) -> bool {
        match self {
            Tiling::Direct { .. } | Tiling::Tiled { .. } => true,
            Tiling::Quads { .. } => extras.subgroups,
            Tiling::Dot { .. } => extras.dot4,
            Tiling::Half { .. } => extras.halves,
        }
    }
}

impl Tilings {
    /// These with another one for runs of `length`; products of vectors have no tiling.
    pub fn with(self, length: Length, tiling: Tiling) -> Self {
        match length {
            Length::Row => self,
            Length::Short => Self { short: tiling, ..self },
            Length::Long => Self { long: tiling, ..self },
        }
    }

    /// What to begin with: shared memory pays on GPUs, where a processor plays one it is memory like any other.
    pub fn of(gpu: &Gpu) -> Self {
        let quads = Tiling::Quads { rows: 6, cols4: 2 };
        match (gpu.adapter().software, gpu.extras().subgroups) {
            (true, true) => Self { short: quads, long: quads },
            (true, false) => Self { short: Tiling::Direct { rows: 4, cols4: 2 }, long: Tiling::Direct { rows: 8, cols4: 2 } },
            (false, _) => Self { short: Tiling::Direct { rows: 4, cols4: 2 }, long: Tiling::Tiled { rows: 8, cols4: 1 } },
        }
    }

    /// What is worth a try for short runs: more threads, or more of a product to a thread.
    pub const SHORT: [Tiling; 5] = [
        Tiling::Direct { rows: 4, cols4: 2 },
        Tiling::Direct { rows: 2, cols4: 1 },
        Tiling::Direct { rows: 4, cols4: 1 },
        Tiling::Tiled { rows: 4, cols4: 1 },
        Tiling::Quads { rows: 6, cols4: 2 },
    ];

    /// What is worth a try for long ones.
    pub const LONG: [Tiling; 8] = [
        Tiling::Direct { rows: 4, cols4: 2 },
        Tiling::Direct { rows: 8, cols4: 2 },
        Tiling::Tiled { rows: 4, cols4: 1 },
        Tiling::Tiled { rows: 8, cols4: 1 },
        Tiling::Tiled { rows: 8, cols4: 2 },
        Tiling::Quads { rows: 6, cols4: 2 },
        Tiling::Dot { rows: 8, cols4: 1 },
        Tiling::Half { rows: 8, cols4: 1 },
    ];

    /// What int8 products of runs of `length` make of activations.
    pub fn seen(self, length: Length) -> Seen {
        let tiling = match length {
            Length::Row => return Seen::Floats,
            Length::Short => self.short,
            Length::Long => self.long,
        };
        match tiling {
            Tiling::Direct { .. } | Tiling::Tiled { .. } | Tiling::Quads { .. } => Seen::Floats,
            Tiling::Half { .. } => Seen::Halves,
            Tiling::Dot { .. } => Seen::Bytes,
        }
    }

    /// Whether a device has what these need.
    pub fn fit(self, extras: Extras) -> bool {
        self.short.fits(extras) && self.long.fits(extras)
    }
}

fn source(tiling: Option<Tiling>, Variant { dtype, activation, swapped, .. }: Variant) -> Source {
    let x = wgsl!("linear_x.wgsl");
    let (x, file, rows, cols4) = match tiling {
        None => (x, wgsl!("linear_row.wgsl"), 1, 1),
        Some(Tiling::Direct { rows, cols4 }) => (x, wgsl!("linear_direct.wgsl"), rows, cols4),
        Some(Tiling::Dot { rows, cols4 }) if dtype == INT8 => (x, wgsl!("linear_dot.wgsl"), rows, cols4),
        Some(Tiling::Half { rows, cols4 }) if dtype == INT8 => (x, wgsl!("linear_half.wgsl"), rows, cols4),
        Some(Tiling::Tiled { rows, cols4 } | Tiling::Dot { rows, cols4 } | Tiling::Half { rows, cols4 }) => (x, wgsl!("linear_tiled.wgsl"), rows, cols4),
        Some(Tiling::Quads { rows, cols4 }) => ("", wgsl!("linear_quads.wgsl"), rows, cols4),
    };
    Source {
        label: "linear",
        files: vec![ACTIVATIONS, wgsl!("linear.wgsl"), x, file],
        constants: vec![("DTYPE", dtype), ("SWAPPED", u32::from(swapped)), ("GROUP4", int4::GROUP as u32 / 4), ("ACTIVATION", number(activation)), ("R", rows), ("C", cols4)],
        repeats: vec![("r", rows), ("c", cols4), ("j", 4)],
        bindings: vec![Access::Read, Access::Read, Access::Read, Access::Read, Access::Write, Access::Read],
    }
}

fn kernel(tiling: Option<Tiling>, out4: u32, source: Source) -> Kernel {
    let (per_x, rows) = match tiling {
        None => (8, 1),
        Some(Tiling::Direct { rows, cols4 }) => (8 * cols4, 8 * rows),
        Some(Tiling::Tiled { rows, cols4 } | Tiling::Dot { rows, cols4 } | Tiling::Half { rows, cols4 }) => (16 * cols4, 8 * rows),
        Some(Tiling::Quads { rows, cols4 }) => (8 * cols4, rows),
    };
    Kernel::new(source, out4.div_ceil(per_x), rows)
}

/// What the kernels of a product depend on, beside the tilings.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    out4: u32,
    dtype: u32,
    activation: Activation,
    /// Whether int8 blocks stand as quads take them.
    swapped: bool,
}

impl Variant {
    /// A kernel for each length of a run.
    pub fn kernels(&self, tilings: Tilings) -> Vec<Kernel> {
        let each = [None, Some(tilings.short), Some(tilings.long)];
        each.into_iter().map(|tiling| kernel(tiling, self.out4, source(tiling, *self))).collect()
    }
}

/// The activation that products without one share their kernels with: compiling is most of what a first call takes.
fn usual(graph: &Graph) -> Activation {
    let of = |op: &Op| match op {
        Op::Linear { activation, .. } if *activation != Activation::None => Some(*activation),
        _ => None,
    };
    graph.nodes.iter().find_map(|node| of(&node.op)).unwrap_or(Activation::None)
}

/// The step of a product of `graph`.
pub fn step(gpu: &Gpu, tilings: Tilings, graph: &Graph, matrix: &Matrix, x: Value, activation: Activation, residual: Option<Value>) -> Step {
    let (in4, out4) = (vec4s(matrix.k) as u32, vec4s(matrix.n) as u32);
    let dtype = match matrix.numbers {
        Numbers::I8 { .. } => INT8,
        Numbers::F32(_) => 1,
        Numbers::I4 { .. } => 2,
        Numbers::F16(_) => 3,
    };
    let activated = activation != Activation::None;
    // Where quads are what a device begins with; elsewhere they do it themselves, rather than that all others undo it.
    let swapped = gpu.adapter().software && gpu.extras().subgroups;
    let variant = Variant { out4, dtype, activation: if activated { activation } else { usual(graph) }, swapped };
    let Layout { blocks, columns, outliers, outliers4 } = layout(matrix, swapped);
    let bound = vec![
        Bound::Value(x),
        Bound::Weight(weight(gpu, &blocks)),
        Bound::Weight(weight(gpu, &bytes(&columns))),
        Bound::Weight(weight(gpu, &words(&outliers))),
        Bound::Out,
        Bound::Value(residual.unwrap_or(x)),
    ];
    Step { kernels: variant.kernels(tilings), product: Some(variant), bound, params: vec![in4, out4, outliers4, u32::from(residual.is_some()), u32::from(activated)] }
}

/// What the scales take off for a byte's place in its word.
const PLACES: [f32; 4] = [1.0, 1.0 / 256.0, 1.0 / 65_536.0, 1.0 / 16_777_216.0];

/// A matrix as `linear.wgsl` reads it.
struct Layout {
    /// Blocks of 4 inputs by 4 outputs, `[in / 4][out / 4]`, four more rows of them for the outliers.
    blocks: Vec<u8>,
    /// Scales, biases and the outliers' scales.
    columns: Vec<f32>,
    /// Outlier inputs, padded to a multiple of four; behind them int8 has a bit for each input that is none.
    outliers: Vec<u32>,
    /// vec4s of outliers.
    outliers4: u32,
}

fn layout(matrix: &Matrix, swapped: bool) -> Layout {
    // Which bits of an input's place those of its output change.
    let turned = if swapped { 3 } else { 0 };
    let Matrix { n, k, bias, numbers } = matrix;
    let (in4, out4) = (vec4s(*k), vec4s(*n));
    let ones = vec![1.0; *n];
    let plain = |blocks| Layout { blocks, columns: interleaved(&[&ones, bias, &[]], *n), outliers: Vec::new(), outliers4: 0 };
    // Where input i of output o stands, in numbers.
    let place = |i: usize, o: usize| ((i / 4 * out4 + o / 4) * 4 + i % 4) * 4 + o % 4;
    match numbers {
        Numbers::F32(w) => {
            let mut blocks = vec![0.0; in4 * out4 * 16];
            for (o, row) in w.chunks_exact(*k).enumerate() {
                row.iter().enumerate().for_each(|(i, &v)| blocks[place(i, o)] = v);
            }
            plain(bytes(&blocks))
        }
        Numbers::F16(w) => {
            let mut blocks = vec![0u16; in4 * out4 * 16];
            for (o, row) in w.chunks_exact(*k).enumerate() {
                row.iter().enumerate().for_each(|(i, &v)| blocks[place(i, o)] = v);
            }
            plain(blocks.iter().flat_map(|half| half.to_le_bytes()).collect())
        }
        Numbers::I4 { q, scales, outliers, wide, apart } => {
            let mut blocks = layout4(q, scales, *n, *k);
            let mut behind = zeros8(vec4s(outliers.len()) * out4);
            for (o, row) in wide.chunks_exact(outliers.len().max(1)).enumerate() {
                row.iter().enumerate().for_each(|(which, &v)| behind[place(which, o)] = byte(v, o));
            }
            blocks.extend(behind);
            Layout { blocks, columns: interleaved(&[&ones, bias, &placed(apart)], *n), outliers: whole4(outliers), outliers4: vec4s(outliers.len()) as u32 }
        }
        Numbers::I8 { q, scales, outliers, apart } => {
            let mut blocks = zeros8((in4 + vec4s(outliers.len())) * out4);
            for (o, row) in q.chunks_exact(*k).enumerate() {
                for (i, &v) in row.iter().enumerate() {
                    // An outlier's weight stands in the blocks behind, and here is a zero.
                    let at = outliers.binary_search(&(i as u32)).map_or(i, |which| in4 * 4 + which);
                    blocks[place(at ^ ((o / 4) & turned), o)] = byte(v, o);
                }
            }
            Layout { blocks, columns: interleaved(&[&placed(scales), bias, &placed(apart)], *n), outliers: [whole4(outliers), others(outliers, *k)].concat(), outliers4: vec4s(outliers.len()) as u32 }
        }
    }
}

/// Int8 blocks of zeros.
fn zeros8(blocks: usize) -> Vec<u8> {
    [128u8, 128, 128, 0].repeat(blocks * 4)
}

/// An int8 weight of output `o` as the shader reads it.
fn byte(v: i8, o: usize) -> u8 {
    v as u8 ^ if o % 4 < 3 { 128 } else { 0 }
}

/// Scales of int8 weights with what their places take off.
fn placed(scales: &[f32]) -> Vec<f32> {
    scales.iter().zip(PLACES.iter().cycle()).map(|(scale, place)| scale * place).collect()
}

/// Columns padded to a multiple of four.
fn whole4(columns: &[u32]) -> Vec<u32> {
    let mut whole = columns.to_vec();
    whole.resize(columns.len().next_multiple_of(4), 0);
    whole
}

/// A bit for each of `k` inputs, one where it is no outlier.
fn others(outliers: &[u32], k: usize) -> Vec<u32> {
    let mut words = vec![u32::MAX; k.div_ceil(32).next_multiple_of(4)];
    outliers.iter().for_each(|&input| words[input as usize / 32] &= !(1 << (input % 32)));
    words
}

/// Four-bit blocks, each of two words (inputs 0 and 1, inputs 2 and 3; four outputs each), and behind all of them the scales
/// of the groups, `[groups][out / 4]` of two words of halves; whole vec4s of both, as outliers' int8 blocks follow.
fn layout4(q: &[i8], scales: &[u16], n: usize, k: usize) -> Vec<u8> {
    let (in4, out4, groups) = (vec4s(k), vec4s(n), int4::groups(k));
    // Zero in every place: 8 in seven of them, and the last one has its own sign.
    let mut blocks = vec![0x0888_8888u32; in4 * out4 * 2];
    for (o, row) in q.chunks_exact(k).enumerate() {
        for (i, &v) in row.iter().enumerate() {
            let shift = (i % 2 * 16 + o % 4 * 4) as u32;
            let word = &mut blocks[(i / 4 * out4 + o / 4) * 2 + i % 4 / 2];
            let bits = if shift == 28 { v as u32 & 15 } else { (v + 8) as u32 };
            *word = *word & !(15 << shift) | bits << shift;
        }
    }
    let mut halves = vec![0u16; groups * out4 * 4];
    for (o, row) in scales.chunks_exact(groups).enumerate() {
        row.iter().enumerate().for_each(|(group, &scale)| halves[(group * out4 + o / 4) * 4 + o % 4] = scale);
    }
    blocks.resize(blocks.len().next_multiple_of(4), 0);
    halves.resize(halves.len().next_multiple_of(8), 0);
    words(&blocks).into_iter().chain(halves.iter().flat_map(|half| half.to_le_bytes())).collect()
}
