//! A float input as a value.

/// `y = x`.
pub fn input(x: &[f32], out: &mut [f32]) {
    out.copy_from_slice(x);
}
