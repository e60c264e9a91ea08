//! The integer tiles of WebAssembly: simd128, and two with relaxed SIMD.
//!
//! V8 without VNNI turns `i32x4.relaxed_dot_i8x16_i7x16_add` into five instructions, where the chain needs nine for
//! four products; with VNNI the former is one. Which is faster is measured on the device, see `compute::cpu::tune`.

use std::arch::wasm32::*;

use super::{Ahead, Kernel, TILE_COLS};
#[cfg(target_feature = "relaxed-simd")]
use crate::math::simd::Simd;
use crate::math::simd::wasm::Wasm;

impl Kernel for Wasm {
    const INTERLEAVE: usize = 2;
    /// `127 * 4095 * k` stays below 2^31 up to k = 4128.
    const LEVELS: f32 = 4095.0;
    /// 16 bits, so that two activations splat in one load.
    type A = i16;
    type Row = [v128; 2];

    #[inline(always)]
    unsafe fn store_a(p: *mut i16, q: [Self::F; 4]) {
        unsafe {
            let [a, b, c, d] = q.map(|q| Self::rounded(q));
            v128_store(p.cast(), i16x8_narrow_i32x4(a, b));
            v128_store(p.add(8).cast(), i16x8_narrow_i32x4(c, d));
        }
    }

    #[inline(always)]
    unsafe fn tile<const R: usize, const B: usize>(rows: [*const i16; R], w: [*const i8; B], k: usize, _chain: bool, _ahead: Ahead) -> [[Self::Row; B]; R] {
        let mut acc = [[[i32x4_splat(0); 2]; B]; R];
        let mut i = 0;
        while i < k {
            // SAFETY: i + 2 <= k, and a block of weights has 8 * k of them.
            unsafe {
                let a = rows.map(|row| v128_load32_splat(row.add(i).cast()));
                for b in 0..B {
                    for v in 0..2 {
                        let w = i16x8_load_extend_i8x8(w[b].add(i * TILE_COLS + 8 * v));
                        for r in 0..R {
                            acc[r][b][v] = i32x4_add(acc[r][b][v], i32x4_dot_i16x8(w, a[r]));
                        }
                    }
                }
            }
            i += 2;
        }
        acc
    }

    #[inline(always)]
    unsafe fn sums(row: &Self::Row, v: usize) -> Self::I {
        row[v]
    }
}

#[cfg(target_feature = "relaxed-simd")]
mod relaxed {
    use super::*;

    /// Byte products to 16-bit pairs, four of which add up before they widen.
    #[derive(Clone, Copy)]
    pub struct WasmChain;
    /// The four-way dot product of bytes.
    #[derive(Clone, Copy)]
    pub struct WasmDot;

    macro_rules! floats_of_wasm {
        ($who:ty: $($name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)?;)*) => {
            impl Simd for $who {
                const LANES: usize = 4;
                type F = v128;
                type I = v128;
                $(#[inline(always)]
                unsafe fn $name($($arg: $ty),*) $(-> $ret)? {
                    unsafe { Wasm::$name($($arg),*) }
                })*
            }
        };
        ($who:ty) => {
            floats_of_wasm! { $who:
                splat(x: f32) -> v128;
                load(p: *const f32) -> v128;
                store(p: *mut f32, x: v128);
                add(a: v128, b: v128) -> v128;
                sub(a: v128, b: v128) -> v128;
                mul(a: v128, b: v128) -> v128;
                div(a: v128, b: v128) -> v128;
                mul_add(a: v128, b: v128, c: v128) -> v128;
                min(a: v128, b: v128) -> v128;
                max(a: v128, b: v128) -> v128;
                power(a: v128) -> (v128, v128);
                from_i32(a: v128) -> v128;
                store_u8(p: *mut u8, a: [v128; 4]);
                load_i8(p: *const i8) -> v128;
                turn(rows: [*const f32; 4], to: *mut f32, stride: usize);
                sum(a: v128) -> f32;
                maximum(a: v128) -> f32;
                minimum(a: v128) -> f32;
            }
        };
    }
    floats_of_wasm!(WasmChain);
    floats_of_wasm!(WasmDot);

    /// What [`beyond`] gives of VNNI, and of SSE's pairs with saturation.
    pub const VNNI: i32 = 4 * 127 * 255;
    pub const PAIRS: i32 = 2 * i16::MAX as i32;

    /// The dot product of four 127s and four 255s, which have more bits than is specified.
    pub fn beyond() -> i32 {
        let (w, a) = std::hint::black_box((i8x16_splat(127), i8x16_splat(-1)));
        i32x4_extract_lane::<0>(i32x4_relaxed_dot_i8x16_i7x16_add(w, a, i32x4_splat(0)))
    }

    /// A tile of four rows, for a clock to watch: `a` is `[4, K]`, `w` `[K / 4, 8, 4]`.
    #[inline(never)]
    pub fn spin<S: Kernel<A = u8>, const K: usize>(a: &[u8], w: &[i8]) {
        assert!(a.len() >= 4 * K && w.len() >= 8 * K);
        // SAFETY: the sizes that the tile reads.
        std::hint::black_box(unsafe { S::tile::<4, 1>([0, 1, 2, 3].map(|row| a.as_ptr().add(row * K)), [w.as_ptr()], K, true, Ahead { from: w.as_ptr(), step: 0 }) });
    }

    impl Kernel for WasmDot {
        const INTERLEAVE: usize = 4;
        const LEVELS: f32 = 127.0;
        type A = u8;
        type Row = [v128; 2];

        #[inline(always)]
        unsafe fn store_a(p: *mut u8, q: [Self::F; 4]) {
            unsafe { Self::store_u8(p, q) }
        }

        #[inline(always)]
        unsafe fn tile<const R: usize, const B: usize>(rows: [*const u8; R], w: [*const i8; B], k: usize, _chain: bool, ahead: Ahead) -> [[Self::Row; B]; R] {
            let mut acc = [[[i32x4_splat(0); 2]; B]; R];
            // Without an instruction that prefetches, a number is read and made believe to be used.
            let Ahead { mut from, step } = ahead;
            let mut touched = 0;
            let mut i = 0;
            while i < k {
                // SAFETY: i + 4 <= k, and a block of weights has 8 * k of them.
                unsafe {
                    touched ^= *from;
                    from = from.add(step);
                    let a = rows.map(|row| v128_load32_splat(row.add(i).cast()));
                    for b in 0..B {
                        for v in 0..2 {
                            let w = v128_load(w[b].add(i * TILE_COLS + 16 * v).cast());
                            for r in 0..R {
                                acc[r][b][v] = i32x4_relaxed_dot_i8x16_i7x16_add(w, a[r], acc[r][b][v]);
                            }
                        }
                    }
                }
                i += 4;
            }
            std::hint::black_box(touched);
            acc
        }

        #[inline(always)]
        unsafe fn sums(row: &Self::Row, v: usize) -> Self::I {
            row[v]
        }
    }

    impl Kernel for WasmChain {
        const INTERLEAVE: usize = 4;
        const LEVELS: f32 = 127.0;
        type A = u8;
        type Row = [v128; 2];

        #[inline(always)]
        unsafe fn store_a(p: *mut u8, q: [Self::F; 4]) {
            unsafe { Self::store_u8(p, q) }
        }

        #[inline(always)]
        unsafe fn tile<const R: usize, const B: usize>(rows: [*const u8; R], w: [*const i8; B], k: usize, chain: bool, _ahead: Ahead) -> [[Self::Row; B]; R] {
            let ones = i16x8_splat(1);
            let mut acc = [[[i32x4_splat(0); 2]; B]; R];
            let mut i = 0;
            while !chain && i < k {
                // SAFETY: i + 4 <= k, and a block of weights has 8 * k of them.
                unsafe {
                    let a = rows.map(|row| v128_load32_splat(row.add(i).cast()));
                    for b in 0..B {
                        for v in 0..2 {
                            let w = v128_load(w[b].add(i * TILE_COLS + 16 * v).cast());
                            for r in 0..R {
                                acc[r][b][v] = i32x4_add(acc[r][b][v], i32x4_dot_i16x8(i16x8_relaxed_dot_i8x16_i7x16(w, a[r]), ones));
                            }
                        }
                    }
                }
                i += 4;
            }
            while i < k {
                for b in 0..B {
                    for v in 0..2 {
                        // SAFETY: i + 16 <= k, and a block of weights has 8 * k of them.
                        unsafe {
                            let at = w[b].add(i * TILE_COLS + v * 16);
                            let w0 = v128_load(at.cast());
                            let w1 = v128_load(at.add(32).cast());
                            let w2 = v128_load(at.add(64).cast());
                            let w3 = v128_load(at.add(96).cast());
                            for r in 0..R {
                                let p = rows[r].add(i);
                                let s = i16x8_relaxed_dot_i8x16_i7x16(w0, v128_load32_splat(p.cast()));
                                let s = i16x8_add(s, i16x8_relaxed_dot_i8x16_i7x16(w1, v128_load32_splat(p.add(4).cast())));
                                let s = i16x8_add(s, i16x8_relaxed_dot_i8x16_i7x16(w2, v128_load32_splat(p.add(8).cast())));
                                let s = i16x8_add(s, i16x8_relaxed_dot_i8x16_i7x16(w3, v128_load32_splat(p.add(12).cast())));
                                acc[r][b][v] = i32x4_add(acc[r][b][v], i32x4_dot_i16x8(s, ones));
                            }
                        }
                    }
                }
                i += 16;
            }
            acc
        }

        #[inline(always)]
        unsafe fn sums(row: &Self::Row, v: usize) -> Self::I {
            row[v]
        }
    }
}
#[cfg(target_feature = "relaxed-simd")]
pub use relaxed::{PAIRS, VNNI, WasmChain, WasmDot, beyond, spin};
