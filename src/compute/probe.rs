//! Is this device right? A small graph of the variants that a model uses, with known numbers, on the device and in plain
//! loops.
//!
//! Drivers give wrong answers without any error (transformers.js issues 1512 and 1728), some only from the second run on
//! (LiteRT 8065). So two shapes of each length run three times each, and every number is compared, before the first run of
//! that length. The expected answers are made on the spot by the portable CPU executor in f32, which needs no device to be
//! right.

use std::collections::BTreeMap;
use std::future::Future;

use super::builder::Builder;
use super::cpu::isa::Isa;
use super::cpu::{CpuModel, Workspace};
use super::graph::{Activation, Batch, Graph, Mask, Op, PoolKind, Role, Value, Window};
use super::int4;
use super::weights::put_back;
use crate::error::Result;
use crate::format::tensors::{DType, Part, TensorFile, f16_to_f32, write};
use crate::math::rng::Rng;

/// What a run of the probe gets: texts of so many tokens each, or as many pictures, `side` positions wide and high where
/// they leave the convolutions.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub lens: &'static [u32],
    pub side: usize,
}

/// Two vectors, two short batches, two long ones.
pub const SHAPES: [[Shape; 2]; 3] = [
    [Shape { lens: &[1], side: 1 }, Shape { lens: &[2], side: 1 }],
    [Shape { lens: &[7, 1, 30], side: 4 }, Shape { lens: &[18], side: 5 }],
    [Shape { lens: &[60, 5, 36], side: 6 }, Shape { lens: &[81, 2], side: 7 }],
];
/// How often each shape runs.
pub const REPEATS: usize = 3;
/// Largest difference allowed, relative to the largest number expected.
pub const TOLERANCE: f32 = 2e-4;
/// The same where activations become bytes on the way.
pub const BYTES_TOLERANCE: f32 = 5e-2;
/// And where they become halves.
pub const HALVES_TOLERANCE: f32 = 1e-2;

/// The variants of ops that a model's graph uses, each once.
#[derive(Debug, Clone, PartialEq)]
pub struct Variants {
    /// Types of the matrices.
    dtypes: Vec<DType>,
    /// Numbers at the front and not tokens, so many a row.
    floats: Option<usize>,
    /// Kernels and strides, small ones in place of large ones.
    unfolds: Vec<(usize, usize)>,
    depthwise: Vec<(usize, usize, Activation)>,
    /// How many learned rows stand in front.
    positions: Option<usize>,
    attention: Option<(usize, usize)>,
    /// Who sees whom, and whether scores have a bias.
    masks: Vec<(Mask, bool)>,
    activations: Vec<Activation>,
    eps: Option<f32>,
    attention_pool: bool,
    lstm: bool,
    pools: Vec<PoolKind>,
    normalize: bool,
}

/// Width of the rows where no attention says it.
const WIDTH: usize = 24;
/// Largest window and stride of a probe: what is wrong with large ones is wrong with small ones.
const KERNEL: usize = 3;
const STRIDE: usize = 2;
/// Side of the tiles of attention.
const TILE: usize = 3;

impl Variants {
    /// Those of a graph with the weights of `file`.
    pub fn of(graph: &Graph, file: &TensorFile) -> Self {
        let mut dtypes = Vec::new();
        for weight in graph.weights.iter().filter(|w| w.role == Role::Matrix) {
            let dtype = file.get(&weight.name).map_or(DType::F32, |tensor| tensor.dtype);
            once(&mut dtypes, if matches!(dtype, DType::I8 | DType::U8 | DType::F16) { dtype } else { DType::F32 });
        }
        if dtypes.is_empty() {
            dtypes.push(DType::F32);
        }
        let mut found = Self {
            dtypes,
            floats: None,
            unfolds: Vec::new(),
            depthwise: Vec::new(),
            positions: None,
            attention: None,
            masks: Vec::new(),
            activations: Vec::new(),
            eps: None,
            attention_pool: false,
            lstm: false,
            pools: Vec::new(),
            normalize: false,
        };
        let small = |window: &Window| (window.kernel.min(KERNEL), window.stride.min(STRIDE));
        for node in &graph.nodes {
            // Every op stands here by name: one that the probe does not know would be trusted without a question.
            match &node.op {
                Op::Input { .. } => found.floats = Some(node.shape.cols.min(WIDTH)),
                Op::Embed { .. } => {}
                Op::Linear { activation: Activation::None, .. } => {}
                Op::Linear { activation, .. } => once(&mut found.activations, *activation),
                Op::LayerNorm { eps, .. } => found.eps = Some(*eps),
                Op::Attention { heads, mask, bias, .. } => {
                    found.attention = Some(((*heads).min(3), node.shape.cols / heads));
                    once(&mut found.masks, (small_tiles(*mask, 0), bias.is_some()));
                }
                Op::AttentionPool { .. } => found.attention_pool = true,
                Op::Lstm { .. } => found.lstm = true,
                Op::Unfold { window, .. } => once(&mut found.unfolds, small(window)),
                Op::Depthwise { window, activation, .. } => {
                    let (kernel, stride) = small(window);
                    once(&mut found.depthwise, (kernel, stride, *activation));
                }
                Op::Positions { first, .. } => found.positions = Some(first.map_or(0, |first| graph.weights[first.0].shape[0])),
                Op::Pool { kind, .. } => once(&mut found.pools, *kind),
                Op::Normalize { .. } => found.normalize = true,
            }
        }
        found
    }

    fn dim(&self) -> usize {
        self.attention.map_or(WIDTH, |(heads, width)| heads * width)
    }

    /// Width and height of the pictures that come out `side` wide and high.
    fn side(&self, side: usize) -> usize {
        let strides = self.unfolds.iter().map(|u| u.1).chain(self.depthwise.iter().map(|d| d.1));
        strides.product::<usize>() * side
    }

    /// A small model of these ops: everything before the pooling, or to the end.
    ///
    /// # Errors
    /// None that is not a bug.
    pub fn graph(&self, file: &TensorFile, whole: bool, side: usize) -> Result<Graph> {
        let dim = self.dim();
        let mut b = Builder::new(file);
        let mut x = match self.floats {
            Some(cols) => self.front(&mut b, cols, self.side(side))?,
            None => {
                let (ids, places) = (b.id_input(0, ENTRIES), b.id_input(0, ENTRIES));
                b.embed(dim, &[("words", ENTRIES, ids), ("places", ENTRIES, places)])?
            }
        };
        if let Some(first) = self.positions {
            x = b.positions(x, (first > 0).then_some(("first", first)), "table")?;
        }
        if let Some(eps) = self.eps {
            x = b.layer_norm(x, "norm", eps)?;
        }
        for (at, &(mask, biased)) in self.masks.iter().enumerate() {
            let heads = self.attention.map_or(1, |a| a.0);
            let qkv = b.linear(x, &[("qkv", 3 * dim)], Activation::None, None)?;
            let bias = biased.then(|| format!("bias{at}"));
            let attended = b.attention(qkv, heads, small_tiles(mask, side), bias.as_deref())?;
            x = b.linear(attended, &[("out", dim)], Activation::None, Some(x))?;
        }
        for (at, &activation) in self.activations.iter().enumerate() {
            let wide = b.linear(x, &[(&format!("wide{at}"), 2 * dim)], activation, None)?;
            x = b.linear(wide, &[(&format!("narrow{at}"), dim)], Activation::None, Some(x))?;
        }
        if self.lstm {
            let gates = b.linear(x, &[("gates", 4 * dim)], Activation::None, None)?;
            x = b.lstm(gates, "recurrent")?;
        }
        if whole {
            if self.attention_pool {
                let keys = b.linear(x, &[("keys", 2 * dim)], Activation::None, None)?;
                x = b.attention_pool(keys, "query", self.attention.map_or(1, |a| a.0))?;
            }
            for &kind in &self.pools {
                x = b.pool(x, kind);
            }
            if self.normalize {
                b.normalize(x);
            }
        }
        Ok(b.finish())
    }

    /// Numbers through the convolutions, `dim` to a row.
    fn front(&self, b: &mut Builder<'_>, cols: usize, mut side: usize) -> Result<Value> {
        let mut x = b.float_input(side * side, cols);
        for (at, &(kernel, stride)) in self.unfolds.iter().enumerate() {
            let window = Window::same(side, side, kernel, stride);
            side = window.out_height;
            x = b.unfold(x, window)?;
            x = b.linear(x, &[(&format!("conv{at}"), self.dim())], Activation::None, None)?;
        }
        if self.unfolds.is_empty() {
            x = b.linear(x, &[("conv", self.dim())], Activation::None, None)?;
        }
        for (at, &(kernel, stride, activation)) in self.depthwise.iter().enumerate() {
            let window = Window::same(side, side, kernel, stride);
            side = window.out_height;
            x = b.depthwise(x, window, &format!("depthwise{at}"), activation)?;
        }
        Ok(x)
    }

    /// The shapes `[rows, cols]` of the weights that [`Variants::graph`] declares, and what they are for.
    fn shapes(&self, side: usize) -> Vec<(String, usize, usize, Role)> {
        let dim = self.dim();
        let mut shapes: Vec<(String, usize, usize, Role)> = Vec::new();
        let linear = |shapes: &mut Vec<_>, name: &str, out: usize, cols: usize| {
            shapes.extend([(format!("{name}.weight"), out, cols, Role::Matrix), (format!("{name}.bias"), 1, out, Role::Vector)]);
        };
        if let Some(cols) = self.floats {
            if self.unfolds.is_empty() {
                linear(&mut shapes, "conv", dim, cols);
            }
            for (at, (kernel, _)) in self.unfolds.iter().enumerate() {
                let channels = if at == 0 { cols } else { dim };
                linear(&mut shapes, &format!("conv{at}"), dim, kernel * kernel * channels);
            }
            for (at, (kernel, _, _)) in self.depthwise.iter().enumerate() {
                shapes.extend([(format!("depthwise{at}.weight"), kernel * kernel, dim, Role::Rows), (format!("depthwise{at}.bias"), 1, dim, Role::Vector)]);
            }
        } else {
            shapes.extend(["words", "places"].map(|name| (name.to_owned(), ENTRIES, dim, Role::Table)));
        }
        if let Some(first) = self.positions {
            shapes.extend([("first".to_owned(), first, dim, Role::Rows), ("table".to_owned(), first + side * side, dim, Role::Rows)]);
        }
        shapes.extend(["norm.weight", "norm.bias"].map(|name| (name.to_owned(), 1, dim, Role::Vector)));
        linear(&mut shapes, "qkv", 3 * dim, dim);
        linear(&mut shapes, "out", dim, dim);
        for (at, (mask, biased)) in self.masks.iter().enumerate() {
            let entries = if matches!(mask, Mask::Tiles { .. }) { (2 * TILE - 1) * (2 * TILE - 1) } else { ENTRIES };
            shapes.extend(biased.then(|| (format!("bias{at}"), entries, self.attention.map_or(1, |a| a.0), Role::Rows)));
        }
        for at in 0..self.activations.len() {
            linear(&mut shapes, &format!("wide{at}"), 2 * dim, dim);
            linear(&mut shapes, &format!("narrow{at}"), dim, 2 * dim);
        }
        if self.lstm {
            linear(&mut shapes, "gates", 4 * dim, dim);
            shapes.push(("recurrent.weight".to_owned(), 4 * dim, dim, Role::Table));
        }
        linear(&mut shapes, "keys", 2 * dim, dim);
        shapes.push(("query".to_owned(), 1, dim, Role::Rows));
        shapes.retain(|shape| shape.1 > 0);
        shapes
    }

    /// The types of its matrices.
    pub fn dtypes(&self) -> &[DType] {
        &self.dtypes
    }

    /// Weights of the model for pictures of such a side: as the device gets them, and the same numbers in f32.
    ///
    /// # Errors
    /// None that is not a bug.
    pub fn weights(&self, side: usize, dtype: DType) -> Result<(TensorFile, TensorFile)> {
        let mut rng = Rng::new(7);
        let mut number = || rng.unit() as f32 * 2.0 - 1.0;
        let (mut packed, mut plain) = (Vec::new(), Vec::new());
        for (name, rows, cols, role) in self.shapes(side) {
            if matches!(role, Role::Vector | Role::Rows) {
                let numbers: Vec<f32> = (0..rows * cols).map(|_| number()).collect();
                let shape = if role == Role::Vector { vec![cols] } else { vec![rows, cols] };
                packed.push(Part::f32(name.clone(), &shape, &numbers));
                plain.push(Part::f32(name, &shape, &numbers));
                continue;
            }
            if dtype == DType::F16 && role == Role::Matrix {
                let halves: Vec<u16> = (0..rows * cols).map(|_| HALVES[(number() * 2.0 + 2.0) as usize % HALVES.len()]).collect();
                let numbers: Vec<f32> = halves.iter().map(|&half| f16_to_f32(half)).collect();
                packed.push(Part::f16(name.clone(), &[rows, cols], &halves));
                plain.push(Part::f32(name, &[rows, cols], &numbers));
                continue;
            }
            if dtype == DType::U8 && role == Role::Matrix {
                let outlying = |at: usize| cols > 8 && [1, cols - 1].contains(&(at % cols));
                let q: Vec<i8> = (0..rows * cols).map(|at| if outlying(at) { 0 } else { (number() * 8.0).floor() as i8 }).collect();
                let halves: Vec<u16> = (0..rows * int4::groups(cols)).map(|_| HALVES[(number() * 2.0 + 2.0) as usize % HALVES.len()]).collect();
                let scales: Vec<f32> = halves.iter().map(|&half| f16_to_f32(half)).collect();
                let bytes = int4::pack(&q, cols).into();
                packed.push(Part { name: name.clone(), dtype, shape: vec![rows, cols.div_ceil(2)], bytes });
                packed.push(Part::f16(format!("{name}.scale"), &[rows, int4::groups(cols)], &halves));
                let mut numbers = int4::numbers(&q, &scales, cols);
                if cols > 8 {
                    let (outliers, apart) = ([1u32, cols as u32 - 1], vec![0.001f32; rows]);
                    let wide: Vec<i8> = (0..rows * 2).map(|_| (number() * 127.0) as i8).collect();
                    put_back(&mut numbers, cols, &outliers, &wide, &apart);
                    packed.extend([
                        Part::u32(format!("{name}.outliers"), &[2], &outliers),
                        Part::i8(format!("{name}.outliers.weight"), &[rows, 2], &wide),
                        Part::f32(format!("{name}.outliers.scale"), &[rows], &apart),
                    ]);
                }
                plain.push(Part::f32(name, &[rows, cols], &numbers));
                continue;
            }
            let (parts, numbers) = int8(&name, rows, cols, role == Role::Matrix && cols > 8, &mut number);
            // A model may have small tables in f32 beside those in int8.
            if matches!(dtype, DType::I8 | DType::U8) && name != "places" {
                packed.extend(parts);
            } else {
                packed.push(Part::f32(name.clone(), &[rows, cols], &numbers));
            }
            plain.push(Part::f32(name, &[rows, cols], &numbers));
        }
        Ok((file(&packed)?, file(&plain)?))
    }

    /// The inputs of a shape.
    pub fn batch(&self, shape: Shape) -> Batch {
        let items = shape.lens.len();
        if let Some(cols) = self.floats {
            let mut rng = Rng::new(11);
            let numbers = items * self.side(shape.side).pow(2) * cols;
            return Batch { items, floats: vec![(0..numbers).map(|_| rng.unit() as f32 * 2.0 - 1.0).collect()], ..Batch::default() };
        }
        let mut batch = Batch { items, offsets: vec![vec![0]], ids: vec![Vec::new(); 2], ..Batch::default() };
        for len in shape.lens {
            let start = batch.ids[0].len() as u32;
            batch.ids[0].extend((0..*len).map(|at| (start + at) * 31 % ENTRIES as u32));
            batch.ids[1].extend(0..*len);
            batch.offsets[0].push(start + len);
        }
        batch
    }
}

/// Int8 weights `[rows, cols]` as a file has them, and the same numbers in f32.
pub(super) fn int8(name: &str, rows: usize, cols: usize, with_outliers: bool, number: &mut impl FnMut() -> f32) -> (Vec<Part<'static>>, Vec<f32>) {
    let q: Vec<i8> = (0..rows * cols).map(|_| (number() * 127.0) as i8).collect();
    let scales: Vec<f32> = (0..rows).map(|_| (1.5 + number()) / 127.0 / (cols as f32).sqrt()).collect();
    let apart: Vec<f32> = scales.iter().map(|s| s * 0.5).collect();
    let outliers: Vec<u32> = if with_outliers { vec![1, 2, cols as u32 - 1] } else { Vec::new() };
    let scale = |at: usize| if outliers.contains(&((at % cols) as u32)) { apart[at / cols] } else { scales[at / cols] };
    let numbers: Vec<f32> = q.iter().enumerate().map(|(at, &v)| f32::from(v) * scale(at)).collect();
    let mut parts = vec![Part::i8(name.to_owned(), &[rows, cols], &q), Part::f32(format!("{name}.scale"), &[rows], &scales)];
    if with_outliers {
        parts.extend([Part::u32(format!("{name}.outliers"), &[outliers.len()], &outliers), Part::f32(format!("{name}.outliers.scale"), &[rows], &apart)]);
    }
    (parts, numbers)
}

pub(super) fn file(parts: &[Part<'_>]) -> Result<TensorFile> {
    TensorFile::parse(write(parts, &BTreeMap::new())?, "the probe")
}

/// Half-precision numbers: 1/8, -1/16, 3/32, -0.0999755859375.
const HALVES: [u16; 4] = [0x3000, 0xac00, 0x2e00, 0xae66];
/// Entries of the tables.
const ENTRIES: usize = 97;

/// Tiles as the probe has them, of an image `width` wide.
fn small_tiles(mask: Mask, width: usize) -> Mask {
    match mask {
        Mask::Tiles { cut, .. } => Mask::Tiles { width, side: TILE, cut: cut.min(1) },
        other => other,
    }
}

/// Adds what is not there yet.
fn once<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// Runs a batch [`REPEATS`] times by `run` and gives what is wrong with the answers, `None` where nothing is: what is off by
/// more than `tolerance`.
///
/// # Errors
/// What `run` fails with.
pub async fn compare<F: Future<Output = Result<Vec<f32>>>>(graph: &Graph, plain: &TensorFile, batch: &Batch, tolerance: f32, run: impl Fn(Batch) -> F) -> Result<Option<String>> {
    let expected = CpuModel::new(graph.clone(), plain, Isa::plain())?.run(batch, &mut Workspace::default())?;
    let scale = expected.iter().fold(1e-3f32, |most, v| most.max(v.abs()));
    for round in 0..REPEATS {
        let found = run(batch.clone()).await?;
        if found.len() != expected.len() {
            return Ok(Some(format!("{} numbers instead of {}", found.len(), expected.len())));
        }
        let off = found.iter().zip(&expected).map(|(f, e)| (f - e).abs() / scale).fold(0.0f32, |most, v| if v.is_nan() { f32::INFINITY } else { most.max(v) });
        if off > tolerance {
            return Ok(Some(format!("off by {off:.1e} with {} rows in round {}", expected.len() / graph.shape(graph.output()).cols, round + 1)));
        }
    }
    Ok(None)
}
