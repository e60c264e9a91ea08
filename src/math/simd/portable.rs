//! The instruction set of nobody in particular: arrays of eight, for the compiler to vectorize.

use super::Simd;

/// Plain Rust, everywhere.
#[derive(Clone, Copy)]
pub struct Portable;

#[inline(always)]
fn map(a: [f32; 8], f: impl Fn(f32) -> f32) -> [f32; 8] {
    a.map(f)
}

#[inline(always)]
fn zip(a: [f32; 8], b: [f32; 8], f: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Portable {
    const LANES: usize = 8;
    type F = [f32; 8];
    type I = [i32; 8];

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::F {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::F {
        // SAFETY: the caller gives 8 readable numbers.
        unsafe { p.cast::<[f32; 8]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: Self::F) {
        // SAFETY: the caller gives 8 writable numbers.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(x) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn power(a: Self::F) -> (Self::F, Self::F) {
        let n = map(a, f32::round_ties_even);
        (n, map(n, |n| f32::from_bits(((n as i32 + 127) << 23) as u32)))
    }
    #[inline(always)]
    unsafe fn from_i32(a: Self::I) -> Self::F {
        a.map(|a| a as f32)
    }
    #[inline(always)]
    unsafe fn store_u8(p: *mut u8, a: [Self::F; 4]) {
        let bytes = [a[0], a[1]].map(|a| a.map(|a| a.round_ties_even() as u8));
        // SAFETY: the caller gives 16 writable bytes.
        unsafe { p.cast::<[[u8; 8]; 2]>().write_unaligned(bytes) }
    }
    #[inline(always)]
    unsafe fn load_i8(p: *const i8) -> Self::F {
        // SAFETY: the caller gives 8 readable bytes.
        unsafe { p.cast::<[i8; 8]>().read_unaligned().map(f32::from) }
    }
    #[inline(always)]
    unsafe fn sum(a: Self::F) -> f32 {
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }
    #[inline(always)]
    unsafe fn maximum(a: Self::F) -> f32 {
        a.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    unsafe fn minimum(a: Self::F) -> f32 {
        a.into_iter().fold(f32::INFINITY, f32::min)
    }
}
