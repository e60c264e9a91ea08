//! A graph on a device, and its runs: everything is recorded into one submission, and one buffer comes back.
//!
//! Buffers are kept from run to run and grow with the batch. Several runs may be under way: the queue keeps their order, and
//! each has a buffer of its own to be read back from.

use std::cell::RefCell;
use std::rc::Rc;

use super::device::{Gpu, device_error};
use super::linear::Tilings;
use super::readback::read_back;
use super::step::{Bound, Input, Length, Step, bytes, words};
use super::{attention, attention_pool, depthwise, embed, input, layer_norm, linear, lstm, normalize, pool, positions, unfold};
use crate::compute::graph::{Batch, Graph, Node, Op, Role, Rows, Value};
use crate::compute::plan::Plan;
use crate::compute::weights::Weights;
use crate::error::{Error, Result};
use crate::format::tensors::TensorFile;

/// Bytes of a shader's parameters: the number of rows and up to seven more.
pub const PARAMS_BYTES: u64 = 32;
/// Distance of the parameters of two steps: the alignment that every device takes.
const PARAMS_STRIDE: u64 = 256;
/// Workgroups along one axis that every device takes.
const MOST_GROUPS: u32 = 65_535;

/// A graph with its weights on a device.
pub struct GpuModel {
    gpu: Rc<Gpu>,
    graph: Graph,
    plan: Plan,
    steps: Vec<Step>,
    /// What the steps read of a batch, each once.
    inputs: Vec<Input>,
    tilings: Tilings,
    memory: RefCell<Memory>,
}

/// The buffers of the runs.
#[derive(Default)]
struct Memory {
    params: Option<wgpu::Buffer>,
    /// By the plan.
    values: Vec<Option<wgpu::Buffer>>,
    /// What batches bring, in the order of [`GpuModel::inputs`].
    inputs: Vec<Option<wgpu::Buffer>>,
    /// Per step; dropped whenever a buffer was replaced.
    groups: Vec<Option<(*const (), wgpu::BindGroup)>>,
    /// Free buffers to read back from.
    staging: Vec<wgpu::Buffer>,
}

impl GpuModel {
    /// Writes the weights of `graph` out of `file` to the device, one op after another, while kernels for runs of the lengths in `first`
    /// are compiled there. The device is asked once, at the end, whether it took them: each time it is asked costs a way to the
    /// browser's GPU process and back.
    ///
    /// # Errors
    /// [`Error::Corrupt`] as on the CPU, [`Error::Device`] where the device refuses or has no room.
    pub async fn new(gpu: Rc<Gpu>, graph: Graph, file: &TensorFile, tilings: Tilings, first: &[Length]) -> Result<Self> {
        let weights = Weights { graph: &graph, file };
        let made = gpu.checked(|| {
            let step = |node: &Node| {
                let step = prepare(&gpu, &graph, &weights, tilings, &node.op, node.shape.cols)?;
                for &length in first {
                    step.of(length).pipeline(&gpu);
                }
                Ok(step)
            };
            graph.nodes.iter().map(step).collect::<Result<Vec<_>>>()
        });
        let steps = made.await??;
        let plan = Plan::new(&graph);
        let mut inputs: Vec<Input> = Vec::new();
        for bound in steps.iter().flat_map(|step: &Step| &step.bound) {
            if let Bound::Input(input) = bound && !inputs.contains(input) {
                inputs.push(input.clone());
            }
        }
        Ok(Self { gpu, graph, plan, steps, inputs, tilings, memory: RefCell::default() })
    }

    /// The device.
    pub fn gpu(&self) -> &Rc<Gpu> {
        &self.gpu
    }

    /// How its products are cut up.
    pub fn tilings(&self) -> Tilings {
        self.tilings
    }

    /// The same model on the same weights, its products cut up otherwise.
    pub fn retiled(&self, tilings: Tilings) -> Self {
        let mut steps = self.steps.clone();
        for step in &mut steps {
            if let Some(product) = step.product {
                step.kernels = product.kernels(tilings);
            }
        }
        let (gpu, graph, plan, inputs) = (Rc::clone(&self.gpu), self.graph.clone(), self.plan.clone(), self.inputs.clone());
        Self { gpu, graph, plan, steps, inputs, tilings, memory: RefCell::default() }
    }

    /// The lengths of a batch of a graph: which kernels it needs. The rows of a picture get fewer on the way through a model.
    pub fn lengths(graph: &Graph, batch: &Batch) -> Vec<Length> {
        let rows = |at: usize| Length::of(graph.rows(Value(at), batch));
        let products = (0..graph.nodes.len()).filter(|&at| matches!(graph.nodes[at].op, Op::Linear { .. })).map(rows);
        let longest = (0..graph.nodes.len()).map(rows).max();
        let needed: Vec<Length> = products.chain(longest).collect();
        [Length::Row, Length::Short, Length::Long].into_iter().filter(|length| needed.contains(length)).collect()
    }

    /// Runs a batch; gives the rows of the graph's output, as [`crate::compute::cpu::CpuModel::run`] does.
    ///
    /// # Errors
    /// [`Error::Internal`] for a batch that does not fit the graph; [`Error::Device`] where the device refuses, is lost on
    /// the way or the batch is larger than it takes.
    pub async fn run(&self, batch: &Batch) -> Result<Vec<f32>> {
        self.graph.check(batch)?;
        let output = self.graph.output();
        let (rows, cols) = (self.graph.rows(output, batch), self.graph.shape(output).cols);
        if rows * cols == 0 {
            return Ok(Vec::new());
        }
        let size = bytes_of(rows, cols);
        let staging = self.gpu.checked(|| self.submit(batch, size)).await??;
        let numbers = read_back(&self.gpu, &staging, size, |bytes| {
            let numbers: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            numbers.chunks_exact(cols.next_multiple_of(4)).flat_map(|row| &row[..cols]).copied().collect()
        });
        let numbers = numbers.await?;
        self.memory.borrow_mut().staging.push(staging);
        Ok(numbers)
    }

    /// Writes the inputs, records every step and the copy of the output, submits.
    fn submit(&self, batch: &Batch, size: u64) -> Result<wgpu::Buffer> {
        let memory = &mut *self.memory.borrow_mut();
        memory.values.resize_with(self.plan.holds.len(), || None);
        memory.groups.resize_with(self.steps.len(), || None);
        let mut replaced = self.reserve_values(memory, batch)?;
        replaced |= self.write_inputs(memory, batch)?;
        if replaced {
            memory.groups.iter_mut().for_each(|group| *group = None);
        }
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("run") });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some("run"), timestamp_writes: None });
            for (at, step) in self.steps.iter().enumerate() {
                let rows = self.graph.rows(Value(at), batch);
                let kernel = step.kernel(rows);
                let groups = (rows as u32).div_ceil(kernel.rows);
                if groups > MOST_GROUPS || kernel.groups > MOST_GROUPS {
                    return Err(Error::Internal(format!("a batch of {rows} rows is too large for one dispatch")));
                }
                let pipeline = kernel.pipeline(&self.gpu);
                let key = Rc::as_ptr(pipeline).cast::<()>();
                if memory.groups[at].as_ref().is_none_or(|(of, _)| *of != key) {
                    memory.groups[at] = Some((key, self.group(memory, at, step, &pipeline.layout)?));
                }
                pass.set_pipeline(&pipeline.compute);
                pass.set_bind_group(0, memory.groups[at].as_ref().map(|(_, group)| group), &[(at as u64 * PARAMS_STRIDE) as u32]);
                pass.dispatch_workgroups(kernel.groups, groups, 1);
            }
        }
        let from = memory.values[self.plan.buffer[self.graph.output().0]].as_ref().ok_or_else(missing)?;
        let staging = match memory.staging.iter().position(|buffer| buffer.size() >= size) {
            Some(at) => memory.staging.swap_remove(at),
            None => {
                // Smaller ones are of no use any more.
                memory.staging.clear();
                self.buffer("answer", size, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
            }
        };
        encoder.copy_buffer_to_buffer(from, 0, &staging, 0, size);
        self.gpu.queue.submit([encoder.finish()]);
        Ok(staging)
    }

    fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.gpu.device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
    }

    /// A buffer of at least `size` bytes in place of `slot`; whether it is a new one.
    fn reserve(&self, slot: &mut Option<wgpu::Buffer>, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<bool> {
        if slot.as_ref().is_some_and(|buffer| buffer.size() >= size) {
            return Ok(false);
        }
        let limit = self.gpu.most_bytes;
        if size > limit {
            return Err(device_error("a batch needs more memory than the device gives", &format!("{size} bytes of {limit}")));
        }
        // Half again, so that a slightly longer batch needs no new one.
        let roomy = (size + size / 2).next_multiple_of(256).min(limit);
        *slot = Some(self.buffer(label, roomy, usage | wgpu::BufferUsages::COPY_DST));
        Ok(true)
    }

    fn reserve_values(&self, memory: &mut Memory, batch: &Batch) -> Result<bool> {
        let mut replaced = false;
        for (slot, holds) in memory.values.iter_mut().zip(&self.plan.holds) {
            let size = holds.iter().map(|&(rows, cols)| bytes_of(rows.count(batch), cols)).max().unwrap_or(0).max(16);
            replaced |= self.reserve(slot, "value", size, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC)?;
        }
        Ok(replaced)
    }

    /// Ids, bounds and parameters.
    fn write_inputs(&self, memory: &mut Memory, batch: &Batch) -> Result<bool> {
        let mut replaced = false;
        memory.inputs.resize_with(self.inputs.len(), || None);
        for (input, slot) in self.inputs.iter().zip(&mut memory.inputs) {
            let bytes = match input {
                Input::Ids(parts) => {
                    words(&parts.iter().flat_map(|&(input, base)| batch.ids[input].iter().map(move |id| id + base)).collect::<Vec<_>>())
                }
                Input::Floats(input, cols) => padded(&batch.floats[*input], *cols),
                Input::RowBounds(rows) => words(&bounds(*rows, batch, true)),
                Input::ItemBounds(rows) => words(&bounds(*rows, batch, false)),
            };
            replaced |= self.reserve(slot, "input", bytes.len().max(16) as u64, wgpu::BufferUsages::STORAGE)?;
            self.gpu.queue.write_buffer(slot.as_ref().ok_or_else(missing)?, 0, &bytes);
        }
        let mut params = Vec::with_capacity(self.steps.len() * PARAMS_STRIDE as usize);
        for (at, step) in self.steps.iter().enumerate() {
            params.extend((self.graph.rows(Value(at), batch) as u32).to_le_bytes());
            params.extend(words(&step.params));
            params.resize((at + 1) * PARAMS_STRIDE as usize, 0);
        }
        replaced |= self.reserve(&mut memory.params, "parameters", params.len() as u64, wgpu::BufferUsages::UNIFORM)?;
        self.gpu.queue.write_buffer(memory.params.as_ref().ok_or_else(missing)?, 0, &params);
        Ok(replaced)
    }

    fn group(&self, memory: &Memory, at: usize, step: &Step, layout: &wgpu::BindGroupLayout) -> Result<wgpu::BindGroup> {
        let params = memory.params.as_ref().ok_or_else(missing)?;
        let params = wgpu::BufferBinding { buffer: params, offset: 0, size: std::num::NonZeroU64::new(PARAMS_BYTES) };
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(params) }];
        let value = |value: Value| memory.values[self.plan.buffer[value.0]].as_ref();
        for (binding, bound) in step.bound.iter().enumerate() {
            let buffer = match bound {
                Bound::Weight(buffer) => Some(buffer),
                Bound::Value(from) => value(*from),
                Bound::Out => value(Value(at)),
                Bound::Input(wanted) => {
                    let place = self.inputs.iter().position(|input| input == wanted);
                    place.and_then(|place| memory.inputs[place].as_ref())
                }
            };
            let resource = buffer.ok_or_else(missing)?.as_entire_binding();
            entries.push(wgpu::BindGroupEntry { binding: binding as u32 + 1, resource });
        }
        Ok(self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some("step"), layout, entries: &entries }))
    }
}

fn missing() -> Error {
    Error::Internal("a buffer of a run is missing".into())
}

fn prepare(gpu: &Gpu, graph: &Graph, weights: &Weights<'_>, tilings: Tilings, op: &Op, cols: usize) -> Result<Step> {
    Ok(match op {
        Op::Embed { parts } => {
            let tables = parts.iter().map(|&(table, _)| weights.table(table)).collect::<Result<Vec<_>>>()?;
            let inputs: Vec<usize> = parts.iter().map(|part| part.1).collect();
            embed::step(gpu, &tables, &inputs, cols)
        }
        Op::Linear { x, parts, activation, residual } => linear::step(gpu, tilings, graph, &weights.matrix(parts)?, *x, *activation, *residual),
        Op::LayerNorm { x, weight, bias, eps } => layer_norm::step(gpu, *x, &weights.vector(*weight)?, &weights.vector(*bias)?, *eps),
        Op::Input { input } => input::step(*input, cols),
        Op::Attention { x, heads, mask, bias } => {
            let bias = bias.map_or_else(|| Ok(Vec::new()), |bias| weights.numbers(bias, Role::Rows))?;
            attention::step(gpu, *x, graph.shape(*x).rows, (*heads, cols / heads), *mask, &bias)
        }
        Op::AttentionPool { x, query, heads } => {
            attention_pool::step(gpu, *x, graph.shape(*x).rows, &weights.numbers(*query, Role::Rows)?, *heads)
        }
        Op::Lstm { x, weight } => lstm::step(gpu, *x, graph.shape(*x).rows, &weights.table(*weight)?.numbers(cols), cols),
        Op::Unfold { x, window } => unfold::step(*x, graph.shape(*x).cols, window),
        Op::Depthwise { x, weight, bias, window, activation } => {
            let bias = bias.map_or_else(|| Ok(vec![0.0; cols]), |bias| weights.vector(bias))?;
            depthwise::step(gpu, *x, window, &weights.numbers(*weight, Role::Rows)?, &bias, *activation)
        }
        Op::Positions { x, first, table } => {
            let first = first.map_or_else(|| Ok(Vec::new()), |first| weights.numbers(first, Role::Rows))?;
            positions::step(gpu, *x, &first, &weights.numbers(*table, Role::Rows)?, cols)
        }
        Op::Pool { x, kind } => pool::step(*x, graph.shape(*x).rows, cols, *kind),
        Op::Normalize { x } => normalize::step(*x, cols),
    })
}

/// Bytes of a value on the device.
fn bytes_of(rows: usize, cols: usize) -> u64 {
    (rows * cols.next_multiple_of(4) * 4) as u64
}

/// Rows of numbers padded with zeros to whole vec4s.
fn padded(numbers: &[f32], cols: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(numbers.len() * 4);
    for row in numbers.chunks_exact(cols) {
        out.extend(bytes(row));
        out.resize(out.len().next_multiple_of(16), 0);
    }
    out
}

/// Where items begin and end, `[items][2]`, or for each of their rows, `[rows][2]`.
fn bounds(rows: Rows, batch: &Batch, each_row: bool) -> Vec<u32> {
    let mut out = Vec::new();
    for item in 0..batch.items {
        let (start, end) = match rows {
            Rows::PerItem(n) => ((item * n) as u32, ((item + 1) * n) as u32),
            Rows::Ragged(axis) => (batch.offsets[axis][item], batch.offsets[axis][item + 1]),
        };
        let times = if each_row { end - start } else { 1 };
        (0..times).for_each(|_| out.extend([start, end]));
    }
    out
}
