//! Small positive definite systems by Cholesky's factors, in the processor's widest registers.
//!
//! Plain loops, compiled twice: the sums are in the same order either way. Not here: large ones (`train::linear`).

use crate::math::vector::dot_in;

/// Solves A x = b in place, A (`[d, d]`) given by its column-major lower triangle and lost. Pivots below 1e-20 count as
/// that.
pub fn solve_lower(a: &mut [f32], d: usize, b: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just detected.
        unsafe { solve_lower_avx2(a, d, b) };
        return;
    }
    solve_lower_plain(a, d, b);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn solve_lower_avx2(a: &mut [f32], d: usize, b: &mut [f32]) {
    solve_lower_plain(a, d, b);
}

#[inline(always)]
fn solve_lower_plain(a: &mut [f32], d: usize, b: &mut [f32]) {
    // Column-oriented Cholesky: for each pivot the trailing columns get a rank-one update, contiguous in memory.
    const BLOCK: usize = 32;
    for start in (0..d).step_by(BLOCK) {
        let end = (start + BLOCK).min(d);
        for j in start..end {
            let (left, right) = a.split_at_mut((j + 1) * d);
            let column = &mut left[j * d..];
            let pivot = column[j].max(1e-20).sqrt();
            let inverse = 1.0 / pivot;
            column[j] = pivot;
            column[j + 1..].iter_mut().for_each(|v| *v *= inverse);
            for k in j + 1..end {
                let factor = column[k];
                let target = &mut right[(k - j - 1) * d + k..(k - j) * d];
                for (t, v) in target.iter_mut().zip(&column[k..]) {
                    *t -= factor * v;
                }
            }
        }
        if end < d {
            let (panel, trailing) = a.split_at_mut(end * d);
            for k in end..d {
                let target = &mut trailing[(k - end) * d + k..(k - end + 1) * d];
                // Four columns of the panel at a time: fewer passes over the target.
                let mut j = start;
                while j + 4 <= end {
                    let c = |i: usize| &panel[(j + i) * d + k..(j + i + 1) * d];
                    let (c0, c1, c2, c3) = (c(0), c(1), c(2), c(3));
                    let (f0, f1, f2, f3) = (c0[0], c1[0], c2[0], c3[0]);
                    for i in 0..target.len() {
                        target[i] -= f0 * c0[i] + f1 * c1[i] + f2 * c2[i] + f3 * c3[i];
                    }
                    j += 4;
                }
                while j < end {
                    let c = &panel[j * d + k..(j + 1) * d];
                    let f = c[0];
                    target.iter_mut().zip(c).for_each(|(t, v)| *t -= f * v);
                    j += 1;
                }
            }
        }
    }
    for j in 0..d {
        b[j] /= a[j * d + j];
        let x = b[j];
        for i in j + 1..d {
            b[i] -= a[j * d + i] * x;
        }
    }
    for j in (0..d).rev() {
        b[j] = (b[j] - dot_in::<16>(&a[j * d + j + 1..(j + 1) * d], &b[j + 1..d])) / a[j * d + j];
    }
}
