//! Activations as shaders number them.

use super::shader::wgsl;
use crate::compute::graph::Activation;

/// The functions, for ops that apply one.
pub const ACTIVATIONS: &str = wgsl!("activation.wgsl");

/// The number of an activation in `activation.wgsl`.
pub fn number(activation: Activation) -> u32 {
    match activation {
        Activation::None => 0,
        Activation::Gelu => 1,
        Activation::Relu => 2,
        Activation::Tanh => 3,
        Activation::GeluTanh => 4,
        Activation::QuickGelu => 5,
        Activation::Relu6 => 6,
    }
}
