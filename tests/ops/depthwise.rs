//! `Op::Depthwise`.

use super::{Numbers, assert_close, loops, tolerance, windows};
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
            let want = loops::depthwise(&x, &w, &taps, &bias, activation);
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; want.len()];
                depthwise(isa, &x, &w, Weights { taps: &taps, bias: &bias, activation }, &mut out);
                assert_close(&format!("depthwise {w:?} {activation:?}"), isa, &out, &want, tolerance::DEPTHWISE);
            }
        }
    }
}
