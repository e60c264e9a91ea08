//! Rows of activations as integers: `x ~ scale * q + low`, with numbers of their own for the columns of outliers.

use super::{Kernel, pack::{self, PackedI8}};
use crate::math::simd;

/// What the integers of a row stand for: `scale * q + low`, and the same of its outliers.
#[derive(Clone, Copy, Default)]
pub(super) struct Affine {
    pub scale: f32,
    pub low: f32,
    pub outlier_scale: f32,
    pub outlier_low: f32,
}

/// Quantizes a row and, behind it, its outliers. `plain` is `kp` numbers of room.
///
/// # Safety
/// As [`Kernel`]; `q` has `kp + K_ALIGN` writable elements.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(super) unsafe fn quantize_row<K: Kernel>(x: &[f32], w: &PackedI8, plain: &mut [f32], q: *mut K::A) -> Affine {
    let columns = w.outliers.as_ref().map_or(&[][..], |o| &o.columns);
    // SAFETY: the caller has the instructions.
    unsafe { simd::copy::<K>(x, plain) };
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
/// As [`Kernel`]; x is whole vectors of `LANES`, `q` has as many writable elements.
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
