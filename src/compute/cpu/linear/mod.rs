//! `y = activation(x W^T + b) + residual` on the CPU, with W in int8 or f32.
//!
//! int8: every row of x becomes 7-bit numbers, `x ~ scale * q + low` with q in 0..=127 (dynamic, per row), and
//! `y = w_scale * (scale * sum(w q) + low * sum(w))`. The integer sum is exact on every instruction set, so all of
//! them give the same answer up to the rounding of the last few float operations. Seven bits, because the byte
//! products of x86, Arm and relaxed wasm only agree there (and never saturate).
//!
//! The layout of the packed weights is in [`pack`]; the tiles of each instruction set stand in the files beside.

pub mod float;
pub mod pack;
pub mod portable;
#[cfg(target_arch = "aarch64")]
pub mod neon;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
#[cfg(target_arch = "x86_64")]
pub mod x86;

use super::isa::Isa;
use crate::compute::graph::Activation;
use crate::math::simd::{self, Simd};
use pack::{PackedF32, PackedI8};

/// Rows and outputs of one tile.
pub const TILE_ROWS: usize = 4;
pub const TILE_COLS: usize = 8;
/// Rows that are finished over all outputs before the next: their quantized bytes stay in the first-level cache.
const BLOCK_ROWS: usize = 64;

/// The integer tile of an instruction set: 4 rows of activations by 8 outputs.
pub trait Kernel: Simd {
    /// How many neighboring inputs of one output stand together in the packed weights.
    const INTERLEAVE: usize;
    /// The type that activations (0..=127) are stored in.
    type A: Copy + Default;
    /// 4 x 8 sums.
    type Acc: Copy;

    /// Stores `LANES` integral numbers in 0..=127.
    ///
    /// # Safety
    /// As [`Simd::store`].
    unsafe fn store_a(p: *mut Self::A, q: Self::F);
    /// The sums of one tile over `k` inputs (a multiple of 16). With `chain`, the weights keep [`pack::CHAIN_LIMIT`].
    ///
    /// # Safety
    /// Each `rows` pointer has `k` numbers, `w` has `8 * k` weights in the layout of `INTERLEAVE`.
    unsafe fn tile(rows: [*const Self::A; TILE_ROWS], w: *const i8, k: usize, chain: bool) -> Self::Acc;
    /// The sums of `row` for outputs `v * LANES ..`.
    ///
    /// # Safety
    /// As [`Simd`].
    unsafe fn sums(acc: &Self::Acc, row: usize, v: usize) -> Self::I;
}

/// Everything that follows the sum of a row of outputs.
#[derive(Clone, Copy)]
pub struct Epilogue<'a> {
    /// `[n rounded up to 8]`, zeros where there is no bias.
    pub bias: &'a [f32],
    pub activation: Activation,
    /// `[rows, n]`.
    pub residual: Option<&'a [f32]>,
}

impl Epilogue<'_> {
    /// Finishes `LANES` outputs from column `col` on of `row` and writes those that exist.
    ///
    /// # Safety
    /// As [`Simd`]; `out` has `[rows, n]` numbers, `col + LANES` is at most n rounded up to 8.
    #[inline(always)]
    pub(crate) unsafe fn finish<S: Simd>(&self, y: S::F, row: usize, col: usize, n: usize, out: &mut [f32]) {
        unsafe {
            let y = S::add(y, S::load(self.bias.as_ptr().add(col)));
            let y = match self.activation {
                Activation::None => y,
                Activation::Gelu => simd::gelu::<S>(y),
                Activation::Relu => S::max(y, S::splat(0.0)),
                Activation::Tanh => {
                    // tanh x = 1 - 2 / (e^2x + 1)
                    let e = simd::exp::<S>(S::add(y, y));
                    S::sub(S::splat(1.0), S::div(S::splat(2.0), S::add(e, S::splat(1.0))))
                }
            };
            let at = row * n + col;
            if col + S::LANES <= n {
                let y = match self.residual {
                    Some(r) => S::add(y, S::load(r.as_ptr().add(at))),
                    None => y,
                };
                S::store(out.as_mut_ptr().add(at), y);
            } else if col < n {
                let mut lanes = [0.0f32; 8];
                S::store(lanes.as_mut_ptr(), y);
                for (i, lane) in lanes.iter().enumerate().take(n - col) {
                    out[at + i] = lane + self.residual.map_or(0.0, |r| r[at + i]);
                }
            }
        }
    }
}

/// Quantized activations, kept between calls so that nothing is allocated in the steady state.
#[derive(Default)]
pub struct Scratch {
    bytes: Vec<u8>,
    /// Per row: scale and low.
    affine: Vec<(f32, f32)>,
}

/// `rows` rows of `x` through an int8 matrix packed for the same `isa`.
pub fn linear_i8(isa: Isa, x: &[f32], rows: usize, w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    assert!(x.len() == rows * w.k && out.len() == rows * w.n && w.isa == isa);
    assert!(epilogue.bias.len() == w.blocks() * TILE_COLS && epilogue.residual.is_none_or(|r| r.len() == out.len()));
    // SAFETY: sizes were asserted; an `Isa` other than `Portable` comes from `Isa::available`.
    unsafe {
        match isa {
            Isa::Portable => run::<simd::portable::Portable>(x, rows, w, epilogue, out, scratch),
            #[cfg(target_arch = "wasm32")]
            Isa::Wasm => run::<simd::wasm::Wasm>(x, rows, w, epilogue, out, scratch),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::WasmChain => run::<wasm::WasmChain>(x, rows, w, epilogue, out, scratch),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::WasmDot => run::<wasm::WasmDot>(x, rows, w, epilogue, out, scratch),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::run_avx2(x, rows, w, epilogue, out, scratch),
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => x86::run_avx_vnni(x, rows, w, epilogue, out, scratch),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => run::<simd::neon::Neon>(x, rows, w, epilogue, out, scratch),
        }
    }
}

/// # Safety
/// As [`Simd`], with the sizes that [`linear_i8`] asserts.
#[inline(always)]
pub(crate) unsafe fn run<K: Kernel>(x: &[f32], rows: usize, w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    let kp = w.padded_k();
    let width = size_of::<K::A>();
    // A spare row, so that the buffer can be aligned to the type of the activations.
    scratch.bytes.resize((rows.min(BLOCK_ROWS) + 1) * kp * width, 0);
    scratch.affine.resize(BLOCK_ROWS, (0.0, 0.0));
    let shift = scratch.bytes.as_ptr().align_offset(width);
    // SAFETY: the resize above left `min(rows, BLOCK_ROWS) * kp` elements behind `shift`; weights and outputs have
    // the sizes that `linear_i8` asserts.
    unsafe {
        let a = scratch.bytes.as_mut_ptr().add(shift).cast::<K::A>();
        let mut block = 0;
        while block < rows {
            let height = BLOCK_ROWS.min(rows - block);
            for r in 0..height {
                let row = &x[(block + r) * w.k..][..w.k];
                scratch.affine[r] = quantize_row::<K>(row, a.add(r * kp), kp);
            }
            for nb in 0..w.blocks() {
                let wp = w.data.as_ptr().add(nb * TILE_COLS * kp);
                let mut r = 0;
                while r < height {
                    let real = TILE_ROWS.min(height - r);
                    let rows_at: [*const K::A; TILE_ROWS] = std::array::from_fn(|i| a.add((r + i.min(real - 1)) * kp).cast_const());
                    let acc = K::tile(rows_at, wp, kp, w.chain);
                    for i in 0..real {
                        let (scale, low) = scratch.affine[r + i];
                        let mut v = 0;
                        while v * K::LANES < TILE_COLS {
                            let col = nb * TILE_COLS + v * K::LANES;
                            let sum = K::from_i32(K::sums(&acc, i, v));
                            let low_part = K::mul(K::splat(low), K::load(w.sums.as_ptr().add(col)));
                            let y = K::mul_add(K::splat(scale), sum, low_part);
                            let y = K::mul(y, K::load(w.scales.as_ptr().add(col)));
                            epilogue.finish::<K>(y, block + r + i, col, w.n, out);
                            v += 1;
                        }
                    }
                    r += TILE_ROWS;
                }
            }
            block += BLOCK_ROWS;
        }
    }
}

/// `x ~ scale * q + low`, q in 0..=127; gives `(scale, low)`. The padding up to `kp` meets weights of zero.
///
/// # Safety
/// As [`Simd`]; `q` has `kp` writable elements.
#[inline(always)]
unsafe fn quantize_row<K: Kernel>(x: &[f32], q: *mut K::A, kp: usize) -> (f32, f32) {
    // SAFETY: `whole + LANES` never passes the end of x or of the padded q.
    unsafe {
        let whole = x.len() / K::LANES * K::LANES;
        let (mut low, mut high) = (K::splat(f32::INFINITY), K::splat(f32::NEG_INFINITY));
        let mut i = 0;
        while i < whole {
            let v = K::load(x.as_ptr().add(i));
            low = K::min(low, v);
            high = K::max(high, v);
            i += K::LANES;
        }
        let (mut low, mut high) = (K::minimum(low), K::maximum(high));
        for &v in &x[whole..] {
            low = low.min(v);
            high = high.max(v);
        }
        let range = high - low;
        let (scale, inverse) = if range > 0.0 { (range / 127.0, 127.0 / range) } else { (0.0, 0.0) };
        let mut i = 0;
        while i < whole {
            let v = K::sub(K::load(x.as_ptr().add(i)), K::splat(low));
            K::store_a(q.add(i), K::round(K::mul(v, K::splat(inverse))));
            i += K::LANES;
        }
        if whole < kp {
            let mut rest = [0.0f32; 16];
            for (r, v) in rest.iter_mut().zip(&x[whole..]) {
                *r = ((v - low) * inverse).round_ties_even();
            }
            let mut j = 0;
            while whole + j < kp {
                K::store_a(q.add(whole + j), K::load(rest.as_ptr().add(j)));
                j += K::LANES;
            }
        }
        (scale, low)
    }
}

/// `rows` rows of `x` through an f32 matrix.
pub fn linear_f32(isa: Isa, x: &[f32], rows: usize, w: &PackedF32, epilogue: Epilogue<'_>, out: &mut [f32]) {
    assert!(x.len() == rows * w.k && out.len() == rows * w.n);
    float::run(isa, x, rows, w, epilogue, out);
}
