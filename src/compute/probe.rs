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
use super::graph::{Activation, Batch, Graph, Mask, Op, PoolKind, Role, Value};
use crate::error::Result;
use crate::format::tensors::{DType, Part, TensorFile, write};
use crate::math::rng::Rng;

/// The items of the shapes: two vectors, two short batches, two long ones.
pub const SHAPES: [[&[u32]; 2]; 3] = [[&[1], &[2]], [&[7, 1, 30], &[18]], [&[60, 5, 36], &[81, 2]]];
/// How often each shape runs.
pub const REPEATS: usize = 3;
/// Largest difference allowed, relative to the largest number expected.
pub const TOLERANCE: f32 = 2e-4;

/// The variants of ops that a model's graph uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Variants {
    int8: bool,
    heads: usize,
    width: usize,
    mask: Mask,
    activation: Activation,
    pool: PoolKind,
    eps: f32,
}

impl Variants {
    /// Those of a graph with the weights of `file`.
    pub fn of(graph: &Graph, file: &TensorFile) -> Self {
        let mut found = Self { int8: false, heads: 2, width: 8, mask: Mask::None, activation: Activation::None, pool: PoolKind::Mean, eps: 1e-12 };
        for node in &graph.nodes {
            match &node.op {
                Op::Attention { heads, mask, .. } => (found.heads, found.width, found.mask) = ((*heads).min(3), node.shape.cols / heads, *mask),
                Op::Linear { activation, .. } if *activation != Activation::None => found.activation = *activation,
                Op::Pool { kind, .. } => found.pool = *kind,
                Op::LayerNorm { eps, .. } => found.eps = *eps,
                _ => {}
            }
        }
        let matrices = graph.weights.iter().filter(|w| w.role == Role::Matrix);
        found.int8 = matrices.filter_map(|w| file.get(&w.name).ok()).any(|tensor| tensor.dtype == DType::I8);
        found
    }

    /// A block of such a model: everything before the pooling, or to the end.
    ///
    /// # Errors
    /// None that is not a bug.
    pub fn graph(&self, file: &TensorFile, whole: bool) -> Result<Graph> {
        let dim = self.heads * self.width;
        let mut b = Builder::new(file);
        let (ids, places) = (b.id_input(0, ENTRIES), b.id_input(0, ENTRIES));
        let x = b.embed(dim, &[("words", ENTRIES, ids), ("places", ENTRIES, places)])?;
        let x = b.layer_norm(x, "norm", self.eps)?;
        let qkv = b.linear(x, &[("qkv", 3 * dim)], Activation::None, None)?;
        let attended = b.attention(qkv, self.heads, self.mask)?;
        let x = b.linear(attended, &[("out", dim)], Activation::None, Some(x))?;
        let wide = b.linear(x, &[("wide", 2 * dim)], self.activation, None)?;
        let x = b.linear(wide, &[("narrow", dim)], Activation::None, Some(x))?;
        if whole {
            let pooled: Value = b.pool(x, self.pool);
            b.normalize(pooled);
        }
        Ok(b.finish())
    }

    /// Weights of the block: as the device gets them, and the same numbers in f32.
    ///
    /// # Errors
    /// None that is not a bug.
    pub fn weights(&self) -> Result<(TensorFile, TensorFile)> {
        let dim = self.heads * self.width;
        let mut rng = Rng::new(7);
        let mut number = || rng.unit() as f32 * 2.0 - 1.0;
        let (mut packed, mut plain) = (Vec::new(), Vec::new());
        for (name, rows, cols) in [("words", ENTRIES, dim), ("places", ENTRIES, dim), ("qkv.weight", 3 * dim, dim), ("out.weight", dim, dim), ("wide.weight", 2 * dim, dim), ("narrow.weight", dim, 2 * dim)] {
            let q: Vec<i8> = (0..rows * cols).map(|_| (number() * 127.0) as i8).collect();
            let scales: Vec<f32> = (0..rows).map(|_| (1.5 + number()) / 127.0 / (cols as f32).sqrt()).collect();
            let apart: Vec<f32> = scales.iter().map(|s| s * 0.5).collect();
            let outliers: Vec<u32> = if name.ends_with("weight") && cols > 8 { vec![1, 2, cols as u32 - 1] } else { Vec::new() };
            let scale = |at: usize| if outliers.contains(&((at % cols) as u32)) { apart[at / cols] } else { scales[at / cols] };
            let numbers: Vec<f32> = q.iter().enumerate().map(|(at, &v)| f32::from(v) * scale(at)).collect();
            plain.push(Part::f32(name, &[rows, cols], &numbers));
            if !self.int8 {
                packed.push(Part::f32(name, &[rows, cols], &numbers));
                continue;
            }
            packed.extend([Part::i8(name, &[rows, cols], &q), Part::f32(format!("{name}.scale"), &[rows], &scales)]);
            if !outliers.is_empty() {
                packed.extend([Part::u32(format!("{name}.outliers"), &[outliers.len()], &outliers), Part::f32(format!("{name}.outliers.scale"), &[rows], &apart)]);
            }
        }
        for (name, n) in [("norm.weight", dim), ("norm.bias", dim), ("qkv.bias", 3 * dim), ("out.bias", dim), ("wide.bias", 2 * dim), ("narrow.bias", dim)] {
            let numbers: Vec<f32> = (0..n).map(|_| number()).collect();
            packed.push(Part::f32(name, &[n], &numbers));
            plain.push(Part::f32(name, &[n], &numbers));
        }
        let file = |parts: &[Part<'_>]| TensorFile::parse(write(parts, &BTreeMap::new())?, "the probe");
        Ok((file(&packed)?, file(&plain)?))
    }
}

/// Entries of the tables.
const ENTRIES: usize = 97;

/// The inputs of a shape.
pub fn batch(lens: &[u32]) -> Batch {
    let mut batch = Batch { items: lens.len(), offsets: vec![vec![0]], ids: vec![Vec::new(); 2], ..Default::default() };
    for len in lens {
        let start = batch.ids[0].len() as u32;
        batch.ids[0].extend((0..*len).map(|at| (start + at) * 31 % ENTRIES as u32));
        batch.ids[1].extend(0..*len);
        batch.offsets[0].push(start + len);
    }
    batch
}

/// Runs a shape [`REPEATS`] times by `run` and gives what is wrong with the answers, `None` where nothing is.
///
/// # Errors
/// What `run` fails with.
pub async fn compare<F: Future<Output = Result<Vec<f32>>>>(graph: &Graph, plain: &TensorFile, lens: &[u32], run: impl Fn(Batch) -> F) -> Result<Option<String>> {
    let batch = batch(lens);
    let expected = CpuModel::new(graph.clone(), plain, Isa::Portable)?.run(&batch, &mut Workspace::default())?;
    let scale = expected.iter().fold(1e-3f32, |most, v| most.max(v.abs()));
    for round in 0..REPEATS {
        let found = run(batch.clone()).await?;
        if found.len() != expected.len() {
            return Ok(Some(format!("{} numbers instead of {}", found.len(), expected.len())));
        }
        let off = found.iter().zip(&expected).map(|(f, e)| (f - e).abs() / scale).fold(0.0f32, |most, v| if v.is_nan() { f32::INFINITY } else { most.max(v) });
        if off > TOLERANCE {
            return Ok(Some(format!("off by {off:.1e} with {} rows in round {}", expected.len() / graph.shape(graph.output()).cols, round + 1)));
        }
    }
    Ok(None)
}
