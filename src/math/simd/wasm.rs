//! WebAssembly simd128: four lanes. With `relaxed-simd` the multiply-add is fused where the engine likes it so.

use std::arch::wasm32::*;

use super::Simd;

/// simd128.
#[derive(Clone, Copy)]
pub struct Wasm;

impl Wasm {
    /// Numbers of 0 up to 65,535 to the nearest integers, ties to even.
    ///
    /// # Safety
    /// As [`Simd`].
    #[inline(always)]
    pub(crate) unsafe fn rounded(a: v128) -> v128 {
        // 2^23 + a rounds a and holds it in its lowest bits. Sixteen are left: of eight the compiler would know that nothing
        // saturates when they are narrowed to bytes, and would pick those one by one.
        v128_and(f32x4_add(a, f32x4_splat(8_388_608.0)), i32x4_splat(0xffff))
    }
}

impl Simd for Wasm {
    const LANES: usize = 4;
    type F = v128;
    type I = v128;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::F {
        f32x4_splat(x)
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::F {
        unsafe { v128_load(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: Self::F) {
        unsafe { v128_store(p.cast(), x) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        f32x4_add(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F {
        f32x4_sub(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        f32x4_mul(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F {
        f32x4_div(a, b)
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        #[cfg(target_feature = "relaxed-simd")]
        return f32x4_relaxed_madd(a, b, c);
        #[cfg(not(target_feature = "relaxed-simd"))]
        f32x4_add(f32x4_mul(a, b), c)
    }
    #[inline(always)]
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F {
        f32x4_pmin(b, a)
    }
    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        f32x4_pmax(b, a)
    }
    #[inline(always)]
    unsafe fn power(a: Self::F) -> (Self::F, Self::F) {
        // 1.5 * 2^23 + a rounds a, and holds it in its lowest bits.
        let shift = f32x4_splat(12_582_912.0);
        let shifted = f32x4_add(a, shift);
        (f32x4_sub(shifted, shift), i32x4_shl(i32x4_add(shifted, i32x4_splat(127)), 23))
    }
    #[inline(always)]
    unsafe fn from_i32(a: Self::I) -> Self::F {
        f32x4_convert_i32x4(a)
    }
    #[inline(always)]
    unsafe fn store_u8(p: *mut u8, a: [Self::F; 4]) {
        let [a, b, c, d] = a.map(|a| unsafe { Self::rounded(a) });
        unsafe { v128_store(p.cast(), u8x16_narrow_i16x8(u16x8_narrow_i32x4(a, b), u16x8_narrow_i32x4(c, d))) }
    }
    #[inline(always)]
    unsafe fn load_i8(p: *const i8) -> Self::F {
        let bytes = unsafe { v128_load32_zero(p.cast()) };
        f32x4_convert_i32x4(i32x4_extend_low_i16x8(i16x8_extend_low_i8x16(bytes)))
    }
    #[inline(always)]
    unsafe fn turn(rows: [*const f32; 4], to: *mut f32, stride: usize) {
        unsafe {
            let [a, b, c, d] = rows.map(|row| Self::load(row));
            let low = [i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<0, 4, 1, 5>(c, d)];
            let high = [i32x4_shuffle::<2, 6, 3, 7>(a, b), i32x4_shuffle::<2, 6, 3, 7>(c, d)];
            for (i, [ab, cd]) in [low, high].into_iter().enumerate() {
                Self::store(to.add(2 * i * stride), i64x2_shuffle::<0, 2>(ab, cd));
                Self::store(to.add((2 * i + 1) * stride), i64x2_shuffle::<1, 3>(ab, cd));
            }
        }
    }
    #[inline(always)]
    unsafe fn sum(a: Self::F) -> f32 {
        let x = f32x4_add(a, i32x4_shuffle::<2, 3, 0, 1>(a, a));
        f32x4_extract_lane::<0>(f32x4_add(x, i32x4_shuffle::<1, 0, 3, 2>(x, x)))
    }
    #[inline(always)]
    unsafe fn maximum(a: Self::F) -> f32 {
        let x = f32x4_pmax(a, i32x4_shuffle::<2, 3, 0, 1>(a, a));
        f32x4_extract_lane::<0>(f32x4_pmax(x, i32x4_shuffle::<1, 0, 3, 2>(x, x)))
    }
    #[inline(always)]
    unsafe fn minimum(a: Self::F) -> f32 {
        let x = f32x4_pmin(a, i32x4_shuffle::<2, 3, 0, 1>(a, a));
        f32x4_extract_lane::<0>(f32x4_pmin(x, i32x4_shuffle::<1, 0, 3, 2>(x, x)))
    }
}
