//! AArch64's NEON: four lanes.

use std::arch::aarch64::*;

use super::Simd;

/// NEON, which every AArch64 processor has.
#[derive(Clone, Copy)]
pub struct Neon;

impl Simd for Neon {
    const LANES: usize = 4;
    type F = float32x4_t;
    type I = int32x4_t;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::F {
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::F {
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: Self::F) {
        unsafe { vst1q_f32(p, x) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F {
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F {
        unsafe { vminq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        unsafe { vmaxq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn power(a: Self::F) -> (Self::F, Self::F) {
        unsafe {
            let n = vrndnq_f32(a);
            (n, vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)))))
        }
    }
    #[inline(always)]
    unsafe fn from_i32(a: Self::I) -> Self::F {
        unsafe { vcvtq_f32_s32(a) }
    }
    #[inline(always)]
    unsafe fn store_u8(p: *mut u8, a: [Self::F; 4]) {
        unsafe {
            let words = |a, b| vcombine_u16(vqmovn_u32(vcvtnq_u32_f32(a)), vqmovn_u32(vcvtnq_u32_f32(b)));
            vst1q_u8(p, vcombine_u8(vqmovn_u16(words(a[0], a[1])), vqmovn_u16(words(a[2], a[3]))));
        }
    }
    #[inline(always)]
    unsafe fn load_i8(p: *const i8) -> Self::F {
        unsafe {
            let bytes = vreinterpret_s8_u32(vdup_n_u32(p.cast::<u32>().read_unaligned()));
            vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))))
        }
    }
    #[inline(always)]
    unsafe fn sum(a: Self::F) -> f32 {
        unsafe { vaddvq_f32(a) }
    }
    #[inline(always)]
    unsafe fn maximum(a: Self::F) -> f32 {
        unsafe { vmaxvq_f32(a) }
    }
    #[inline(always)]
    unsafe fn minimum(a: Self::F) -> f32 {
        unsafe { vminvq_f32(a) }
    }
}
