//! Cubic interpolation (Keys 1981) with a = -3/4 and repeated borders, as PyTorch does it without antialiasing.

/// The four of `size` numbers that the one at `position` is made of, and their weights; `position` 0 is the first one's.
pub fn taps(position: f64, size: usize) -> [(usize, f64); 4] {
    const A: f64 = -0.75;
    let base = position.floor();
    let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    let t = position - base;
    let weights = [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)];
    std::array::from_fn(|i| ((base as i64 + i as i64 - 1).clamp(0, size as i64 - 1) as usize, weights[i]))
}
