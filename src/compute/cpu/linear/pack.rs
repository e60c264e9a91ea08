//! The layout that the tiles read weights in.
//!
//! int8: blocks of 8 outputs; within one, the inputs in groups of `INTERLEAVE` (4 or 2), and of each group first
//! output 0's weights, then output 1's: `[n / 8][k / INTERLEAVE][8][INTERLEAVE]`. k is padded with zeros to a multiple
//! of 16, n to one of 8. f32: `[n / 8][k][8]`.

use super::{Kernel, TILE_COLS};
use crate::compute::cpu::isa::Isa;
use crate::compute::graph::Precision;

/// Inputs that a padded row is a multiple of: one chain of four byte products of four inputs.
pub const K_ALIGN: usize = 16;

/// What rounding took from the weights of the columns whose inputs are largest: `w = scale * (q + r / 64)`.
///
/// A handful of columns carry most of the energy of a BERT's activations, so that their rounding errors are most of
/// the product's error.
#[derive(Debug, Clone, Default)]
pub struct Residual {
    pub columns: Vec<u32>,
    /// `[n, columns]`.
    pub weights: Vec<i8>,
}

/// By what the residual's inputs are multiplied.
pub const RESIDUAL: f32 = 1.0 / 64.0;

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
    /// Input columns that come again behind the k, scaled by [`RESIDUAL`], to meet the rest of their weights.
    pub columns: Vec<u32>,
    /// How many numbers of 7 bits an input is split into.
    pub planes: usize,
    pub data: Vec<i8>,
    /// Per output, padded to 8: what an integer weight of 1 is worth.
    pub scales: Vec<f32>,
    /// Per output, padded to 8: the sum of its integer weights.
    pub sums: Vec<f32>,
    /// Whether all chains keep [`CHAIN_LIMIT`].
    pub chain: bool,
}

impl PackedI8 {
    /// Packs row-major weights `[n, k]` with one scale a row.
    pub fn new(isa: Isa, precision: Precision, weights: &[i8], scales: &[f32], n: usize, k: usize) -> Self {
        Self::with_residual(isa, precision, weights, scales, &Residual::default(), n, k)
    }

    /// As [`PackedI8::new`], with what rounding took from the weights of some columns.
    pub fn with_residual(
        isa: Isa,
        precision: Precision,
        weights: &[i8],
        scales: &[f32],
        residual: &Residual,
        n: usize,
        k: usize,
    ) -> Self {
        let extra = residual.columns.len();
        assert!(weights.len() == n * k && scales.len() == n && residual.weights.len() == n * extra);
        assert!(residual.columns.iter().all(|&c| (c as usize) < k) && extra <= K_ALIGN);
        let kp = (k + extra).next_multiple_of(K_ALIGN);
        let padded_n = n.next_multiple_of(TILE_COLS);
        let (isa, planes) = kernel_for(isa, precision);
        let step = interleave(isa);
        let mut data = vec![0i8; padded_n * kp];
        let mut sums = vec![0.0f32; padded_n];
        let mut chain = true;
        let mut row = Vec::with_capacity(k + extra);
        for (o, plain) in weights.chunks_exact(k).enumerate() {
            row.clear();
            row.extend_from_slice(plain);
            row.extend_from_slice(&residual.weights[o * extra..(o + 1) * extra]);
            let block = &mut data[o / TILE_COLS * TILE_COLS * kp..][..TILE_COLS * kp];
            for (i, group) in row.chunks(step).enumerate() {
                block[(i * TILE_COLS + o % TILE_COLS) * step..][..group.len()].copy_from_slice(group);
            }
            sums[o] = row.iter().map(|&w| i32::from(w)).sum::<i32>() as f32;
            chain &= chain_excess(&row) <= CHAIN_LIMIT;
        }
        let mut scales = scales.to_vec();
        scales.resize(padded_n, 0.0);
        Self { n, k, isa, columns: residual.columns.clone(), planes, data, scales, sums, chain }
    }

    /// Inputs with their padding.
    pub fn padded_k(&self) -> usize {
        (self.k + self.columns.len()).next_multiple_of(K_ALIGN)
    }

    /// The largest number that an input of a row becomes.
    pub fn levels(&self) -> f32 {
        if self.planes == 2 { WIDE_LEVELS } else { levels(self.isa) }
    }

    /// Blocks of 8 outputs.
    pub fn blocks(&self) -> usize {
        self.n.div_ceil(TILE_COLS)
    }
}

/// The largest sum of the positive, or of the negative, weights of any chain of a row; see [`CHAIN_LIMIT`].
pub fn chain_excess(row: &[i8]) -> i32 {
    let mut worst = 0;
    for chunk in row.chunks(K_ALIGN) {
        for lane in 0..2 {
            let (mut plus, mut minus) = (0i32, 0i32);
            for (i, &w) in chunk.iter().enumerate() {
                if i / 2 % 2 == lane {
                    let w = i32::from(w);
                    if w > 0 { plus += w } else { minus -= w }
                }
            }
            worst = worst.max(plus).max(minus);
        }
    }
    worst
}

/// Largest input of two planes of 7 bits.
pub const WIDE_LEVELS: f32 = 16383.0;

/// Whose tiles multiply a matrix of that precision where `isa` is in use, and in how many planes.
///
/// simd128 multiplies 16-bit numbers anyway, so 12 bits cost it nothing; the byte products of the others need a second
/// pass, and where the chain is the fastest of them, simd128 is faster than two of its passes.
fn kernel_for(isa: Isa, precision: Precision) -> (Isa, usize) {
    match (isa, precision) {
        #[cfg(target_arch = "wasm32")]
        (Isa::Wasm, _) => (Isa::Wasm, 1),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        (Isa::WasmChain, Precision::High) => (Isa::Wasm, 1),
        (isa, Precision::High) => (isa, 2),
        (isa, Precision::Normal) => (isa, 1),
    }
}

fn levels(isa: Isa) -> f32 {
    match isa {
        #[cfg(target_arch = "wasm32")]
        Isa::Wasm => <crate::math::simd::wasm::Wasm as Kernel>::LEVELS,
        _ => 127.0,
    }
}

fn interleave(isa: Isa) -> usize {
    use crate::math::simd;
    match isa {
        Isa::Portable => simd::portable::Portable::INTERLEAVE,
        #[cfg(target_arch = "wasm32")]
        Isa::Wasm => simd::wasm::Wasm::INTERLEAVE,
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::WasmChain => super::wasm::WasmChain::INTERLEAVE,
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::WasmDot => super::wasm::WasmDot::INTERLEAVE,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => simd::avx2::Avx2::INTERLEAVE,
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => super::x86::AvxVnni::INTERLEAVE,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => simd::neon::Neon::INTERLEAVE,
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
