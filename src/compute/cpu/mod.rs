//! The CPU executor: one file an op, int8 products with kernels of our own, nothing padded.

pub mod attention;
pub mod embed;
pub mod isa;
pub mod layer_norm;
pub mod linear;
pub mod normalize;
pub mod pool;
pub mod tune;

use super::graph::{Batch, Graph, Op, Role, Rows, Value, Weight};
use super::plan::Plan;
use crate::error::{Error, Result};
use crate::format::tensors::{DType, Tensor, TensorFile};
use embed::Table;
use isa::Isa;
use linear::pack::{MAX_OUTLIERS, PackedF32, PackedI8};

/// A graph with its weights laid out for this processor. Runs share it; each brings its own [`Workspace`].
pub struct CpuModel {
    graph: Graph,
    plan: Plan,
    isa: Isa,
    ops: Vec<Prepared>,
}

/// The buffers of a run, kept from one to the next so that nothing is allocated in the steady state.
#[derive(Default)]
pub struct Workspace {
    buffers: Vec<Vec<f32>>,
    linear: linear::Scratch,
    attention: attention::Scratch,
}

/// What an op needs besides its inputs.
enum Prepared {
    Embed(Vec<Table>),
    LinearI8(PackedI8, Vec<f32>),
    LinearF32(PackedF32, Vec<f32>),
    LayerNorm { weight: Vec<f32>, bias: Vec<f32> },
    Nothing,
}

impl CpuModel {
    /// Reads and packs the weights of `graph` out of `file`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for weights that are missing, of a type no kernel reads, or not finite.
    pub fn new(graph: Graph, file: &TensorFile, isa: Isa) -> Result<Self> {
        let loader = Loader { graph: &graph, file };
        let ops = graph.nodes.iter().map(|node| loader.prepare(&node.op, isa)).collect::<Result<Vec<_>>>()?;
        let plan = Plan::new(&graph);
        Ok(Self { graph, plan, isa, ops })
    }

    /// The graph that runs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The instruction set that it was laid out for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Runs a batch; gives the rows of the graph's output.
    ///
    /// # Errors
    /// [`Error::Internal`] for a batch that does not fit the graph.
    pub fn run(&self, batch: &Batch, workspace: &mut Workspace) -> Result<Vec<f32>> {
        self.run_observed(batch, workspace, |_, _| ())
    }

    /// As [`CpuModel::run`]; `observe` sees every node's number and finished output.
    ///
    /// # Errors
    /// As [`CpuModel::run`].
    pub fn run_observed(&self, batch: &Batch, workspace: &mut Workspace, mut observe: impl FnMut(usize, &[f32])) -> Result<Vec<f32>> {
        self.graph.check(batch)?;
        workspace.buffers.resize(self.plan.holds.len().max(workspace.buffers.len()), Vec::new());
        for at in 0..self.graph.nodes.len() {
            // The output's buffer is taken out, so that the inputs' can be borrowed; they are never the same one.
            let slot = self.plan.buffer[at];
            let mut out = std::mem::take(&mut workspace.buffers[slot]);
            out.resize(self.graph.rows(Value(at), batch) * self.graph.nodes[at].shape.cols, 0.0);
            self.run_op(at, batch, workspace, &mut out)?;
            observe(at, &out);
            workspace.buffers[slot] = out;
        }
        Ok(workspace.buffers[self.plan.buffer[self.graph.output().0]].clone())
    }

    fn run_op(&self, at: usize, batch: &Batch, workspace: &mut Workspace, out: &mut [f32]) -> Result<()> {
        let node = &self.graph.nodes[at];
        let isa = self.isa;
        let Workspace { buffers, linear: linear_scratch, attention: attention_scratch } = workspace;
        let input = |v: Value| &buffers[self.plan.buffer[v.0]][..];
        match (&node.op, &self.ops[at]) {
            (Op::Embed { parts }, Prepared::Embed(tables)) => {
                let parts: Vec<_> = tables.iter().zip(parts).map(|(t, p)| (t, &batch.ids[p.1][..])).collect();
                embed::embed(isa, &parts, node.shape.cols, out);
            }
            (Op::Linear { x, activation, residual, .. }, Prepared::LinearI8(w, bias)) => {
                let epilogue = linear::Epilogue { bias, activation: *activation, residual: residual.map(input) };
                linear::linear_i8(input(*x), self.graph.rows(*x, batch), w, epilogue, out, linear_scratch);
            }
            (Op::Linear { x, activation, residual, .. }, Prepared::LinearF32(w, bias)) => {
                let epilogue = linear::Epilogue { bias, activation: *activation, residual: residual.map(input) };
                linear::linear_f32(isa, input(*x), self.graph.rows(*x, batch), w, epilogue, out);
            }
            (Op::LayerNorm { x, eps, .. }, Prepared::LayerNorm { weight, bias }) => {
                layer_norm::layer_norm(isa, input(*x), weight, bias, *eps, out);
            }
            (Op::Attention { x, heads }, _) => {
                let offsets = item_offsets(self.graph.shape(*x).rows, batch);
                let width = node.shape.cols / heads;
                attention::attention(isa, input(*x), &offsets, *heads, width, out, attention_scratch);
            }
            (Op::Pool { x, kind }, _) => {
                let offsets = item_offsets(self.graph.shape(*x).rows, batch);
                pool::pool(input(*x), &offsets, node.shape.cols, *kind, out);
            }
            (Op::Normalize { x }, _) => normalize::normalize(input(*x), node.shape.cols, out),
            (op, _) => return Err(Error::Internal(format!("op {} without its weights", op.stem()))),
        }
        Ok(())
    }
}

/// Row offsets of the items of a value.
fn item_offsets(rows: Rows, batch: &Batch) -> std::borrow::Cow<'_, [u32]> {
    match rows {
        Rows::Ragged(axis) => (&batch.offsets[axis][..]).into(),
        Rows::PerItem(n) => (0..=batch.items).map(|i| (i * n) as u32).collect::<Vec<_>>().into(),
    }
}

struct Loader<'a> {
    graph: &'a Graph,
    file: &'a TensorFile,
}

impl Loader<'_> {
    fn prepare(&self, op: &Op, isa: Isa) -> Result<Prepared> {
        Ok(match op {
            Op::Embed { parts } => Prepared::Embed(parts.iter().map(|&(w, _)| self.table(w)).collect::<Result<_>>()?),
            Op::Linear { parts, .. } => self.matrix(parts, isa)?,
            Op::LayerNorm { weight, bias, .. } => {
                Prepared::LayerNorm { weight: self.vector(*weight)?, bias: self.vector(*bias)? }
            }
            Op::Attention { .. } | Op::Pool { .. } | Op::Normalize { .. } => Prepared::Nothing,
        })
    }

    fn tensor(&self, weight: Weight, role: Role) -> Result<(&str, Tensor)> {
        let decl = &self.graph.weights[weight.0];
        if decl.role != role {
            return Err(Error::Internal(format!("weight {} is a {:?}, not a {role:?}", decl.name, decl.role)));
        }
        Ok((&decl.name, self.file.get(&decl.name)?))
    }

    fn vector(&self, weight: Weight) -> Result<Vec<f32>> {
        let (name, tensor) = self.tensor(weight, Role::Vector)?;
        finite(name, tensor.to_f32())
    }

    fn table(&self, weight: Weight) -> Result<Table> {
        let (name, tensor) = self.tensor(weight, Role::Table)?;
        Ok(match tensor.dtype {
            DType::I8 => Table::I8 { rows: signed(&tensor), scales: self.scales(name, tensor.shape[0])? },
            _ => Table::F32(finite(name, tensor.to_f32())?),
        })
    }

    fn scales(&self, name: &str, n: usize) -> Result<Vec<f32>> {
        let scales = self.file.f32s(&format!("{name}.scale"))?;
        if scales.len() != n {
            return Err(Error::corrupt("the model pack", format!("{name}.scale has {} numbers, expected {n}", scales.len())));
        }
        Ok(scales)
    }

    /// The outlier columns of stacked int8 matrices (they read the same inputs, so they share them) and their scales.
    fn outliers(&self, parts: &[(&str, Tensor)], k: usize) -> Result<(Vec<u32>, Vec<f32>)> {
        let bad = |name: &str, detail: String| Err(Error::corrupt("the model pack", format!("{name}.outliers {detail}")));
        let (mut all, mut scales) = (Vec::new(), Vec::new());
        for (at, (name, tensor)) in parts.iter().enumerate() {
            let columns = match self.file.contains(&format!("{name}.outliers")) {
                true => self.file.u32s(&format!("{name}.outliers"))?,
                false => Vec::new(),
            };
            if at > 0 && columns != all {
                return bad(name, "are other columns than its neighbor's".into());
            }
            let sorted = columns.windows(2).all(|pair| pair[0] < pair[1]);
            if columns.len() > MAX_OUTLIERS.min(k.saturating_sub(1)) || !sorted || columns.last().is_some_and(|&c| c as usize >= k) {
                return bad(name, format!("are {columns:?} of {k} columns"));
            }
            if !columns.is_empty() {
                scales.extend(self.scales(&format!("{name}.outliers"), tensor.shape[0])?);
            }
            all = columns;
        }
        Ok((all, scales))
    }

    /// The parts of a linear op stacked to one matrix.
    fn matrix(&self, parts: &[(Weight, Option<Weight>)], isa: Isa) -> Result<Prepared> {
        let k = self.graph.weights[parts[0].0.0].shape[1];
        let tensors = parts.iter().map(|&(w, _)| self.tensor(w, Role::Matrix)).collect::<Result<Vec<_>>>()?;
        let n = tensors.iter().map(|(_, t)| t.shape[0]).sum::<usize>();
        let mut bias = Vec::with_capacity(n.next_multiple_of(linear::TILE_COLS));
        for ((_, tensor), &(_, b)) in tensors.iter().zip(parts) {
            match b {
                Some(b) => bias.extend(self.vector(b)?),
                None => bias.resize(bias.len() + tensor.shape[0], 0.0),
            }
        }
        bias.resize(n.next_multiple_of(linear::TILE_COLS), 0.0);
        if tensors.iter().all(|(_, t)| t.dtype == DType::I8) {
            let (mut weights, mut scales) = (Vec::with_capacity(n * k), Vec::with_capacity(n));
            for (name, tensor) in &tensors {
                weights.extend(tensor.bytes().iter().map(|&b| b as i8));
                scales.extend(self.scales(name, tensor.shape[0])?);
            }
            let (columns, apart) = self.outliers(&tensors, k)?;
            return Ok(Prepared::LinearI8(PackedI8::with_outliers(isa, &weights, &scales, &columns, &apart, n, k), bias));
        }
        let mut weights = Vec::with_capacity(n * k);
        for (name, tensor) in &tensors {
            match tensor.dtype {
                DType::I8 => {
                    let scales = self.scales(name, tensor.shape[0])?;
                    let (columns, apart) = self.outliers(&[(name, tensor.clone())], k)?;
                    for (o, (row, scale)) in tensor.bytes().chunks_exact(k).zip(scales).enumerate() {
                        let start = weights.len();
                        weights.extend(row.iter().map(|&b| f32::from(b as i8) * scale));
                        for &c in &columns {
                            weights[start + c as usize] = f32::from(row[c as usize] as i8) * apart[o];
                        }
                    }
                }
                _ => weights.extend(finite(name, tensor.to_f32())?),
            }
        }
        Ok(Prepared::LinearF32(PackedF32::new(&weights, n, k), bias))
    }
}

fn signed(tensor: &Tensor) -> Vec<i8> {
    tensor.bytes().iter().map(|&b| b as i8).collect()
}

fn finite(name: &str, values: Vec<f32>) -> Result<Vec<f32>> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::corrupt("the model pack", format!("weight {name} holds {} at {at}", values[at]))),
        None => Ok(values),
    }
}
