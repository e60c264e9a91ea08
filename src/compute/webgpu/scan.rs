//! The exact scan of int8 rows on the GPU.
//!
//! The sums are the very integers of [`crate::math::scan`], so scores are the same bits as the processor's and lists do not depend
//! on the device. All sums come back, four bytes an item, and no best k: an item's score is a sum of several terms, of which the
//! cosine is one, so that the best of one term would not do. For the same reason there is no search in two stages over signs
//! (a binary prefilter): it would miss items that another term lifts.

use std::cell::RefCell;
use std::rc::Rc;

use super::device::{Gpu, device_error};
use super::readback::read_back;
use super::run::PARAMS_BYTES;
use super::shader::{Access, Source, wgsl};
use super::step::words;
use crate::error::{Error, Result};
use crate::math::scan::Query;

/// Numbers of a vec4 of bytes.
const BLOCK: usize = 16;
/// Rows of one workgroup.
const ROWS: usize = 8;
/// Rows of one dispatch, as many as every device takes along one axis.
const MOST_ROWS: usize = 65_535 * ROWS;

/// Rows on a device.
pub struct GpuScan {
    gpu: Rc<Gpu>,
    dim: usize,
    rows: usize,
    parts: Vec<wgpu::BindGroup>,
    /// Workgroups of each part.
    groups: Vec<u32>,
    query: wgpu::Buffer,
    sums: wgpu::Buffer,
    /// Free buffers to read back from.
    staging: RefCell<Vec<wgpu::Buffer>>,
}

impl GpuScan {
    /// Writes rows of `dim` int8 numbers (as raw bytes, row-major) to the device, block after block.
    ///
    /// # Errors
    /// [`Error::Device`] where the device refuses or has no room, [`Error::Internal`] for blocks that are no whole rows.
    pub async fn new(gpu: Rc<Gpu>, dim: usize, blocks: &[&[u8]]) -> Result<Self> {
        let limit = gpu.most_bytes as usize;
        Self::in_parts(gpu, dim, blocks, (limit / dim.next_multiple_of(BLOCK).max(1)).min(MOST_ROWS)).await
    }

    /// The same with at most `most` rows a buffer.
    ///
    /// # Errors
    /// As [`GpuScan::new`].
    pub async fn in_parts(gpu: Rc<Gpu>, dim: usize, blocks: &[&[u8]], most: usize) -> Result<Self> {
        if dim == 0 || most == 0 || blocks.iter().any(|block| block.len() % dim != 0) {
            return Err(Error::Internal(format!("rows of {dim} numbers in blocks of other lengths")));
        }
        let rows = blocks.iter().map(|block| block.len() / dim).sum::<usize>();
        let limit = gpu.most_bytes;
        if rows as u64 * 4 > limit {
            return Err(device_error("the index has more items than the device takes", &format!("{rows}")));
        }
        let made = gpu.checked(|| Self::write(&gpu, dim, rows, blocks, most)).await?;
        let (parts, groups, query, sums) = made;
        Ok(Self { gpu, dim, rows, parts, groups, query, sums, staging: RefCell::default() })
    }

    fn write(gpu: &Gpu, dim: usize, rows: usize, blocks: &[&[u8]], most: usize) -> (Vec<wgpu::BindGroup>, Vec<u32>, wgpu::Buffer, wgpu::Buffer) {
        let buffer = |label, size: usize, usage| gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label), size: size.max(16) as u64, usage: usage | wgpu::BufferUsages::COPY_DST, mapped_at_creation: false,
        });
        let wide = dim.next_multiple_of(BLOCK);
        let query = buffer("query", wide * 4, wgpu::BufferUsages::STORAGE);
        let sums = buffer("sums", rows * 4, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
        let layout = &gpu.pipeline(&source()).layout;
        let (mut parts, mut groups) = (Vec::new(), Vec::new());
        let mut left = blocks.iter().flat_map(|block| block.chunks(most * dim)).peekable();
        let mut first = 0;
        while first < rows {
            // Whole blocks as far as they fit; one block is never larger than a part.
            let (mut here, mut taken) = (0, Vec::new());
            while let Some(block) = left.next_if(|block| here + block.len() / dim <= most) {
                here += block.len() / dim;
                taken.push(block);
            }
            let held = buffer("rows", here * wide, wgpu::BufferUsages::STORAGE);
            let mut at = 0;
            for block in taken {
                gpu.queue.write_buffer(&held, at, &widened(block, dim, wide));
                at += (block.len() / dim * wide) as u64;
            }
            let params = buffer("parameters", PARAMS_BYTES as usize, wgpu::BufferUsages::UNIFORM);
            let mut numbers = words(&[here as u32, (wide / BLOCK) as u32, first as u32]);
            numbers.resize(PARAMS_BYTES as usize, 0);
            gpu.queue.write_buffer(&params, 0, &numbers);
            let params = wgpu::BufferBinding { buffer: &params, offset: 0, size: std::num::NonZeroU64::new(PARAMS_BYTES) };
            let resources = [wgpu::BindingResource::Buffer(params), held.as_entire_binding(), query.as_entire_binding(), sums.as_entire_binding()];
            let entries: Vec<_> = (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
            parts.push(gpu.device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some("scan"), layout, entries: &entries }));
            groups.push(here.div_ceil(ROWS) as u32);
            first += here;
        }
        (parts, groups, query, sums)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The device.
    pub fn gpu(&self) -> &Rc<Gpu> {
        &self.gpu
    }

    /// The sums of products of each query with every row, `[rows]` each; [`Query::score`] makes cosines of them.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a query of another dimension, [`Error::Device`] where the device is lost or refuses.
    pub async fn sums(&self, queries: &[Query]) -> Result<Vec<Vec<i32>>> {
        if let Some(query) = queries.iter().find(|query| query.dim() != self.dim) {
            return Err(Error::Mismatch(format!("The query has {} numbers, the rows have {}.", query.dim(), self.dim)));
        }
        if self.rows == 0 {
            return Ok(vec![Vec::new(); queries.len()]);
        }
        let size = self.rows as u64 * 4;
        // All are under way before the first is waited for.
        let answers = self.gpu.checked(|| queries.iter().map(|query| self.submit(query, size)).collect::<Vec<_>>()).await?;
        let mut sums = Vec::with_capacity(queries.len());
        for staging in answers {
            let read = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
            sums.push(read_back(&self.gpu, &staging, size, read).await?);
            self.staging.borrow_mut().push(staging);
        }
        Ok(sums)
    }

    fn submit(&self, query: &Query, size: u64) -> wgpu::Buffer {
        let numbers: Vec<u8> = query.values().iter().flat_map(|&v| i32::from(v).to_le_bytes()).collect();
        // What is behind the last number was zero from the beginning.
        self.gpu.queue.write_buffer(&self.query, 0, &numbers);
        let pipeline = self.gpu.pipeline(&source());
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("scan") });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some("scan"), timestamp_writes: None });
            pass.set_pipeline(&pipeline.compute);
            for (part, &groups) in self.parts.iter().zip(&self.groups) {
                pass.set_bind_group(0, part, &[0]);
                pass.dispatch_workgroups(groups, 1, 1);
            }
        }
        let free = self.staging.borrow_mut().pop();
        let staging = free.unwrap_or_else(|| self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("answer"), size, usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST, mapped_at_creation: false,
        }));
        encoder.copy_buffer_to_buffer(&self.sums, 0, &staging, 0, size);
        self.gpu.queue.submit([encoder.finish()]);
        staging
    }
}

fn source() -> Source {
    Source {
        label: "scan",
        files: vec![wgsl!("scan.wgsl")],
        constants: Vec::new(),
        repeats: Vec::new(),
        bindings: vec![Access::Read, Access::Read, Access::Write],
    }
}

/// Rows of `dim` bytes as rows of `wide`, zeros behind.
fn widened(rows: &[u8], dim: usize, wide: usize) -> std::borrow::Cow<'_, [u8]> {
    if dim == wide {
        return rows.into();
    }
    let mut out = vec![0; rows.len() / dim * wide];
    out.chunks_exact_mut(wide).zip(rows.chunks_exact(dim)).for_each(|(to, from)| to[..dim].copy_from_slice(from));
    out.into()
}
