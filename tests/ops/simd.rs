//! The vector functions that ops share.

use super::tolerance;
use palate::math::simd::{self, Simd, portable::Portable};

#[test]
fn simd_exp_and_gelu_are_right() {
    let x: Vec<f32> = (-8000..8000).map(|i| i as f32 * 0.01).collect();
    for x in x.chunks_exact(8) {
        let (mut e, mut g) = (x.to_vec(), x.to_vec());
        // SAFETY: the portable set needs no instructions.
        unsafe {
            simd::map_in_place::<Portable>(&mut e, |v| simd::exp::<Portable>(v));
            simd::map_in_place::<Portable>(&mut g, |v| simd::gelu::<Portable>(v));
        }
        let want: Vec<f64> = x.iter().map(|&v| f64::from(v).exp()).collect();
        for (e, w) in e.iter().zip(&want) {
            let error = (f64::from(*e) / w - 1.0).abs();
            assert!(error < tolerance::EXP, "exp is off by {error:e}");
        }
        for (g, x) in g.iter().zip(x) {
            let x = f64::from(*x);
            let want = 0.5 * x * (1.0 + super::loops::erf(x / std::f64::consts::SQRT_2));
            let error = (f64::from(*g) - want).abs() / x.abs().max(1.0);
            assert!(error < tolerance::GELU, "gelu({x}) is off by {error:e}");
        }
    }
    // Both ends saturate.
    // SAFETY: as above.
    let ends = unsafe { simd::exp::<Portable>(Portable::load([f32::NEG_INFINITY, -200.0, 0.0, 1.0, 88.0, 200.0, f32::INFINITY, -0.0].as_ptr())) };
    assert!(ends[0] < 1e-37 && ends[1] < 1e-37 && ends[2] == 1.0 && ends[7] == 1.0 && ends[5].is_finite() && ends[6].is_finite());
}
