//! A convolution of each channel for itself, in f32.
//!
//! Channels are the vectors' lanes: a step of the window is one multiplication a vector, and its taps stay in the first-level cache.

use super::activation::{activate, apply, is_inline};
use super::isa::{Isa, entry};
use super::unfold::spans;
use crate::compute::graph::{Activation, Window};
use crate::math::simd::Simd;

/// What follows the window over `channels` channels.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// `[kernel * kernel, channels]`.
    pub taps: &'a [f32],
    /// `[channels]`.
    pub bias: &'a [f32],
    pub activation: Activation,
}

/// `x` is `[items * inputs, channels]`, `out` `[items * outputs, channels]`; zeros outside of the image.
pub fn depthwise(isa: Isa, x: &[f32], window: &Window, weights: Weights<'_>, out: &mut [f32]) {
    convolve(isa, x, window, weights, out);
    if !is_inline(weights.activation) {
        apply(isa, weights.activation, out);
    }
}

entry! {
    /// All of it but an activation that is not computed inline.
    fn convolve(x: &[f32], window: &Window, weights: Weights<'_>, out: &mut [f32]) = body
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn body<S: Simd>(x: &[f32], w: &Window, weights: Weights<'_>, out: &mut [f32]) {
    let channels = weights.bias.len();
    assert!(weights.taps.len() == w.kernel * w.kernel * channels);
    assert!(x.len() * w.outputs() == out.len() * w.inputs() && x.len() % (w.inputs() * channels) == 0);
    for (image, out) in x.chunks_exact(w.inputs() * channels).zip(out.chunks_exact_mut(w.outputs() * channels)) {
        for (position, y) in out.chunks_exact_mut(channels).enumerate() {
            let [rows, cols] = spans(w, position);
            let mut c = 0;
            while c + S::LANES <= channels {
                // SAFETY: spans stay within the image and the window, c + LANES within the channels.
                unsafe {
                    let mut acc = S::load(weights.bias.as_ptr().add(c));
                    for ky in rows.first..rows.end {
                        let line = image.as_ptr().add((rows.start + ky - rows.first) * w.width * channels + c);
                        let taps = weights.taps.as_ptr().add(ky * w.kernel * channels + c);
                        for kx in cols.first..cols.end {
                            let from = S::load(line.add((cols.start + kx - cols.first) * channels));
                            acc = S::mul_add(from, S::load(taps.add(kx * channels)), acc);
                        }
                    }
                    S::store(y.as_mut_ptr().add(c), activate::<S>(weights.activation, acc));
                }
                c += S::LANES;
            }
            for c in c..channels {
                let mut acc = weights.bias[c];
                for ky in rows.first..rows.end {
                    for kx in cols.first..cols.end {
                        let at = ((rows.start + ky - rows.first) * w.width + cols.start + kx - cols.first) * channels + c;
                        acc += image[at] * weights.taps[(ky * w.kernel + kx) * channels + c];
                    }
                }
                // SAFETY: the lane is read back from an array of its size.
                unsafe {
                    let mut lanes = [0.0f32; 8];
                    S::store(lanes.as_mut_ptr(), activate::<S>(weights.activation, S::splat(acc)));
                    y[c] = lanes[0];
                }
            }
        }
    }
}
