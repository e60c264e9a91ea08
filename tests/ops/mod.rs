//! Ops against plain loops in f64, on shapes that are odd, one, prime and larger than a tile.

mod attention;
mod attention_pool;
mod depthwise;
mod input;
mod layer_norm;
mod linear;
mod lstm;
mod pool;
mod positions;
mod scan;
mod simd;
mod unfold;
pub mod webgpu;
/// Shapes, tolerances and loops, and the cases that the browser runs too.
pub mod everywhere;

use palate::compute::cpu::isa::Isa;
pub use everywhere::{Numbers, loops, tolerance};
use everywhere::{oblong_windows, offsets, windows};

/// Asserts closeness in the sense of [`tolerance`].
pub fn assert_close(what: &str, isa: Isa, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*f) - e).abs() / scale;
        assert!(error <= tolerance, "{what} on {}: [{i}] is {f}, expected {e}, error {error:.2e} of {scale}", isa.name());
    }
}
