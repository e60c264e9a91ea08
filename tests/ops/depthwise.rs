//! `Op::Depthwise`.

use super::linear::activate;
use super::{Numbers, assert_close, tolerance, windows};
use palate::compute::cpu::depthwise::{Weights, depthwise};
use palate::compute::cpu::isa::Isa;
use palate::compute::graph::Activation;

#[test]
fn depthwise_is_right() {
    for (seed, (w, items, channels)) in windows().into_iter().enumerate() {
        let mut numbers = Numbers(seed as u64 + 21);
        let x = numbers.take(items * w.inputs() * channels);
        let (taps, bias) = (numbers.take(w.kernel * w.kernel * channels), numbers.take(channels));
        for activation in [Activation::None, Activation::Relu6, Activation::QuickGelu] {
            let mut want = Vec::new();
            for item in 0..items {
                for oy in 0..w.out_height {
                    for ox in 0..w.out_width {
                        for c in 0..channels {
                            let mut sum = f64::from(bias[c]);
                            for (tap, k) in (0..w.kernel * w.kernel).map(|t| (t, (t / w.kernel, t % w.kernel))) {
                                let (y, x_at) = ((oy * w.stride + k.0) as i64 - w.top as i64, (ox * w.stride + k.1) as i64 - w.left as i64);
                                if (0..w.height as i64).contains(&y) && (0..w.width as i64).contains(&x_at) {
                                    let at = ((item * w.height + y as usize) * w.width + x_at as usize) * channels + c;
                                    sum += f64::from(x[at]) * f64::from(taps[tap * channels + c]);
                                }
                            }
                            want.push(activate(activation, sum));
                        }
                    }
                }
            }
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; want.len()];
                depthwise(isa, &x, &w, Weights { taps: &taps, bias: &bias, activation }, &mut out);
                assert_close(&format!("depthwise {w:?} {activation:?}"), isa, &out, &want, tolerance::DEPTHWISE);
            }
        }
    }
}
