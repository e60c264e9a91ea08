//! The CPU executor: one file an op, int8 products with kernels of our own, nothing padded.

pub mod activation;
pub mod attention;
pub mod attention_pool;
pub mod depthwise;
pub mod embed;
pub mod input;
pub mod isa;
pub mod layer_norm;
pub mod linear;
mod load;
pub mod lstm;
pub mod normalize;
pub mod pool;
pub mod positions;
pub mod tune;
pub mod unfold;

use std::sync::{Mutex, PoisonError};

use super::graph::{Batch, Graph, Op, Value};
use super::plan::Plan;
use super::weights::{Table, Weights};
use crate::error::{Error, Result};
use crate::format::tensors::TensorFile;
use isa::Isa;
use linear::pack::{PackedF32, PackedI8};
use load::Loader;

/// A graph with its weights laid out for this processor. Runs share it; each brings its own [`Workspace`].
pub struct CpuModel {
    graph: Graph,
    plan: Plan,
    isa: Isa,
    ops: Vec<Prepared>,
    /// Workspaces of [`CpuModel::run_shared`] that are free.
    workspaces: Mutex<Vec<Workspace>>,
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
    Depthwise { taps: Vec<f32>, bias: Vec<f32> },
    Positions { first: Vec<f32>, table: Vec<f32> },
    Query(Vec<f32>),
    Lstm(lstm::Recurrence),
    /// `[heads, entries]`.
    Bias(Vec<f32>),
    Nothing,
}

impl CpuModel {
    /// Reads and packs the weights of `graph` out of `file`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for weights that are missing, of a type no kernel reads, or not finite.
    pub fn new(graph: Graph, file: &TensorFile, isa: Isa) -> Result<Self> {
        let loader = Loader { weights: Weights { graph: &graph, file } };
        let ops = graph.nodes.iter().map(|node| loader.prepare(&node.op, isa)).collect::<Result<Vec<_>>>()?;
        let plan = Plan::new(&graph);
        Ok(Self { graph, plan, isa, ops, workspaces: Mutex::default() })
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

    /// As [`CpuModel::run`], in a workspace of the model's own; threads that run at the same time take one each.
    ///
    /// # Errors
    /// As [`CpuModel::run`].
    pub fn run_shared(&self, batch: &Batch) -> Result<Vec<f32>> {
        // A poisoned pool only means that another thread panicked: workspaces hold no state between runs.
        let mut workspace = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let output = self.run(batch, &mut workspace);
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
        output
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
            let numbers = self.numbers(Value(at), batch);
            // A buffer never becomes shorter: values of other lengths share it, and growing again would fill it with zeros each time.
            out.resize(out.len().max(numbers), 0.0);
            self.run_op(at, batch, workspace, &mut out[..numbers])?;
            observe(at, &out[..numbers]);
            workspace.buffers[slot] = out;
        }
        let output = self.graph.output();
        Ok(workspace.buffers[self.plan.buffer[output.0]][..self.numbers(output, batch)].to_vec())
    }

    /// Numbers of a value in a batch.
    fn numbers(&self, value: Value, batch: &Batch) -> usize {
        self.graph.rows(value, batch) * self.graph.shape(value).cols
    }

    fn run_op(&self, at: usize, batch: &Batch, workspace: &mut Workspace, out: &mut [f32]) -> Result<()> {
        let node = &self.graph.nodes[at];
        let isa = self.isa;
        let Workspace { buffers, linear: linear_scratch, attention: attention_scratch } = workspace;
        let input = |v: Value| &buffers[self.plan.buffer[v.0]][..self.numbers(v, batch)];
        match (&node.op, &self.ops[at]) {
            (Op::Input { input }, _) => input::input(&batch.floats[*input], out),
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
                linear::linear_f32(isa, input(*x), self.graph.rows(*x, batch), w, epilogue, out, linear_scratch);
            }
            (Op::LayerNorm { x, eps, .. }, Prepared::LayerNorm { weight, bias }) => {
                layer_norm::layer_norm(isa, input(*x), weight, bias, *eps, out);
            }
            (Op::Attention { x, heads, mask, .. }, Prepared::Bias(bias)) => {
                let offsets = self.graph.shape(*x).rows.offsets(batch);
                let width = node.shape.cols / heads;
                let shape = attention::Heads { heads: *heads, width, mask: *mask, bias };
                attention::attention(isa, input(*x), &offsets, shape, out, attention_scratch);
            }
            (Op::AttentionPool { x, heads, .. }, Prepared::Query(query)) => {
                attention_pool::attention_pool(input(*x), &self.graph.shape(*x).rows.offsets(batch), query, *heads, out);
            }
            (Op::Lstm { x, .. }, Prepared::Lstm(weights)) => {
                lstm::lstm(isa, input(*x), &self.graph.shape(*x).rows.offsets(batch), weights, out);
            }
            (Op::Unfold { x, window }, _) => unfold::unfold(input(*x), self.graph.shape(*x).cols, window, out),
            (Op::Depthwise { x, window, activation, .. }, Prepared::Depthwise { taps, bias }) => {
                depthwise::depthwise(isa, input(*x), window, depthwise::Weights { taps, bias, activation: *activation }, out);
            }
            (Op::Positions { x, .. }, Prepared::Positions { first, table }) => positions::positions(input(*x), first, table, out),
            (Op::Pool { x, kind }, _) => {
                let offsets = self.graph.shape(*x).rows.offsets(batch);
                pool::pool(input(*x), &offsets, node.shape.cols, *kind, out);
            }
            (Op::Normalize { x }, _) => normalize::normalize(input(*x), node.shape.cols, out),
            (op, _) => return Err(Error::Internal(format!("op {} without its weights", op.stem()))),
        }
        Ok(())
    }
}
