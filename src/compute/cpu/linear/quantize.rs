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
    // A number of the row's own stands where no weight is: it widens no range. Outliers are fewer than inputs.
    let neutral = x[(0..x.len()).find(|&i| !columns.contains(&(i as u32))).unwrap_or(0)];
    let mut taken = [neutral; pack::K_ALIGN];
    let row = if columns.is_empty() && x.len() == plain.len() {
        x
    } else {
        // SAFETY: the caller has the instructions.
        unsafe { simd::copy::<K>(x, plain) };
        plain[x.len()..].fill(neutral);
        for (taken, &c) in taken.iter_mut().zip(columns) {
            *taken = std::mem::replace(&mut plain[c as usize], neutral);
        }
        let first = taken[0];
        taken[columns.len()..].fill(first);
        plain
    };
    // SAFETY: both are whole groups, and `q` has room for both.
    unsafe {
        let (scale, low) = quantize::<K>(row, q);
        if columns.is_empty() {
            return Affine { scale, low, ..Affine::default() };
        }
        let (outlier_scale, outlier_low) = quantize::<K>(&taken, q.add(row.len()));
        Affine { scale, low, outlier_scale, outlier_low }
    }
}

/// Vectors of sixteen numbers that are used.
const fn vectors<K: Kernel>() -> usize {
    pack::K_ALIGN / K::LANES
}

/// `x ~ scale * q + low`, q in 0..=levels; gives `(scale, low)`.
///
/// # Safety
/// As [`Kernel`]; x is whole groups of 16, `q` has as many writable elements.
#[inline(always)]
unsafe fn quantize<K: Kernel>(x: &[f32], q: *mut K::A) -> (f32, f32) {
    // SAFETY: i + 16 never passes the end.
    unsafe {
        let group = |i: usize| -> [K::F; 4] { std::array::from_fn(|v| K::load(x.as_ptr().add(i + v % vectors::<K>() * K::LANES))) };
        let (mut lows, mut highs) = ([K::splat(f32::INFINITY); 4], [K::splat(f32::NEG_INFINITY); 4]);
        for i in (0..x.len()).step_by(pack::K_ALIGN) {
            let x = group(i);
            for v in 0..vectors::<K>() {
                (lows[v], highs[v]) = (K::min(lows[v], x[v]), K::max(highs[v], x[v]));
            }
        }
        let low = K::minimum(lows.into_iter().fold(lows[0], |a, b| K::min(a, b)));
        let high = K::maximum(highs.into_iter().fold(highs[0], |a, b| K::max(a, b)));
        let range = high - low;
        let (scale, inverse) = if range > 0.0 { (range / K::LEVELS, K::LEVELS / range) } else { (0.0, 0.0) };
        let (lows, inverse) = (K::splat(low), K::splat(inverse));
        for i in (0..x.len()).step_by(pack::K_ALIGN) {
            K::store_a(q.add(i), group(i).map(|x| K::mul(K::sub(x, lows), inverse)));
        }
        (scale, low)
    }
}
