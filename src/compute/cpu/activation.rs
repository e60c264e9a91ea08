//! What is applied to each number after a product.

use crate::compute::graph::Activation;
use crate::math::simd::{self, Simd};

/// `activation(y)` of a vector.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub unsafe fn activate<S: Simd>(activation: Activation, y: S::F) -> S::F {
    unsafe {
        match activation {
            Activation::None => y,
            Activation::Gelu => simd::gelu::<S>(y),
            Activation::GeluTanh => {
                // (1 + tanh z) / 2 = sigmoid(2 z) with z = sqrt(2 / pi) (y + 0.044715 y^3)
                let square = S::mul(y, y);
                let inner = S::mul(y, S::mul_add(S::splat(0.044_715), square, S::splat(1.0)));
                S::mul(y, sigmoid::<S>(S::mul(S::splat(1.595_769_1), inner)))
            }
            Activation::QuickGelu => S::mul(y, sigmoid::<S>(S::mul(S::splat(1.702), y))),
            Activation::Relu => S::max(y, S::splat(0.0)),
            Activation::Relu6 => S::min(S::max(y, S::splat(0.0)), S::splat(6.0)),
            Activation::Tanh => {
                // tanh x = 1 - 2 / (e^2x + 1)
                let e = simd::exp::<S>(S::add(y, y));
                S::sub(S::splat(1.0), S::div(S::splat(2.0), S::add(e, S::splat(1.0))))
            }
        }
    }
}

/// `1 / (1 + e^-x)`.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn sigmoid<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let e = simd::exp::<S>(S::sub(S::splat(0.0), x));
        S::div(S::splat(1.0), S::add(e, S::splat(1.0)))
    }
}
