//! A sliding window as constants of a shader.

use super::shader::wgsl;
use crate::compute::graph::Window;

/// The window, its sizes in positions.
pub fn constants(w: &Window) -> Vec<(&'static str, u32)> {
    [
        ("HEIGHT", w.height),
        ("IMAGE_WIDTH", w.width),
        ("KERNEL", w.kernel),
        ("KERNEL_WIDTH", w.kernel_width),
        ("STRIDE", w.stride),
        ("TOP", w.top),
        ("LEFT", w.left),
        ("OUT_WIDTH", w.out_width),
        ("INPUTS", w.inputs()),
        ("OUTPUTS", w.outputs()),
    ]
    .map(|(name, value)| (name, value as u32))
    .into()
}

/// Finds the row that a tap of an output's window sees.
pub const WINDOW: &str = wgsl!("window.wgsl");
