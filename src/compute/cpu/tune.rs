//! Which instruction set is fastest here: a small product timed with each.

use super::isa::Isa;
use super::linear::{Epilogue, Scratch, linear_i8, pack::PackedI8};
use crate::compute::graph::Activation;

/// The fastest of [`Isa::available`] by `now` (milliseconds, any origin), over three interleaved rounds.
///
/// Takes about a millisecond an instruction set. Plain Rust is only chosen where it is the only one.
pub fn fastest(now: impl Fn() -> f64) -> Isa {
    let candidates: Vec<Isa> = Isa::available().into_iter().filter(|&isa| cfg!(target_arch = "wasm32") || isa != Isa::plain()).collect();
    if candidates.len() < 2 {
        return candidates.first().copied().unwrap_or(Isa::plain());
    }
    let (rows, n, k) = (32, 64, 384);
    let weights: Vec<i8> = (0..n * k).map(|i| (i * 37 % 41) as i8 - 20).collect();
    let x: Vec<f32> = (0..rows * k).map(|i| (i * 31 % 61) as f32).collect();
    let bias = vec![0.0; n];
    let mut out = vec![0.0; rows * n];
    let mut scratch = Scratch::default();
    let packed: Vec<PackedI8> = candidates.iter().map(|&isa| PackedI8::new(isa, &weights, &vec![1.0; n], n, k)).collect();
    let mut best = vec![f64::INFINITY; candidates.len()];
    // The first round warms up: engines compile hot functions better the second time.
    for round in 0..4 {
        for at in 0..candidates.len() {
            let epilogue = Epilogue { bias: &bias, activation: Activation::None, residual: None };
            let start = now();
            for _ in 0..8 {
                linear_i8(&x, rows, &packed[at], epilogue, &mut out, &mut scratch);
            }
            if round > 0 {
                best[at] = best[at].min(now() - start);
            }
        }
    }
    let mut chosen = 0;
    for at in 1..candidates.len() {
        if best[at] < best[chosen] {
            chosen = at;
        }
    }
    candidates[chosen]
}
