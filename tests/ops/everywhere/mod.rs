//! What checks an op wherever it runs: seeded numbers, shapes, tolerances, plain loops in f64 ([`loops`]), and the cases of the GPU
//! ([`gpu`], those of graphs that join modalities in `fused`). Compiled into the native tests (`../webgpu.rs`) and for the browser (`../../browser/ops.rs`).

mod fused;
pub mod gpu;
pub mod loops;

use palate::compute::graph::Window;

/// Windows that are not square: whole lines, and some of them.
pub fn oblong_windows() -> Vec<(Window, usize, usize)> {
    vec![
        (Window::lines(5, 3), 2, 7),
        (Window::lines(3, 8), 1, 4),
        (Window { height: 6, width: 5, kernel: 4, kernel_width: 2, stride: 2, top: 1, left: 1, out_height: 3, out_width: 3 }, 2, 3),
    ]
}

/// Windows of one position, on odd and prime images, larger than the image, with zeros on some sides and on none, and steps
/// that leave a rest; with the items and channels that they see.
pub fn windows() -> Vec<(Window, usize, usize)> {
    vec![
        (Window::padded(1, 1, 1, 1, 0), 1, 1),
        (Window::padded(3, 5, 3, 1, 1), 2, 7),
        (Window::same(7, 7, 3, 2), 3, 8),
        (Window::same(8, 6, 3, 2), 1, 13),
        (Window::padded(11, 13, 4, 4, 0), 2, 3),
        (Window::padded(9, 2, 5, 3, 2), 1, 17),
        (Window::same(2, 3, 5, 1), 2, 9),
        (Window { height: 5, width: 4, kernel: 3, kernel_width: 3, stride: 2, top: 0, left: 2, out_height: 4, out_width: 3 }, 2, 11),
    ]
}

/// Largest difference allowed between an executor and the f64 loops, relative to the largest expected value.
/// The one place where tolerances are written.
pub mod tolerance {
    #![allow(dead_code, reason = "those of the processor are for native tests alone")]

    pub const LINEAR_F32: f64 = 2e-6;
    /// Against f64 loops over the very numbers that the activations were quantized to.
    pub const LINEAR_I8: f64 = 3e-6;
    pub const LAYER_NORM: f64 = 3e-6;
    pub const ATTENTION: f64 = 3e-6;
    /// Of a long recurrence, whose sums are fed back.
    pub const LSTM: f64 = 3e-6;
    pub const DEPTHWISE: f64 = 1e-6;
    /// Mean of an item's rows.
    pub const POOL: f64 = 1e-6;
    /// Relative to max(1, |x|).
    pub const ACTIVATION: f64 = 4e-7;
    pub const EXP: f64 = 4e-7;
    /// WebGPU against f64 loops and the CPU: f32 sums without a given order, `exp` and division as exact as WGSL asks for.
    pub const WEBGPU: f64 = 5e-6;
    /// The same where int8 products make halves of activations, and products of four.
    pub const WEBGPU_HALVES: f64 = 2e-3;
    /// WebGPU's int8 products against the CPU's, whose activations have seven bits.
    pub const WEBGPU_CPU_I8: f64 = 2e-2;
    /// Relative to max(1, |x|).
    pub const GELU: f64 = 2e-7;
}

/// A seeded stream of numbers in [-1, 1): xorshift64*.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn take(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }
}

/// Where items of so many rows begin, and where the last one ends.
pub fn offsets(lens: &[usize]) -> Vec<u32> {
    let mut offsets = vec![0];
    lens.iter().for_each(|len| offsets.push(offsets[offsets.len() - 1] + *len as u32));
    offsets
}
