//! `y = activation(x W^T + b) + residual` on the CPU, with W in int8 or f32.
//!
//! int8: every row of x becomes integers, `x ~ scale * q + low` with q in 0..=levels (dynamic, per row), and
//! `y = w_scale * (scale * sum(w q) + low * sum(w))`; the columns of [`pack::Outliers`] go apart, with a scale and low of
//! their own. The integer sums are exact on every instruction set. Byte products take q in 0..=127, because those of x86,
//! Arm and relaxed wasm only agree there (and never saturate); simd128 multiplies 16-bit numbers and takes q in 0..=4095.
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

use super::activation::{activate, apply, is_inline};
use super::isa::Isa;
use crate::compute::graph::Activation;
use crate::math::simd::Simd;
use pack::{PackedF32, PackedI8};

/// Most rows, and outputs, of one tile.
pub const TILE_ROWS: usize = 4;
pub const TILE_COLS: usize = 8;
/// Rows that are finished over all outputs before the next: their quantized bytes stay in the first-level cache.
const BLOCK_ROWS: usize = 64;

/// The integer tile of an instruction set: up to [`TILE_ROWS`] rows of activations by 8 outputs.
pub trait Kernel: Simd {
    /// How many neighboring inputs of one output stand together in the packed weights.
    const INTERLEAVE: usize;
    /// The largest activation of one pass.
    const LEVELS: f32;
    /// The type that activations are stored in.
    type A: Copy + Default;
    /// The 8 sums of a row.
    type Row: Copy;

    /// Stores `LANES` integral numbers in 0..=`LEVELS`.
    ///
    /// # Safety
    /// As [`Simd::store`].
    unsafe fn store_a(p: *mut Self::A, q: Self::F);
    /// The sums of one tile over `k` inputs (a multiple of 16). With `chain`, the weights keep [`pack::CHAIN_LIMIT`].
    ///
    /// # Safety
    /// Each `rows` pointer has `k` numbers, `w` has `8 * k` weights in the layout of `INTERLEAVE`.
    unsafe fn tile<const R: usize>(rows: [*const Self::A; R], w: *const i8, k: usize, chain: bool) -> [Self::Row; R];
    /// The sums of a row for outputs `v * LANES ..`.
    ///
    /// # Safety
    /// As [`Simd`].
    unsafe fn sums(row: &Self::Row, v: usize) -> Self::I;
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
    /// The part that tiles finish at once: without the activation, where that goes over the output later, and then without what
    /// is added behind it.
    fn at_once(self) -> Self {
        if is_inline(self.activation) { self } else { Self { activation: Activation::None, residual: None, ..self } }
    }

    /// The rest of it, over the whole output.
    fn later(self, isa: Isa, out: &mut [f32]) {
        if is_inline(self.activation) {
            return;
        }
        apply(isa, self.activation, out);
        if let Some(residual) = self.residual {
            out.iter_mut().zip(residual).for_each(|(y, r)| *y += r);
        }
    }

    /// Finishes `LANES` outputs from column `col` on of `row` and writes those that exist.
    ///
    /// # Safety
    /// As [`Simd`]; `out` has `[rows, n]` numbers, `col + LANES` is at most n rounded up to 8.
    #[inline(always)]
    pub(crate) unsafe fn finish<S: Simd>(&self, y: S::F, row: usize, col: usize, n: usize, out: &mut [f32]) {
        unsafe {
            let y = S::add(y, S::load(self.bias.as_ptr().add(col)));
            let y = activate::<S>(self.activation, y);
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
    /// A row without its outliers, padded.
    row: Vec<f32>,
    affine: Vec<Affine>,
}

/// What the integers of a row stand for: `scale * q + low`, and the same of its outliers.
#[derive(Clone, Copy, Default)]
struct Affine {
    scale: f32,
    low: f32,
    outlier_scale: f32,
    outlier_low: f32,
}

/// `rows` rows of `x` through an int8 matrix.
pub fn linear_i8(x: &[f32], rows: usize, w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    assert!(w.k > 0 && x.len() == rows * w.k && out.len() == rows * w.n);
    assert!(w.padded_k() as f64 * 127.0 * f64::from(w.levels()) < f64::from(i32::MAX), "the integer sums would overflow");
    assert!(epilogue.bias.len() == w.blocks() * TILE_COLS && epilogue.residual.is_none_or(|r| r.len() == out.len()));
    let (whole, epilogue) = (epilogue, epilogue.at_once());
    // SAFETY: sizes were asserted; an `Isa` other than the plain one comes from `Isa::available`.
    unsafe {
        match w.isa {
            #[cfg(not(target_arch = "wasm32"))]
            Isa::Portable => run::<crate::math::simd::portable::Portable>(x, rows, w, epilogue, out, scratch),
            #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
            Isa::Wasm => run::<crate::math::simd::wasm::Wasm>(x, rows, w, epilogue, out, scratch),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::WasmChain => run::<wasm::WasmChain>(x, rows, w, epilogue, out, scratch),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::WasmDot => run::<wasm::WasmDot>(x, rows, w, epilogue, out, scratch),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::run_avx2(x, rows, w, epilogue, out, scratch),
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => x86::run_avx_vnni(x, rows, w, epilogue, out, scratch),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => run::<crate::math::simd::neon::Neon>(x, rows, w, epilogue, out, scratch),
        }
    }
    whole.later(w.isa, out);
}

/// # Safety
/// As [`Simd`], with the sizes that [`linear_i8`] asserts.
#[inline(always)]
pub(crate) unsafe fn run<K: Kernel>(x: &[f32], rows: usize, w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    let kp = w.padded_k();
    let width = size_of::<K::A>();
    let stride = kp + pack::K_ALIGN;
    // A spare row, so that the buffer can be aligned to the type of the activations.
    scratch.bytes.resize((rows.min(BLOCK_ROWS) + 1) * stride * width, 0);
    scratch.row.resize(kp, 0.0);
    scratch.affine.resize(BLOCK_ROWS, Affine::default());
    let shift = scratch.bytes.as_ptr().align_offset(width);
    // SAFETY: the resize above left `min(rows, BLOCK_ROWS) * stride` elements behind `shift`; weights and outputs have
    // the sizes that `linear_i8` asserts.
    unsafe {
        let a = scratch.bytes.as_mut_ptr().add(shift).cast::<K::A>();
        let mut block = 0;
        while block < rows {
            let height = BLOCK_ROWS.min(rows - block);
            for r in 0..height {
                let row = &x[(block + r) * w.k..][..w.k];
                scratch.affine[r] = quantize_row::<K>(row, w, &mut scratch.row, a.add(r * stride));
            }
            for nb in 0..w.blocks() {
                let mut r = 0;
                while r < height {
                    let place = Place { a: a.add(r * stride), first: block + r, nb };
                    let affine = &scratch.affine[r..];
                    match height - r {
                        1 => finish_tile::<K, 1>(w, place, affine, &epilogue, out),
                        2 => finish_tile::<K, 2>(w, place, affine, &epilogue, out),
                        3 => finish_tile::<K, 3>(w, place, affine, &epilogue, out),
                        _ => finish_tile::<K, TILE_ROWS>(w, place, affine, &epilogue, out),
                    }
                    r += TILE_ROWS;
                }
            }
            block += BLOCK_ROWS;
        }
    }
}

/// Where a tile is.
struct Place<A> {
    /// Its first row's integers.
    a: *const A,
    /// Its first row in the output.
    first: usize,
    /// Its block of outputs.
    nb: usize,
}

/// Multiplies `R` rows by 8 outputs and writes what comes of it.
///
/// # Safety
/// As [`run`]; `place.a` has `R` rows of `padded_k + K_ALIGN` integers, `affine` as many entries.
#[inline(always)]
unsafe fn finish_tile<K: Kernel, const R: usize>(w: &PackedI8, place: Place<K::A>, affine: &[Affine], epilogue: &Epilogue<'_>, out: &mut [f32]) {
    let kp = w.padded_k();
    // SAFETY: the caller's sizes; a block of outputs has 8 columns of sums and scales.
    unsafe {
        let rows: [*const K::A; R] = std::array::from_fn(|i| place.a.add(i * (kp + pack::K_ALIGN)));
        let acc = K::tile(rows, w.data.as_ptr().add(place.nb * TILE_COLS * kp), kp, w.chain);
        let apart = w.outliers.as_ref().map(|o| {
            let data = o.data.as_ptr().add(place.nb * TILE_COLS * pack::K_ALIGN);
            (o, K::tile(rows.map(|p| p.add(kp)), data, pack::K_ALIGN, o.chain))
        });
        for i in 0..R {
            let row = affine[i];
            let mut v = 0;
            while v * K::LANES < TILE_COLS {
                let col = place.nb * TILE_COLS + v * K::LANES;
                let mut y = value::<K>(K::sums(&acc[i], v), row.scale, row.low, w.sums.as_ptr().add(col), w.scales.as_ptr().add(col));
                if let Some((o, acc)) = &apart {
                    let sums = K::sums(&acc[i], v);
                    let more = value::<K>(sums, row.outlier_scale, row.outlier_low, o.sums.as_ptr().add(col), o.scales.as_ptr().add(col));
                    y = K::add(y, more);
                }
                epilogue.finish::<K>(y, place.first + i, col, w.n, out);
                v += 1;
            }
        }
    }
}

/// What the integer sums of `LANES` outputs are worth.
///
/// # Safety
/// As [`Simd`]; `sums` and `scales` have `LANES` numbers.
#[inline(always)]
unsafe fn value<K: Kernel>(acc: K::I, scale: f32, low: f32, sums: *const f32, scales: *const f32) -> K::F {
    unsafe {
        let y = K::mul_add(K::splat(scale), K::from_i32(acc), K::mul(K::splat(low), K::load(sums)));
        K::mul(y, K::load(scales))
    }
}

/// Quantizes a row and, behind it, its outliers. `plain` is `kp` numbers of room.
///
/// # Safety
/// As [`Simd`]; `q` has `kp + K_ALIGN` writable elements.
#[inline(always)]
unsafe fn quantize_row<K: Kernel>(x: &[f32], w: &PackedI8, plain: &mut [f32], q: *mut K::A) -> Affine {
    let columns = w.outliers.as_ref().map_or(&[][..], |o| &o.columns);
    plain[..x.len()].copy_from_slice(x);
    // A number of the row's own stands where no weight is: it widens no range. Outliers are fewer than inputs.
    let neutral = x[(0..x.len()).find(|&i| !columns.contains(&(i as u32))).unwrap_or(0)];
    plain[x.len()..].fill(neutral);
    let mut taken = [0.0f32; pack::K_ALIGN];
    for (taken, &c) in taken.iter_mut().zip(columns) {
        *taken = std::mem::replace(&mut plain[c as usize], neutral);
    }
    // SAFETY: both are whole vectors, and `q` has room for both.
    unsafe {
        let (scale, low) = quantize::<K>(plain, q);
        if columns.is_empty() {
            return Affine { scale, low, ..Affine::default() };
        }
        let first = taken[0];
        taken[columns.len()..].fill(first);
        let (outlier_scale, outlier_low) = quantize::<K>(&taken, q.add(plain.len()));
        Affine { scale, low, outlier_scale, outlier_low }
    }
}

/// `x ~ scale * q + low`, q in 0..=levels; gives `(scale, low)`.
///
/// # Safety
/// As [`Simd`]; x is whole vectors of `LANES`, `q` has as many writable elements.
#[inline(always)]
unsafe fn quantize<K: Kernel>(x: &[f32], q: *mut K::A) -> (f32, f32) {
    // SAFETY: i + LANES never passes the end.
    unsafe {
        let (mut low, mut high) = (K::splat(f32::INFINITY), K::splat(f32::NEG_INFINITY));
        for i in (0..x.len()).step_by(K::LANES) {
            let v = K::load(x.as_ptr().add(i));
            low = K::min(low, v);
            high = K::max(high, v);
        }
        let (low, high) = (K::minimum(low), K::maximum(high));
        let range = high - low;
        let (scale, inverse) = if range > 0.0 { (range / K::LEVELS, K::LEVELS / range) } else { (0.0, 0.0) };
        for i in (0..x.len()).step_by(K::LANES) {
            let v = K::load(x.as_ptr().add(i));
            K::store_a(q.add(i), K::round(K::mul(K::sub(v, K::splat(low)), K::splat(inverse))));
        }
        (scale, low)
    }
}

/// `rows` rows of `x` through an f32 matrix.
pub fn linear_f32(isa: Isa, x: &[f32], rows: usize, w: &PackedF32, epilogue: Epilogue<'_>, out: &mut [f32]) {
    assert!(x.len() == rows * w.k && out.len() == rows * w.n);
    float::run(isa, x, rows, w, epilogue.at_once(), out);
    epilogue.later(isa, out);
}
