//! What is applied to each number after a product.

use super::isa::entry;
use crate::compute::graph::Activation;
use crate::math::simd::{self, Simd};

/// Whether [`activate`] computes it: what is short. The others go over the output once more ([`apply`]), which costs next to
/// nothing while it is in a cache, and keeps the code of products small.
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
    /// `y = activation(y)`, one of those that are not [`is_inline`].
    pub fn apply(activation: Activation, y: &mut [f32]) = body
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn body<S: Simd>(activation: Activation, y: &mut [f32]) {
    // SAFETY: the caller has the instructions.
    unsafe {
        simd::map_in_place::<S, 2>(y, |x| match activation {
            Activation::Gelu => simd::gelu::<S, 2>(x),
            Activation::GeluTanh => {
                // (1 + tanh z) / 2 = sigmoid(2 z) with z = sqrt(2 / pi) (x + 0.044715 x^3)
                let inner = x.map(|x| S::mul(x, S::mul_add(S::splat(0.044_715), S::mul(x, x), S::splat(1.0))));
                times::<S>(x, sigmoid::<S, 2>(inner.map(|inner| S::mul(S::splat(1.595_769_1), inner))))
            }
            Activation::QuickGelu => times::<S>(x, sigmoid::<S, 2>(x.map(|x| S::mul(S::splat(1.702), x)))),
            Activation::Tanh => tanh::<S, 2>(x),
            Activation::None | Activation::Relu | Activation::Relu6 => x.map(|x| activate::<S>(activation, x)),
        });
    }
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn times<S: Simd>(a: [S::F; 2], b: [S::F; 2]) -> [S::F; 2] {
    unsafe { [S::mul(a[0], b[0]), S::mul(a[1], b[1])] }
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
