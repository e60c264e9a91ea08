//! `Op::Linear` with int8 and f32 weights.

use super::loops::activate;
use super::{Numbers, assert_close, tolerance};
use palate::compute::cpu::isa::Isa;
use palate::compute::cpu::linear::pack::{PackedF32, PackedI8, chains};
use palate::compute::cpu::linear::{Epilogue, Scratch, TILE_COLS, linear_f32, linear_i8};
use palate::compute::graph::Activation;
use palate::publish::quantize::{Calibration, Quantized, quantize_rows};

const SHAPES: [(usize, usize, usize); 9] =
    [(1, 1, 1), (1, 8, 16), (3, 5, 7), (4, 8, 384), (5, 13, 31), (67, 24, 33), (65, 384, 17), (130, 9, 1536), (2, 1152, 384)];

/// x as the int8 path sees it: `levels` steps between a row's lowest and highest number.
fn quantized(x: &[f32], k: usize, levels: f32) -> Vec<f64> {
    x.chunks_exact(k)
        .flat_map(|row| {
            let low = row.iter().copied().fold(f32::INFINITY, f32::min);
            let range = row.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low;
            let (scale, inverse) = if range > 0.0 { (range / levels, levels / range) } else { (0.0, 0.0) };
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

/// What the int8 path sees of x: the outliers of a row are quantized apart from the rest of it.
fn seen(x: &[f32], k: usize, outliers: &[u32], levels: f32) -> Vec<f64> {
    let apart = |i: usize| outliers.contains(&(i as u32));
    let mut seen = vec![0.0; x.len()];
    for (row, seen) in x.chunks_exact(k).zip(seen.chunks_exact_mut(k)) {
        for group in [false, true] {
            let columns: Vec<usize> = (0..k).filter(|&i| apart(i) == group).collect();
            let values: Vec<f32> = columns.iter().map(|&i| row[i]).collect();
            if !values.is_empty() {
                columns.iter().zip(quantized(&values, values.len(), levels)).for_each(|(&i, v)| seen[i] = v);
            }
        }
    }
    seen
}

#[test]
fn linear_i8_is_exact_on_every_instruction_set() {
    for (at, shape) in SHAPES.into_iter().enumerate() {
        let (m, n, k) = shape;
        let mut c = case(at as u64 + 1, shape);
        // A few columns are far larger than the others.
        if k >= 64 {
            c.x.chunks_exact_mut(k).for_each(|row| row.iter_mut().step_by(97).for_each(|v| *v *= 10.0));
        }
        let Quantized { q, scales, outliers, outlier_scales } = Calibration::new(&c.x, k).quantize(&c.weights);
        assert_eq!(outliers.len(), if k >= 64 { 16 } else { 0 });
        let scale = |o: usize, i: usize| if outliers.contains(&(i as u32)) { outlier_scales[o] } else { scales[o] };
        let w: Vec<f64> = q.iter().zip(0..).map(|(q, at)| f64::from(*q) * f64::from(scale(at / k, at % k))).collect();
        for isa in Isa::available() {
            let packed = PackedI8::with_outliers(isa, &q, &scales, &outliers, &outlier_scales, n, k);
            assert_eq!(packed.chain, chains(isa), "the quantizer keeps the chain limit");
            let x = seen(&c.x, k, &outliers, packed.levels());
            for (activation, residual) in [(Activation::None, false), (Activation::Gelu, false), (Activation::Relu, true), (Activation::Tanh, true)] {
                let mut out = vec![f32::NAN; m * n];
                let epilogue = Epilogue { bias: &c.bias, activation, residual: residual.then_some(&c.residual[..]) };
                linear_i8(&c.x, m, &packed, epilogue, &mut out, &mut Scratch::default());
                let want = expected(&x, &w, &c, shape, activation, residual);
                assert_close(&format!("linear_i8 {shape:?} {activation:?}"), isa, &out, &want, tolerance::LINEAR_I8);
            }
        }
    }
}

/// Rounding with the inputs in mind brings the product nearer than rounding to the nearest.
#[test]
fn the_quantizer_serves_the_product() {
    let (m, n, k) = (300, 24, 128);
    let mut numbers = Numbers(7);
    // Inputs that move together: each is the mean of its neighbors and noise.
    let mut x = numbers.take(m * k);
    x.chunks_exact_mut(k).for_each(|row| (1..k).for_each(|i| row[i] = 0.8 * row[i - 1] + 0.2 * row[i]));
    // Trained weights are mostly small; then the chain limit costs next to nothing.
    let weights: Vec<f32> = numbers.take(n * k).iter().map(|v| v.powi(3)).collect();
    let error = |approximate: &dyn Fn(usize, usize) -> f64| -> f64 {
        let of = |row: &[f32], o: usize| (0..k).map(|i| f64::from(row[i]) * (approximate(o, i) - f64::from(weights[o * k + i]))).sum::<f64>().powi(2);
        x.chunks_exact(k).map(|row| (0..n).map(|o| of(row, o)).sum::<f64>()).sum()
    };
    let ours = Calibration::new(&x, k).quantize(&weights);
    let scale = |o: usize, i: usize| if ours.outliers.contains(&(i as u32)) { ours.outlier_scales[o] } else { ours.scales[o] };
    let nearest = quantize_rows(&weights, k);
    let reached = error(&|o, i| f64::from(ours.q[o * k + i]) * f64::from(scale(o, i)));
    let plain = error(&|o, i| f64::from(nearest.0[o * k + i]) * f64::from(nearest.1[o]));
    assert!(reached < 0.7 * plain, "{reached} against {plain}");
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
            linear_i8(&x, m, &packed, epilogue, &mut out, &mut Scratch::default());
            let want = f32::from(sign) * 127.0 * (k - 1) as f32;
            assert!(out.iter().all(|&y| y == want), "{}: {} instead of {want}", isa.name(), out[0]);
        }
    }
}

/// Over their whole range: where exponentials saturate, and where the formulas bend.
#[test]
fn linear_activations_are_right() {
    let x: Vec<f32> = (-1600..1600).map(|i| i as f32 * 0.0173).collect();
    let packed = PackedF32::new(&[1.0], 1, 1);
    for activation in
        [Activation::Gelu, Activation::GeluTanh, Activation::QuickGelu, Activation::Relu, Activation::Relu6, Activation::Tanh]
    {
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; x.len()];
            linear_f32(isa, &x, x.len(), &packed, Epilogue { bias: &[0.0; TILE_COLS], activation, residual: None }, &mut out, &mut Scratch::default());
            for (y, x) in out.iter().zip(&x) {
                let want = activate(activation, f64::from(*x));
                let error = (f64::from(*y) - want).abs() / f64::from(x.abs()).max(1.0);
                assert!(error <= tolerance::ACTIVATION, "{activation:?} of {x} on {}: {y}, expected {want}", isa.name());
            }
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
            linear_f32(isa, &c.x, m, &packed, epilogue, &mut out, &mut Scratch::default());
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
        linear_i8(&[2.0; 16], 1, &packed, epilogue, &mut out, &mut Scratch::default());
        assert!(out.iter().all(|&y| (y - 48.0).abs() < 1e-4), "{}: {out:?}", isa.name());
        linear_i8(&[f32::NAN; 16], 1, &packed, epilogue, &mut out, &mut Scratch::default());
    }
}
