//! The layout that the tiles read weights in.
//!
//! int8: blocks of 8 outputs; within one, the inputs in groups of `INTERLEAVE` (4 or 2), and of each group first
//! output 0's weights, then output 1's: `[n / 8][k / INTERLEAVE][8][INTERLEAVE]`. k is padded with zeros to a multiple
//! of 16, n to one of 8. f32: `[n / 8][k][8]`.

use super::{Kernel, TILE_COLS};
use crate::compute::cpu::isa::Isa;

/// Inputs that a padded row is a multiple of: one chain of four byte products of four inputs.
pub const K_ALIGN: usize = 16;

/// Most input columns of a matrix that are kept apart; see [`Outliers`].
pub const MAX_OUTLIERS: usize = K_ALIGN;

/// What the positive weights of one chain, and the negative ones, may sum to at most: activations reach 127 and
/// `127 * 258 < 2^15`, so that four byte products of a chain add up in 16 bits without overflow.
///
/// The chain of inputs 16c..16c+16 adds inputs {0,1}, {4,5}, {8,9}, {12,13} in one lane and the others in its neighbor.
pub const CHAIN_LIMIT: i32 = 258;

/// An int8 matrix `[n, k]` laid out for the tiles of one instruction set.
pub struct PackedI8 {
    pub n: usize,
    pub k: usize,
    /// Whose tiles read it.
    pub isa: Isa,
    /// Zeros where the input is an outlier.
    pub data: Vec<i8>,
    /// Whether all chains keep [`CHAIN_LIMIT`]; false where the tiles have no use for them.
    pub chain: bool,
    pub outliers: Option<Outliers>,
    /// What the integer sums become outputs by, `[n / 8][terms][8]` in the order that they are read in: the sum of an output's
    /// weights, and what an integer weight of 1 is worth; then the same of the outliers, where there are some.
    pub terms: Vec<f32>,
}

/// The input columns with far larger numbers than the others, as a matrix `[n, 16]` of its own.
///
/// A handful of columns carry most of the energy of a BERT's activations. Quantized together with the others they would
/// cost those two bits; apart, with scales of their own for inputs and weights, 7 bits are enough for both (MiniLM: mean
/// cosine to fp32 0.995 without, 0.999 with; Dettmers et al. 2022 for the observation).
pub struct Outliers {
    /// At most [`MAX_OUTLIERS`].
    pub columns: Vec<u32>,
    pub data: Vec<i8>,
    /// As of [`PackedI8`].
    pub chain: bool,
}

impl PackedI8 {
    /// Packs row-major weights `[n, k]` with one scale a row.
    pub fn new(isa: Isa, weights: &[i8], scales: &[f32], n: usize, k: usize) -> Self {
        Self::with_outliers(isa, weights, scales, &[], &[], n, k)
    }

    /// As [`PackedI8::new`], where the weights of `columns` have other scales, `outlier_scales` `[n]`.
    pub fn with_outliers(isa: Isa, weights: &[i8], scales: &[f32], columns: &[u32], outlier_scales: &[f32], n: usize, k: usize) -> Self {
        assert!(weights.len() == n * k && scales.len() == n);
        assert!(columns.iter().all(|&c| (c as usize) < k) && columns.len() <= MAX_OUTLIERS && columns.len() < k);
        let kp = k.next_multiple_of(K_ALIGN);
        let mut main = Layout::new(isa, n, kp);
        let mut apart = Layout::new(isa, n, K_ALIGN);
        let (mut chain, mut chain_apart) = (chains(isa), chains(isa));
        let mut row = vec![0i8; kp];
        let mut taken = [0i8; K_ALIGN];
        for (o, plain) in weights.chunks_exact(k).enumerate() {
            row[..k].copy_from_slice(plain);
            for (taken, &c) in taken.iter_mut().zip(columns) {
                *taken = std::mem::take(&mut row[c as usize]);
            }
            main.put(o, &row);
            apart.put(o, &taken);
            chain = chain && chain_excess(&row) <= CHAIN_LIMIT;
            chain_apart = chain_apart && chain_excess(&taken) <= CHAIN_LIMIT;
        }
        let mut terms = Vec::new();
        for first in (0..n).step_by(TILE_COLS) {
            let mut add = |scales: &[f32], sums: &[f32]| {
                let scale = |at: usize| scales.get(at).copied().unwrap_or(0.0);
                terms.extend_from_slice(&sums[first..first + TILE_COLS]);
                terms.extend((first..first + TILE_COLS).map(scale));
            };
            add(scales, &main.sums);
            if !columns.is_empty() {
                add(outlier_scales, &apart.sums);
            }
        }
        assert!(columns.is_empty() || outlier_scales.len() == n);
        let outliers = (!columns.is_empty()).then(|| Outliers { columns: columns.to_vec(), data: apart.data, chain: chain_apart });
        Self { n, k, isa, data: main.data, chain, outliers, terms }
    }

    /// [`PackedI8::terms`] of an output.
    pub(super) fn terms(&self) -> usize {
        if self.outliers.is_some() { 4 } else { 2 }
    }

    /// Inputs with their padding.
    pub fn padded_k(&self) -> usize {
        self.k.next_multiple_of(K_ALIGN)
    }

    /// The largest number that an input of a row becomes.
    pub fn levels(&self) -> f32 {
        levels(self.isa)
    }

    /// Blocks of 8 outputs.
    pub fn blocks(&self) -> usize {
        self.n.div_ceil(TILE_COLS)
    }
}

/// Rows of `kp` weights on their way into blocks.
struct Layout {
    kp: usize,
    step: usize,
    data: Vec<i8>,
    sums: Vec<f32>,
}

impl Layout {
    fn new(isa: Isa, n: usize, kp: usize) -> Self {
        let padded_n = n.next_multiple_of(TILE_COLS);
        Self { kp, step: interleave(isa), data: vec![0; padded_n * kp], sums: vec![0.0; padded_n] }
    }

    fn put(&mut self, output: usize, row: &[i8]) {
        let block = &mut self.data[output / TILE_COLS * TILE_COLS * self.kp..][..TILE_COLS * self.kp];
        let at = output % TILE_COLS;
        match self.step {
            4 => put_groups::<4>(block, at, row),
            _ => put_groups::<2>(block, at, row),
        }
        self.sums[output] = row.iter().map(|&w| i32::from(w)).sum::<i32>() as f32;
    }
}

/// Groups of a known size: a model has some ten million weights, and the visitor waits for them.
fn put_groups<const STEP: usize>(block: &mut [i8], at: usize, row: &[i8]) {
    let (to, _) = block.as_chunks_mut::<STEP>();
    let (from, _) = row.as_chunks::<STEP>();
    for (to, from) in to.chunks_exact_mut(TILE_COLS).zip(from) {
        to[at] = *from;
    }
}

/// The largest sum of the positive, or of the negative, weights of any chain of a row; see [`CHAIN_LIMIT`].
pub fn chain_excess(row: &[i8]) -> i32 {
    let excess = |chunk: &[i8; K_ALIGN]| {
        // By place: 0 and 1, 4 and 5, .. add up in one lane, the others in its neighbor.
        let plus: [i16; K_ALIGN] = std::array::from_fn(|i| i16::from(chunk[i]).max(0));
        let minus: [i16; K_ALIGN] = std::array::from_fn(|i| (-i16::from(chunk[i])).max(0));
        let lane = |v: &[i16; K_ALIGN], at: usize| (0..4).map(|j| v[4 * j + at] + v[4 * j + at + 1]).sum::<i16>();
        lane(&plus, 0).max(lane(&plus, 2)).max(lane(&minus, 0)).max(lane(&minus, 2))
    };
    let (chunks, rest) = row.as_chunks::<K_ALIGN>();
    let mut last = [0i8; K_ALIGN];
    last[..rest.len()].copy_from_slice(rest);
    i32::from(chunks.iter().map(excess).max().unwrap_or(0).max(excess(&last)))
}

/// The largest number that an input becomes for an instruction set.
pub(crate) fn levels(isa: Isa) -> f32 {
    match isa {
        #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
        Isa::Wasm => <crate::math::simd::wasm::Wasm as Kernel>::LEVELS,
        _ => 127.0,
    }
}

/// Whether an instruction set's tiles have chains.
pub fn chains(isa: Isa) -> bool {
    match isa {
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::WasmChain => true,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => true,
        _ => false,
    }
}

fn interleave(isa: Isa) -> usize {
    match isa {
        #[cfg(not(target_arch = "wasm32"))]
        Isa::Portable => crate::math::simd::portable::Portable::INTERLEAVE,
        #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
        Isa::Wasm => crate::math::simd::wasm::Wasm::INTERLEAVE,
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::WasmChain => super::wasm::WasmChain::INTERLEAVE,
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::WasmDot => super::wasm::WasmDot::INTERLEAVE,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => crate::math::simd::avx2::Avx2::INTERLEAVE,
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => super::x86::AvxVnni::INTERLEAVE,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => crate::math::simd::neon::Neon::INTERLEAVE,
    }
}

/// An f32 matrix `[n, k]` laid out for the tiles.
pub struct PackedF32 {
    pub n: usize,
    pub k: usize,
    /// `[n / 8][k][8]`.
    pub data: Vec<f32>,
}

impl PackedF32 {
    /// Packs row-major weights `[n, k]`.
    pub fn new(weights: &[f32], n: usize, k: usize) -> Self {
        assert!(weights.len() == n * k);
        let mut data = vec![0.0f32; n.next_multiple_of(TILE_COLS) * k];
        for (o, row) in weights.chunks_exact(k).enumerate() {
            let block = &mut data[o / TILE_COLS * TILE_COLS * k..][..TILE_COLS * k];
            for (i, &w) in row.iter().enumerate() {
                block[i * TILE_COLS + o % TILE_COLS] = w;
            }
        }
        Self { n, k, data }
    }
}
