//! `Op::Linear` with int8 and f32 weights.

use super::{Numbers, assert_close, tolerance};
use palate::compute::cpu::isa::Isa;
use palate::compute::cpu::linear::pack::{PackedF32, PackedI8};
use palate::compute::cpu::linear::{Epilogue, Scratch, TILE_COLS, linear_f32, linear_i8};
use palate::compute::graph::Activation;
use palate::publish::model::quantize_rows;

const SHAPES: [(usize, usize, usize); 9] =
    [(1, 1, 1), (1, 8, 16), (3, 5, 7), (4, 8, 384), (5, 13, 31), (67, 24, 33), (65, 384, 17), (130, 9, 1536), (2, 1152, 384)];

/// erf by its Maclaurin series below 2, by Laplace's continued fraction of erfc above.
pub fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a > 2.0 {
        let fraction = (1..80).rev().fold(a, |f, n| a + f64::from(n) * 0.5 / f);
        return x.signum() * (1.0 - (-a * a).exp() / fraction / std::f64::consts::PI.sqrt());
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..60 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

fn activate(activation: Activation, y: f64) -> f64 {
    match activation {
        Activation::None => y,
        Activation::Gelu => 0.5 * y * (1.0 + erf(y / std::f64::consts::SQRT_2)),
        Activation::Relu => y.max(0.0),
        Activation::Tanh => y.tanh(),
    }
}

/// x as the int8 path sees it: 128 steps between a row's lowest and highest number.
fn quantized(x: &[f32], k: usize) -> Vec<f64> {
    x.chunks_exact(k)
        .flat_map(|row| {
            let low = row.iter().copied().fold(f32::INFINITY, f32::min);
            let range = row.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low;
            let (scale, inverse) = if range > 0.0 { (range / 127.0, 127.0 / range) } else { (0.0, 0.0) };
            row.iter().map(move |v| f64::from(((v - low) * inverse).round_ties_even()) * f64::from(scale) + f64::from(low)).collect::<Vec<_>>()
        })
        .collect()
}

struct Case {
    x: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    residual: Vec<f32>,
}

fn case(seed: u64, (m, n, k): (usize, usize, usize)) -> Case {
    let mut numbers = Numbers(seed);
    let x = numbers.take(m * k).iter().map(|v| v * 3.0 + 0.5).collect();
    let mut bias = numbers.take(n);
    let weights = numbers.take(n * k);
    bias.resize(n.next_multiple_of(TILE_COLS), 0.0);
    Case { x, weights, bias, residual: numbers.take(m * n) }
}

fn expected(x: &[f64], w: &[f64], c: &Case, (m, n, k): (usize, usize, usize), activation: Activation, residual: bool) -> Vec<f64> {
    let mut out = Vec::new();
    for r in 0..m {
        for o in 0..n {
            let sum: f64 = (0..k).map(|i| x[r * k + i] * w[o * k + i]).sum();
            let y = activate(activation, sum + f64::from(c.bias[o]));
            out.push(y + if residual { f64::from(c.residual[r * n + o]) } else { 0.0 });
        }
    }
    out
}

#[test]
fn linear_i8_is_exact_on_every_instruction_set() {
    for (at, shape) in SHAPES.into_iter().enumerate() {
        let (m, n, k) = shape;
        let c = case(at as u64 + 1, shape);
        let (q, scales) = quantize_rows(&c.weights, k);
        let w: Vec<f64> = q.iter().zip(0..).map(|(q, i)| f64::from(*q) * f64::from(scales[i / k])).collect();
        let x = quantized(&c.x, k);
        for isa in Isa::available() {
            for (activation, residual) in [(Activation::None, false), (Activation::Gelu, false), (Activation::Relu, true), (Activation::Tanh, true)] {
                let mut out = vec![f32::NAN; m * n];
                let packed = PackedI8::new(isa, &q, &scales, n, k);
                assert!(packed.chain, "the quantizer keeps the chain limit");
                let epilogue = Epilogue { bias: &c.bias, activation, residual: residual.then_some(&c.residual[..]) };
                linear_i8(isa, &c.x, m, &packed, epilogue, &mut out, &mut Scratch::default());
                let want = expected(&x, &w, &c, shape, activation, residual);
                assert_close(&format!("linear_i8 {shape:?} {activation:?}"), isa, &out, &want, tolerance::LINEAR_I8);
            }
        }
    }
}

/// Weights of somebody else's quantizer may break the chain limit: the product must stay exact.
#[test]
fn linear_i8_with_extreme_weights_does_not_overflow() {
    let (m, n, k) = (5, 16, 96);
    for sign in [127i8, -127] {
        let q = vec![sign; n * k];
        let scales = vec![1.0; n];
        let x: Vec<f32> = (0..m * k).map(|i| if i % k == 0 { 0.0 } else { 127.0 }).collect();
        for isa in Isa::available() {
            let packed = PackedI8::new(isa, &q, &scales, n, k);
            assert!(!packed.chain);
            let mut out = vec![0.0; m * n];
            let epilogue = Epilogue { bias: &vec![0.0; n], activation: Activation::None, residual: None };
            linear_i8(isa, &x, m, &packed, epilogue, &mut out, &mut Scratch::default());
            let want = f32::from(sign) * 127.0 * (k - 1) as f32;
            assert!(out.iter().all(|&y| y == want), "{}: {} instead of {want}", isa.name(), out[0]);
        }
    }
}

#[test]
fn linear_f32_is_right() {
    for (at, shape) in SHAPES.into_iter().enumerate() {
        let (m, n, k) = shape;
        let c = case(at as u64 + 50, shape);
        let x: Vec<f64> = c.x.iter().map(|&v| f64::from(v)).collect();
        let w: Vec<f64> = c.weights.iter().map(|&v| f64::from(v)).collect();
        let packed = PackedF32::new(&c.weights, n, k);
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; m * n];
            let epilogue = Epilogue { bias: &c.bias, activation: Activation::Gelu, residual: Some(&c.residual) };
            linear_f32(isa, &c.x, m, &packed, epilogue, &mut out);
            assert_close(&format!("linear_f32 {shape:?}"), isa, &out, &expected(&x, &w, &c, shape, Activation::Gelu, true), tolerance::LINEAR_F32);
        }
    }
}

/// What cannot be a number in is no panic out.
#[test]
fn linear_i8_survives_rows_of_one_value_and_nan() {
    let (n, k) = (8, 16);
    for isa in Isa::available() {
        let packed = PackedI8::new(isa, &vec![3; n * k], &vec![0.5; n], n, k);
        let bias = vec![0.0; n];
        let epilogue = Epilogue { bias: &bias, activation: Activation::None, residual: None };
        let mut out = vec![0.0; n];
        linear_i8(isa, &[2.0; 16], 1, &packed, epilogue, &mut out, &mut Scratch::default());
        assert!(out.iter().all(|&y| (y - 48.0).abs() < 1e-4), "{}: {out:?}", isa.name());
        linear_i8(isa, &[f32::NAN; 16], 1, &packed, epilogue, &mut out, &mut Scratch::default());
    }
}
