//! One dispatch of a run: its pipelines, what is bound, how many workgroups.

use std::cell::OnceCell;
use std::rc::Rc;

use super::device::Gpu;
use super::linear::Variant;
use super::shader::{Pipeline, Source};
use crate::compute::graph::{Rows, Value};

/// Something that is bound to a shader, in the order of its bindings.
#[derive(Clone)]
pub enum Bound {
    /// A weight, written once.
    Weight(wgpu::Buffer),
    /// The output of an earlier node.
    Value(Value),
    /// Something of the batch.
    Input(Input),
    /// The output of this node.
    Out,
}

/// What a batch brings, written once a run however many steps read it.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Integer inputs one after another, and what is added to the ids of each.
    Ids(Vec<(usize, u32)>),
    /// A float input of so many columns, padded to whole vec4s.
    Floats(usize, usize),
    /// For each row of such a value, the first row of its item and the one behind its last: `[rows][2]`.
    RowBounds(Rows),
    /// The same for each item: `[items][2]`.
    ItemBounds(Rows),
}

/// How many rows a run has, coarsely: products have a kernel for each, and each is probed before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Length {
    /// A vector or two.
    Row,
    Short,
    Long,
}

impl Length {
    /// Rows up to which a product is one of vectors.
    const ROW_UP_TO: usize = 2;
    /// Rows up to which a run is short.
    const SHORT_UP_TO: usize = 64;

    /// The length of so many rows.
    pub fn of(rows: usize) -> Self {
        match rows {
            0..=Self::ROW_UP_TO => Length::Row,
            0..=Self::SHORT_UP_TO => Length::Short,
            _ => Length::Long,
        }
    }
}

/// A pipeline and how many rows of the output a workgroup makes.
#[derive(Clone)]
pub struct Kernel {
    source: Source,
    /// Compiled when it is first used: a page that encodes one short text waits for no kernel of batches.
    pipeline: OnceCell<Rc<Pipeline>>,
    /// Workgroups along x.
    pub groups: u32,
    /// Output rows of one workgroup along y.
    pub rows: u32,
}

impl Kernel {
    /// A kernel that is compiled when it is first used.
    pub fn new(source: Source, groups: u32, rows: u32) -> Self {
        Self { source, pipeline: OnceCell::new(), groups, rows }
    }

    /// Its pipeline.
    pub fn pipeline(&self, gpu: &Gpu) -> &Rc<Pipeline> {
        self.pipeline.get_or_init(|| gpu.pipeline(&self.source))
    }
}

/// One dispatch.
#[derive(Clone)]
pub struct Step {
    /// One for every length, or one for each.
    pub kernels: Vec<Kernel>,
    /// What can be cut up otherwise: a product.
    pub product: Option<Variant>,
    pub bound: Vec<Bound>,
    /// The parameters behind the number of rows.
    pub params: Vec<u32>,
}

impl Step {
    /// A step with one kernel.
    pub fn new(source: Source, groups: u32, rows: u32, params: Vec<u32>, bound: Vec<Bound>) -> Self {
        Self { kernels: vec![Kernel::new(source, groups, rows)], product: None, bound, params }
    }

    /// The kernel for so many rows.
    pub fn kernel(&self, rows: usize) -> &Kernel {
        self.of(Length::of(rows))
    }

    /// The kernel for runs of a length.
    pub fn of(&self, length: Length) -> &Kernel {
        &self.kernels[(length as usize).min(self.kernels.len() - 1)]
    }
}

/// A buffer for a weight of so many bytes; it is a whole number of vec4s and never empty.
pub fn room(gpu: &Gpu, bytes: usize) -> wgpu::Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("weight"),
        size: bytes.next_multiple_of(16).max(16) as u64,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Writes a weight.
pub fn weight(gpu: &Gpu, bytes: &[u8]) -> wgpu::Buffer {
    let buffer = room(gpu, bytes.len());
    let whole = bytes.len() / 4 * 4;
    gpu.queue.write_buffer(&buffer, 0, &bytes[..whole]);
    if whole < bytes.len() {
        let mut rest = [0; 4];
        rest[..bytes.len() - whole].copy_from_slice(&bytes[whole..]);
        gpu.queue.write_buffer(&buffer, whole as u64, &rest);
    }
    buffer
}

/// Little-endian bytes of numbers.
pub fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Little-endian bytes of integers.
pub fn words(integers: &[u32]) -> Vec<u8> {
    integers.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// vec4s of a row of so many columns.
pub fn vec4s(cols: usize) -> usize {
    cols.div_ceil(4)
}

/// Several vectors of `n` numbers as `[n / 4][vectors]` vec4s, zeros beyond the last.
pub fn interleaved(vectors: &[&[f32]], n: usize) -> Vec<f32> {
    let mut out = vec![0.0; vec4s(n) * 4 * vectors.len()];
    for (which, vector) in vectors.iter().enumerate() {
        for (i, &v) in vector.iter().enumerate() {
            out[(i / 4 * vectors.len() + which) * 4 + i % 4] = v;
        }
    }
    out
}
