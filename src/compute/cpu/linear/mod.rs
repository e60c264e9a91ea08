//! `y = activation(x W^T + b) + residual` on the CPU, with W in int8 or f32.
//!
//! int8: every row of x becomes integers, `x ~ scale * q + low` with q in 0..=levels (dynamic, per row), and
//! `y = w_scale * (scale * sum(w q) + low * sum(w))`; the columns of [`pack::Outliers`] go apart, with a scale and low of
//! their own. The integer sums are exact on every instruction set. Byte products take q in 0..=127, because those of x86,
//! Arm and relaxed wasm only agree there (and never saturate); simd128 multiplies 16-bit numbers and takes q in 0..=4095.
//!
//! The layout of the packed weights is in [`pack`]; the tiles of each instruction set stand in the files beside.

mod epilogue;
pub mod float;
pub mod pack;
pub mod portable;
mod quantize;
#[cfg(target_arch = "aarch64")]
pub mod neon;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
#[cfg(target_arch = "x86_64")]
pub mod x86;

use super::isa::Isa;
use crate::math::simd::Simd;
pub use epilogue::Epilogue;
use pack::{PackedF32, PackedI8};
use quantize::{Affine, quantize_row};

/// Most rows, and outputs, of one tile.
pub const TILE_ROWS: usize = 4;
pub const TILE_COLS: usize = 8;
/// Blocks of outputs whose sums wait to be finished together, and their outputs.
const PANEL_BLOCKS: usize = 4;
const PANEL: usize = PANEL_BLOCKS * TILE_COLS;
/// The sums of a panel.
const BLOCK_SUMS: usize = BLOCK_ROWS * PANEL;
/// Rows that are finished over all outputs before the next: their quantized bytes stay in the second-level cache.
const BLOCK_ROWS: usize = 128;

/// Weights that are needed soon: readable bytes at `from` and at every `step` behind, as many as a tile has groups of four inputs.
///
/// A row of tiles goes over the same weights, which the first one waits for where a model is larger than the cache (CLIP's 38 MB)
/// and the others find near. So while they are at work the next weights come, at an even pace: a processor fetches by itself what it
/// sees read in order. In Chromium a picture of CLIP takes 9 % less for it, one text 10 %, natively 96 texts 4 %.
#[derive(Clone, Copy)]
#[cfg_attr(not(any(target_feature = "relaxed-simd", target_arch = "x86_64")), expect(dead_code, reason = "the other tiles are slow enough for the processor to keep up"))]
pub struct Ahead {
    from: *const i8,
    step: usize,
}

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

    /// Sixteen numbers in 0..=`LEVELS` (of as many vectors as they fill) to the nearest integers, ties to even, at `p`.
    ///
    /// # Safety
    /// As [`Simd::store`].
    unsafe fn store_a(p: *mut Self::A, q: [Self::F; 4]);
    /// The sums of one tile over `k` inputs (a multiple of 16): of `R` rows with `B` blocks of outputs. With `chain`, the weights
    /// keep [`pack::CHAIN_LIMIT`]. What stands `ahead` may be brought near meanwhile.
    ///
    /// # Safety
    /// Each `rows` pointer has `k` numbers, each of `w` `8 * k` weights in the layout of `INTERLEAVE`.
    unsafe fn tile<const R: usize, const B: usize>(rows: [*const Self::A; R], w: [*const i8; B], k: usize, chain: bool, ahead: Ahead) -> [[Self::Row; B]; R];
    /// The sums of a row for outputs `v * LANES ..`.
    ///
    /// # Safety
    /// As [`Simd`].
    unsafe fn sums(row: &Self::Row, v: usize) -> Self::I;
}

/// Quantized activations, kept between calls so that nothing is allocated in the steady state.
#[derive(Default)]
pub struct Scratch {
    bytes: Vec<u8>,
    /// A row without its outliers, padded.
    row: Vec<f32>,
    affine: Vec<Affine>,
    /// Of a panel and, behind, of its outliers: `[2, BLOCK_ROWS, PANEL]`.
    sums: Vec<f32>,
}

/// `rows` rows of `x` through an int8 matrix.
pub fn linear_i8(x: &[f32], rows: usize, w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    assert!(w.k > 0 && x.len() == rows * w.k && out.len() == rows * w.n);
    assert!(w.padded_k() as f64 * 127.0 * f64::from(w.levels()) < f64::from(i32::MAX), "the integer sums would overflow");
    assert!(epilogue.bias.len() == w.blocks() * TILE_COLS && epilogue.residual.is_none_or(|r| r.len() == out.len()));
    by_blocks(x, w.k, w.n, epilogue, out, |x, epilogue, out| linear_block(x, w, epilogue, out, scratch));
}

/// Calls `each` for up to [`BLOCK_ROWS`] rows `[rows, k]` at a time, with what of the epilogue and of the output `[rows, n]` is theirs.
fn by_blocks(x: &[f32], k: usize, n: usize, epilogue: Epilogue<'_>, out: &mut [f32], mut each: impl FnMut(&[f32], Epilogue<'_>, &mut [f32])) {
    for (block, (x, out)) in x.chunks(BLOCK_ROWS * k).zip(out.chunks_mut(BLOCK_ROWS * n)).enumerate() {
        let residual = epilogue.residual.map(|r| &r[block * BLOCK_ROWS * n..][..out.len()]);
        each(x, Epilogue { residual, ..epilogue }, out);
    }
}

/// As [`linear_i8`], of up to [`BLOCK_ROWS`] rows.
fn linear_block(x: &[f32], w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    // SAFETY: `linear_i8` asserted the sizes; an `Isa` other than the plain one comes from `Isa::available`.
    unsafe {
        match w.isa {
            #[cfg(not(target_arch = "wasm32"))]
            Isa::Portable => run::<crate::math::simd::portable::Portable>(x, w, epilogue, out, scratch),
            #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
            Isa::Wasm => run::<crate::math::simd::wasm::Wasm>(x, w, epilogue, out, scratch),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::WasmChain => run::<wasm::WasmChain>(x, w, epilogue, out, scratch),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::WasmDot => run::<wasm::WasmDot>(x, w, epilogue, out, scratch),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::run_avx2(x, w, epilogue, out, scratch),
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => x86::run_avx_vnni(x, w, epilogue, out, scratch),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => run::<crate::math::simd::neon::Neon>(x, w, epilogue, out, scratch),
        }
    }
}

/// # Safety
/// As [`Simd`], with the sizes that [`linear_i8`] asserts.
#[inline(always)]
pub(crate) unsafe fn run<K: Kernel>(x: &[f32], w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    let rows = x.len() / w.k;
    let kp = w.padded_k();
    let width = size_of::<K::A>();
    let stride = kp + pack::K_ALIGN;
    // A spare row, so that the buffer can be aligned to the type of the activations.
    scratch.bytes.resize((rows + 1) * stride * width, 0);
    scratch.row.resize(kp, 0.0);
    scratch.affine.resize(BLOCK_ROWS, Affine::default());
    scratch.sums.resize(2 * BLOCK_SUMS, 0.0);
    let shift = scratch.bytes.as_ptr().align_offset(width);
    // SAFETY: the resize above left `rows * stride` elements behind `shift`; weights and outputs have the sizes that `linear_i8`
    // asserts.
    unsafe {
        let a = scratch.bytes.as_mut_ptr().add(shift).cast::<K::A>();
        let sums = scratch.sums.as_mut_ptr();
        let bias = epilogue.bias.as_ptr();
        for (r, row) in x.chunks_exact(w.k).enumerate() {
            scratch.affine[r] = quantize_row::<K>(row, w, &mut scratch.row, a.add(r * stride));
        }
        let mut first = 0;
        while first < w.blocks() {
            let left = w.blocks() - first;
            let blocks = PANEL_BLOCKS.min(left);
            let weights = |data: &[i8], k: usize| data.as_ptr().add(first * TILE_COLS * k);
            multiply::<K>(&Operands { a, stride, rows, w: weights(&w.data, kp), blocks, left, k: kp, chain: w.chain }, sums);
            if let Some(o) = &w.outliers {
                let k = pack::K_ALIGN;
                multiply::<K>(&Operands { a: a.add(kp), stride, rows, w: weights(&o.data, k), blocks, left, k, chain: o.chain }, sums.add(BLOCK_SUMS));
            }
            let terms = w.terms.as_ptr().add(first * TILE_COLS * w.terms());
            let panel = Panel { blocks, terms, bias: bias.add(first * TILE_COLS) };
            match w.outliers {
                None => scale::<K, false>(sums, &scratch.affine[..rows], &panel),
                Some(_) => scale::<K, true>(sums, &scratch.affine[..rows], &panel),
            }
            epilogue.finish(w.isa, std::slice::from_raw_parts_mut(sums, rows * PANEL), first * TILE_COLS, w.n, out);
            first += blocks;
        }
    }
}

/// Rows of activations and blocks of outputs that are multiplied.
struct Operands<A> {
    a: *const A,
    /// Integers from one row to the next.
    stride: usize,
    rows: usize,
    w: *const i8,
    blocks: usize,
    /// Blocks from `w` on to the end of the matrix.
    left: usize,
    k: usize,
    chain: bool,
}

/// The sums of all rows with up to [`PANEL_BLOCKS`] blocks of outputs, as floats, `[rows, PANEL]`.
///
/// A tile has eight vectors of sums (four in a row of which there are two, and so on): as many as two units of a latency of four
/// cycles take to be busy, and more would not fit into the sixteen registers of x86 beside what is multiplied. So where fewer than
/// three rows are left, more outputs make it up.
///
/// As a function of its own it has the registers that an engine's compiler gives a function to itself.
///
/// # Safety
/// As [`run`]; `a` has `rows` rows of `k` integers, `w` `blocks` blocks, `sums` `[rows, PANEL]` writable numbers.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn multiply<K: Kernel>(of: &Operands<K::A>, sums: *mut f32) {
    let whole = of.rows / TILE_ROWS * TILE_ROWS;
    let block = TILE_COLS * of.k;
    // Each row of tiles' part of the next block's weights.
    let part = block / (whole / TILE_ROWS).max(1);
    let step = part / (of.k / 4);
    // SAFETY: rows stay below `rows`, blocks below `blocks`, and what is ahead within the matrix: all parts are a block at most.
    unsafe {
        for b in 0..of.blocks {
            let mut from = of.w.add(if b + 1 < of.left { b + 1 } else { b } * block);
            for r in (0..whole).step_by(TILE_ROWS) {
                tile::<K, TILE_ROWS, 1>(of, r, b, Ahead { from, step }, sums);
                from = from.add(part);
            }
        }
        let mut b = 0;
        while b < of.blocks {
            let here = Ahead { from: of.w, step: 0 };
            match (of.rows - whole, of.blocks - b) {
                (3, _) => {
                    tile::<K, 3, 1>(of, whole, b, here, sums);
                    b += 1;
                }
                (2, 2..) => {
                    tile::<K, 2, 2>(of, whole, b, here, sums);
                    b += 2;
                }
                (2, _) => {
                    tile::<K, 2, 1>(of, whole, b, here, sums);
                    b += 1;
                }
                (1, 4..) => {
                    tile::<K, 1, 4>(of, whole, b, here, sums);
                    b += 4;
                }
                (1, _) => {
                    tile::<K, 1, 1>(of, whole, b, here, sums);
                    b += 1;
                }
                _ => return,
            }
        }
    }
}

/// The tile of `R` rows from `row` on and `B` blocks from `block` on.
///
/// # Safety
/// As [`multiply`].
#[inline(always)]
unsafe fn tile<K: Kernel, const R: usize, const B: usize>(of: &Operands<K::A>, row: usize, block: usize, ahead: Ahead, sums: *mut f32) {
    unsafe {
        let rows: [*const K::A; R] = std::array::from_fn(|i| of.a.add((row + i) * of.stride));
        let weights: [*const i8; B] = std::array::from_fn(|i| of.w.add((block + i) * TILE_COLS * of.k));
        let acc = K::tile(rows, weights, of.k, of.chain, ahead);
        for (i, acc) in acc.iter().enumerate() {
            for (j, acc) in acc.iter().enumerate() {
                for v in 0..TILE_COLS / K::LANES {
                    K::store(sums.add((row + i) * PANEL + (block + j) * TILE_COLS + v * K::LANES), K::from_i32(K::sums(acc, v)));
                }
            }
        }
    }
}

/// What the sums of a panel's outputs are scaled by.
struct Panel {
    blocks: usize,
    /// Of its first output, as in [`PackedI8::terms`].
    terms: *const f32,
    bias: *const f32,
}

/// The integer sums of a panel and, [`BLOCK_SUMS`] behind, of its outliers to what they stand for, with the bias, in place.
///
/// # Safety
/// As [`run`]; `sums` are `[rows, PANEL]` numbers, `panel` has those of its blocks.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn scale<K: Kernel, const OUTLIERS: bool>(sums: *mut f32, affine: &[Affine], panel: &Panel) {
    // SAFETY: the caller's sizes.
    unsafe {
        let (pairs, last) = affine.as_chunks::<2>();
        for (i, pair) in pairs.iter().enumerate() {
            scale_rows::<K, 2, OUTLIERS>(sums.add(2 * i * PANEL), pair, panel);
        }
        if let [last] = last {
            scale_rows::<K, 1, OUTLIERS>(sums.add((affine.len() - 1) * PANEL), &[*last], panel);
        }
    }
}

/// As [`scale`], of `R` rows, that share what they are multiplied by.
///
/// # Safety
/// As [`scale`].
#[inline(always)]
unsafe fn scale_rows<K: Kernel, const R: usize, const OUTLIERS: bool>(mut sums: *mut f32, affine: &[Affine; R], panel: &Panel) {
    // SAFETY: the caller's sizes.
    unsafe {
        let factors = affine.map(|a| [a.low, a.scale, a.outlier_low, a.outlier_scale].map(|x| K::splat(x)));
        let (mut terms, mut bias) = (panel.terms, panel.bias);
        for _ in 0..panel.blocks {
            for v in (0..TILE_COLS).step_by(K::LANES) {
                let mut y = [K::load(bias.add(v)); R];
                for part in 0..1 + usize::from(OUTLIERS) {
                    let terms = terms.add(2 * part * TILE_COLS + v);
                    let (sum, unit) = (K::load(terms), K::load(terms.add(TILE_COLS)));
                    for (r, y) in y.iter_mut().enumerate() {
                        let [low, scale] = [factors[r][2 * part], factors[r][2 * part + 1]];
                        // What cancels is added up first.
                        let whole = K::mul_add(scale, K::load(sums.add(part * BLOCK_SUMS + r * PANEL + v)), K::mul(low, sum));
                        *y = K::mul_add(whole, unit, *y);
                    }
                }
                for (r, y) in y.into_iter().enumerate() {
                    K::store(sums.add(r * PANEL + v), y);
                }
            }
            (sums, bias) = (sums.add(TILE_COLS), bias.add(TILE_COLS));
            terms = terms.add((2 + 2 * usize::from(OUTLIERS)) * TILE_COLS);
        }
    }
}

/// `rows` rows of `x` through an f32 matrix.
pub fn linear_f32(isa: Isa, x: &[f32], rows: usize, w: &PackedF32, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    assert!(w.k > 0 && x.len() == rows * w.k && out.len() == rows * w.n);
    assert!(epilogue.bias.len() == w.n.next_multiple_of(TILE_COLS) && epilogue.residual.is_none_or(|r| r.len() == out.len()));
    scratch.sums.resize(2 * BLOCK_SUMS, 0.0);
    by_blocks(x, w.k, w.n, epilogue, out, |x, epilogue, out| {
        let panel = &mut scratch.sums[..x.len() / w.k * PANEL];
        for col in (0..w.n).step_by(PANEL) {
            float::multiply(isa, x, w, epilogue.bias, col, panel);
            epilogue.finish(isa, panel, col, w.n, out);
        }
    });
}
