//! Each row to unit length.

/// `y = x / max(|x|, 1e-12)` by row of `cols` numbers, the length summed in f64.
pub fn normalize(x: &[f32], cols: usize, out: &mut [f32]) {
    for (x, y) in x.chunks_exact(cols).zip(out.chunks_exact_mut(cols)) {
        let square: f64 = x.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        let inverse = (1.0 / square.sqrt().max(1e-12)) as f32;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = x * inverse);
    }
}
