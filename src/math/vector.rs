//! Sums and products of plain vectors.

/// Sum of products, `[n]` each, in eight partial sums, so that the compiler may use vector registers.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot_in::<8>(a, b)
}

/// As [`dot`], in `LANES` partial sums: how many decides the rounding, on every machine alike.
pub fn dot_in<const LANES: usize>(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (whole_a, whole_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in whole_a.zip(whole_b) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + tail
}

/// The mean of `vectors`, `[n]` each, of unit length: of unit vectors, the direction between them.
pub fn mean_direction<'a>(vectors: impl Iterator<Item = &'a [f32]>, n: usize) -> Vec<f32> {
    let mut sum = vec![0.0f32; n];
    vectors.for_each(|vector| add_scaled(&mut sum, vector, 1.0));
    let length = sum.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    sum.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
    sum
}

/// `sum += factor * vector`.
pub fn add_scaled(sum: &mut [f32], vector: &[f32], factor: f32) {
    for (sum, value) in sum.iter_mut().zip(vector) {
        *sum += factor * value;
    }
}
