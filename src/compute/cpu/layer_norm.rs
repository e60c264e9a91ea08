//! Layer normalization by row, the variance from the centered values.

use super::isa::entry;
use crate::math::simd::Simd;

entry! {
    /// `y = (x - mean) / sqrt(var + eps) * weight + bias` for each row of `weight.len()` numbers.
    pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut [f32]) = body
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn body<S: Simd>(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut [f32]) {
    let n = weight.len();
    assert!(bias.len() == n && x.len() == out.len());
    let whole = n / S::LANES * S::LANES;
    for (x, y) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
        // SAFETY: every vector ends at or before n.
        unsafe {
            let mut sum = S::splat(0.0);
            let mut i = 0;
            while i < whole {
                sum = S::add(sum, S::load(x.as_ptr().add(i)));
                i += S::LANES;
            }
            let mean = (S::sum(sum) + x[whole..].iter().sum::<f32>()) / n as f32;
            let m = S::splat(mean);
            let mut sum = S::splat(0.0);
            let mut i = 0;
            while i < whole {
                let d = S::sub(S::load(x.as_ptr().add(i)), m);
                sum = S::mul_add(d, d, sum);
                i += S::LANES;
            }
            let rest: f32 = x[whole..].iter().map(|v| (v - mean) * (v - mean)).sum();
            let inverse = 1.0 / ((S::sum(sum) + rest) / n as f32 + eps).sqrt();
            let s = S::splat(inverse);
            let mut i = 0;
            while i < whole {
                let d = S::mul(S::sub(S::load(x.as_ptr().add(i)), m), s);
                S::store(y.as_mut_ptr().add(i), S::mul_add(d, S::load(weight.as_ptr().add(i)), S::load(bias.as_ptr().add(i))));
                i += S::LANES;
            }
            for i in whole..n {
                y[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
            }
        }
    }
}
