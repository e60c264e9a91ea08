//! The integer tiles of x86-64: AVX2, and AVX-VNNI.

use std::arch::x86_64::*;

use super::{Ahead, Epilogue, Kernel, Scratch, TILE_COLS, pack::PackedI8, run};
use crate::math::simd::{Simd, avx2::Avx2};

/// AVX2 and FMA for the floats, `vpdpbusd` for the bytes.
#[derive(Clone, Copy)]
pub struct AvxVnni;

#[inline(always)]
unsafe fn splat4(p: *const u8) -> __m256i {
    // SAFETY: the caller has 4 readable bytes.
    unsafe { _mm256_set1_epi32(p.cast::<i32>().read_unaligned()) }
}

impl Kernel for Avx2 {
    const INTERLEAVE: usize = 4;
    const LEVELS: f32 = 127.0;
    type A = u8;
    type Row = __m256i;

    #[inline(always)]
    unsafe fn store_a(p: *mut u8, q: [Self::F; 4]) {
        unsafe { Self::store_u8(p, q) }
    }

    /// `vpmaddubsw` multiplies bytes to 16-bit pair sums; with `chain`, four of those add up before they widen.
    #[inline(always)]
    unsafe fn tile<const R: usize, const B: usize>(rows: [*const u8; R], w: [*const i8; B], k: usize, chain: bool, _ahead: Ahead) -> [[Self::Row; B]; R] {
        // SAFETY: i + 16 <= k, and a block of weights has 8 * k of them.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut acc = [[_mm256_setzero_si256(); B]; R];
            for i in (0..k).step_by(16) {
                for (b, w) in w.iter().enumerate() {
                    let w: [__m256i; 4] = std::array::from_fn(|j| _mm256_loadu_si256(w.add((i + 4 * j) * TILE_COLS).cast()));
                    for (acc, row) in acc.iter_mut().zip(rows) {
                        let p: [__m256i; 4] = std::array::from_fn(|j| _mm256_maddubs_epi16(splat4(row.add(i + 4 * j)), w[j]));
                        if chain {
                            let sum = _mm256_add_epi16(_mm256_add_epi16(p[0], p[1]), _mm256_add_epi16(p[2], p[3]));
                            acc[b] = _mm256_add_epi32(acc[b], _mm256_madd_epi16(sum, ones));
                        } else {
                            for p in p {
                                acc[b] = _mm256_add_epi32(acc[b], _mm256_madd_epi16(p, ones));
                            }
                        }
                    }
                }
            }
            acc
        }
    }

    #[inline(always)]
    unsafe fn sums(row: &Self::Row, _v: usize) -> Self::I {
        *row
    }
}

macro_rules! floats_of_avx2 {
    ($($name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)?;)*) => {
        impl Simd for AvxVnni {
            const LANES: usize = 8;
            type F = __m256;
            type I = __m256i;
            $(#[inline(always)]
            unsafe fn $name($($arg: $ty),*) $(-> $ret)? {
                unsafe { Avx2::$name($($arg),*) }
            })*
        }
    };
}
floats_of_avx2! {
    splat(x: f32) -> __m256;
    load(p: *const f32) -> __m256;
    store(p: *mut f32, x: __m256);
    add(a: __m256, b: __m256) -> __m256;
    sub(a: __m256, b: __m256) -> __m256;
    mul(a: __m256, b: __m256) -> __m256;
    div(a: __m256, b: __m256) -> __m256;
    mul_add(a: __m256, b: __m256, c: __m256) -> __m256;
    min(a: __m256, b: __m256) -> __m256;
    max(a: __m256, b: __m256) -> __m256;
    power(a: __m256) -> (__m256, __m256);
    from_i32(a: __m256i) -> __m256;
    store_u8(p: *mut u8, a: [__m256; 4]);
    load_i8(p: *const i8) -> __m256;
    sum(a: __m256) -> f32;
    maximum(a: __m256) -> f32;
    minimum(a: __m256) -> f32;
}

impl Kernel for AvxVnni {
    const INTERLEAVE: usize = 4;
    const LEVELS: f32 = 127.0;
    type A = u8;
    type Row = __m256i;

    #[inline(always)]
    unsafe fn store_a(p: *mut u8, q: [Self::F; 4]) {
        unsafe { Self::store_u8(p, q) }
    }

    #[inline(always)]
    unsafe fn tile<const R: usize, const B: usize>(rows: [*const u8; R], w: [*const i8; B], k: usize, _chain: bool, ahead: Ahead) -> [[Self::Row; B]; R] {
        // SAFETY: i + 8 <= k, and a block of weights has 8 * k of them.
        unsafe {
            // Two sums a row: the instruction's latency would stall a single one.
            let mut acc = [[[_mm256_setzero_si256(); 2]; B]; R];
            let mut from = ahead.from;
            for i in (0..k).step_by(8) {
                _mm_prefetch::<_MM_HINT_T0>(from);
                from = from.wrapping_add(2 * ahead.step);
                for (b, w) in w.iter().enumerate() {
                    let w: [__m256i; 2] = std::array::from_fn(|j| _mm256_loadu_si256(w.add((i + 4 * j) * TILE_COLS).cast()));
                    for (acc, row) in acc.iter_mut().zip(rows) {
                        for j in 0..2 {
                            acc[b][j] = _mm256_dpbusd_avx_epi32(acc[b][j], splat4(row.add(i + 4 * j)), w[j]);
                        }
                    }
                }
            }
            acc.map(|blocks| blocks.map(|[a, b]| _mm256_add_epi32(a, b)))
        }
    }

    #[inline(always)]
    unsafe fn sums(row: &Self::Row, _v: usize) -> Self::I {
        *row
    }
}

/// # Safety
/// The processor has AVX2 and FMA; sizes as `linear_i8` asserts.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_avx2(x: &[f32], w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    unsafe { run::<Avx2>(x, w, epilogue, out, scratch) }
}

/// # Safety
/// The processor has AVX-VNNI; sizes as `linear_i8` asserts.
#[target_feature(enable = "avx2,fma,avxvnni")]
pub(super) unsafe fn run_avx_vnni(x: &[f32], w: &PackedI8, epilogue: Epilogue<'_>, out: &mut [f32], scratch: &mut Scratch) {
    unsafe { run::<AvxVnni>(x, w, epilogue, out, scratch) }
}
