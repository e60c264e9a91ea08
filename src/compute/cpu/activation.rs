//! What is applied to each number after a product.

use super::isa::entry;
use crate::compute::graph::Activation;
use crate::math::simd::{self, Simd};

/// Whether [`activate`] computes it: what is short.
pub fn is_inline(activation: Activation) -> bool {
    matches!(activation, Activation::None | Activation::Relu | Activation::Relu6)
}

/// `activation(y)` of a vector, where [`is_inline`] says so; else `y`.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub unsafe fn activate<S: Simd>(activation: Activation, y: S::F) -> S::F {
    unsafe {
        match activation {
            Activation::Relu => S::max(y, S::splat(0.0)),
            Activation::Relu6 => S::min(S::max(y, S::splat(0.0)), S::splat(6.0)),
            Activation::None | Activation::Gelu | Activation::GeluTanh | Activation::QuickGelu | Activation::Tanh => y,
        }
    }
}

entry! {
    /// `y = activation(y)`.
    pub fn apply(activation: Activation, y: &mut [f32]) = body
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn body<S: Simd>(activation: Activation, y: &mut [f32]) {
    // A loop for each: none asks in its middle which it is.
    // SAFETY: the caller has the instructions.
    unsafe {
        match activation {
            Activation::None => {}
            Activation::Relu | Activation::Relu6 => {
                let most = S::splat(if activation == Activation::Relu { f32::INFINITY } else { 6.0 });
                simd::map_in_place::<S, 2>(y, |x| x.map(|x| S::min(S::max(x, S::splat(0.0)), most)));
            }
            Activation::Gelu => simd::map_in_place::<S, 2>(y, |x| simd::gelu::<S, 2>(x)),
            // (1 + tanh z) / 2 = sigmoid(2 z) with z = sqrt(2 / pi) (x + 0.044715 x^3)
            Activation::GeluTanh => simd::map_in_place::<S, 2>(y, |x| {
                let inner = x.map(|x| S::mul(x, S::mul_add(S::splat(0.044_715), S::mul(x, x), S::splat(1.0))));
                times::<S>(x, sigmoid::<S, 2>(inner.map(|inner| S::mul(S::splat(1.595_769_1), inner))))
            }),
            Activation::QuickGelu => simd::map_in_place::<S, 2>(y, |x| times::<S>(x, sigmoid::<S, 2>(x.map(|x| S::mul(S::splat(1.702), x))))),
            Activation::Tanh => simd::map_in_place::<S, 2>(y, |x| tanh::<S, 2>(x)),
        }
    }
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn times<S: Simd>(a: [S::F; 2], b: [S::F; 2]) -> [S::F; 2] {
    unsafe { std::array::from_fn(|i| S::mul(a[i], b[i])) }
}

/// `1 / (1 + e^-x)`.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub(super) unsafe fn sigmoid<S: Simd, const N: usize>(x: [S::F; N]) -> [S::F; N] {
    unsafe {
        let e = simd::exp::<S, N>(x.map(|x| S::sub(S::splat(0.0), x)));
        e.map(|e| S::div(S::splat(1.0), S::add(e, S::splat(1.0))))
    }
}

/// The hyperbolic tangent, `2 sigmoid(2 x) - 1`.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub(super) unsafe fn tanh<S: Simd, const N: usize>(x: [S::F; N]) -> [S::F; N] {
    unsafe { sigmoid::<S, N>(x.map(|x| S::add(x, x))).map(|s| S::sub(S::mul(S::splat(2.0), s), S::splat(1.0))) }
}
