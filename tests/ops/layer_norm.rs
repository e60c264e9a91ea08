//! `Op::LayerNorm`.

use super::{Numbers, assert_close, loops, tolerance};
use palate::compute::cpu::{isa::Isa, layer_norm::layer_norm};

#[test]
fn layer_norm_is_right() {
    for (seed, (rows, n)) in [(1, 1), (3, 5), (7, 384), (2, 1021)].into_iter().enumerate() {
        let mut numbers = Numbers(seed as u64 + 9);
        let x: Vec<f32> = numbers.take(rows * n).iter().map(|v| v * 4.0 + 10.0).collect();
        let (w, b) = (numbers.take(n), numbers.take(n));
        let want = loops::layer_norm(&x, &w, &b);
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; rows * n];
            layer_norm(isa, &x, &w, &b, 1e-5, &mut out);
            assert_close(&format!("layer_norm {rows}x{n}"), isa, &out, &want, tolerance::LAYER_NORM);
        }
    }
}
