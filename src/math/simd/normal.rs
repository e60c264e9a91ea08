//! What least squares leave over, `out += sum_r w_r (target - v_r . p) v_r` over chosen rows, in the processor's widest registers.
//!
//! One loop over [`Simd`], entered with and without AVX2 (which also rounds once a step rather than twice). Not here: what the rows mean.

use super::{Simd, portable::Portable};

/// Chosen rows of a table `[n, dim]`, each with its weight.
#[derive(Clone, Copy)]
pub struct Chosen<'a> {
    pub table: &'a [f32],
    pub rows: &'a [u32],
    pub weights: &'a [f32],
}

/// Adds to `out` (`[dim]`, `dim` the length of `p`) every chosen row times its weight times what `target` exceeds its
/// product with `p` by. With target 0 that is the rows' normal matrix times `p`, negated.
pub fn add_misfit(chosen: Chosen, target: f32, p: &[f32], out: &mut [f32]) {
    assert!(p.len() == out.len() && chosen.rows.len() == chosen.weights.len(), "vectors must fit");
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: AVX2 and FMA were just detected; the vectors fit.
        unsafe { add_misfit_avx2(chosen, target, p, out) };
        return;
    }
    // SAFETY: every processor has what `Portable` needs; the vectors fit.
    unsafe { add_misfit_in::<Portable>(chosen, target, p, out) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn add_misfit_avx2(chosen: Chosen, target: f32, p: &[f32], out: &mut [f32]) {
    unsafe { add_misfit_in::<super::avx2::Avx2>(chosen, target, p, out) }
}

/// [`add_misfit`] on a given instruction set.
///
/// # Safety
/// As [`Simd`]; `out` is as long as `p`.
#[inline(always)]
pub unsafe fn add_misfit_in<S: Simd>(chosen: Chosen, target: f32, p: &[f32], out: &mut [f32]) {
    // Four rows at a time read `p` and write `out` once for the four.
    let (fours, ones) = chosen.rows.as_chunks::<4>();
    let (weights, last) = chosen.weights.as_chunks::<4>();
    for (rows, weights) in fours.iter().zip(weights) {
        unsafe { add_group::<S, 4>(chosen.table, rows, weights, target, p, out) };
    }
    for (row, weight) in ones.iter().zip(last) {
        unsafe { add_group::<S, 1>(chosen.table, &[*row], &[*weight], target, p, out) };
    }
}

/// # Safety
/// As [`Simd`]; `out` is as long as `p`.
#[inline(always)]
unsafe fn add_group<S: Simd, const N: usize>(
    table: &[f32],
    rows: &[u32; N],
    weights: &[f32; N],
    target: f32,
    p: &[f32],
    out: &mut [f32],
) {
    let dim = p.len();
    let whole = dim - dim % S::LANES;
    let v: [&[f32]; N] = std::array::from_fn(|n| &table[rows[n] as usize * dim..(rows[n] as usize + 1) * dim]);
    unsafe {
        let mut sums = [S::splat(0.0); N];
        for at in (0..whole).step_by(S::LANES) {
            let x = S::load(p.as_ptr().add(at));
            for n in 0..N {
                sums[n] = S::mul_add(S::load(v[n].as_ptr().add(at)), x, sums[n]);
            }
        }
        let mut factors = [0f32; N];
        for n in 0..N {
            let tail: f32 = (whole..dim).map(|i| v[n][i] * p[i]).sum();
            factors[n] = weights[n] * (target - S::sum(sums[n]) - tail);
        }
        let spread: [S::F; N] = std::array::from_fn(|n| S::splat(factors[n]));
        for at in (0..whole).step_by(S::LANES) {
            let mut o = S::load(out.as_ptr().add(at));
            for n in 0..N {
                o = S::mul_add(S::load(v[n].as_ptr().add(at)), spread[n], o);
            }
            S::store(out.as_mut_ptr().add(at), o);
        }
        for i in whole..dim {
            out[i] += (0..N).map(|n| factors[n] * v[n][i]).sum::<f32>();
        }
    }
}
