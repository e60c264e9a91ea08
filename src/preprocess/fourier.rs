//! The magnitudes of a frame's spectrum: a real Fourier transform of a power of two of samples.

/// Sines and cosines of one size, and where numbers change places.
#[derive(Debug, Clone)]
pub struct Fourier {
    size: usize,
    /// `exp(-2 pi i k / size)`, `[size / 2]`.
    turns: Vec<(f64, f64)>,
    /// Bit-reversed places, `[size / 2]`.
    places: Vec<usize>,
}

impl Fourier {
    /// For frames of `size` samples, a power of two from 4 on.
    pub fn new(size: usize) -> Self {
        debug_assert!(size.is_power_of_two() && size >= 4);
        let half = size / 2;
        let turn = |k: usize| {
            let angle = -2.0 * std::f64::consts::PI * k as f64 / size as f64;
            (angle.cos(), angle.sin())
        };
        let bits = half.trailing_zeros();
        let places = (0..half).map(|at| at.reverse_bits() >> (usize::BITS - bits)).collect();
        Self { size, turns: (0..half).map(turn).collect(), places }
    }

    /// Squared magnitudes of the frequencies 0 to `size / 2`, into `[size / 2 + 1]` numbers of `out`.
    ///
    /// Even and odd samples are the parts of one complex transform of half the size, which is then taken apart.
    pub fn powers(&self, frame: &[f64], work: &mut Vec<(f64, f64)>, out: &mut [f64]) {
        let half = self.size / 2;
        work.clear();
        work.extend(self.places.iter().map(|&at| (frame[2 * at], frame[2 * at + 1])));
        let mut width = 1;
        while width < half {
            let step = half / width;
            for block in work.chunks_exact_mut(2 * width) {
                let (low, high) = block.split_at_mut(width);
                for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let (c, s) = self.turns[k * step];
                    let turned = (b.0 * c - b.1 * s, b.0 * s + b.1 * c);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            width *= 2;
        }
        out[0] = (work[0].0 + work[0].1).powi(2);
        out[half] = (work[0].0 - work[0].1).powi(2);
        for k in 1..half {
            let ((ar, ai), (br, bi)) = (work[k], work[half - k]);
            let even = ((ar + br) / 2.0, (ai - bi) / 2.0);
            let odd = ((ai + bi) / 2.0, (br - ar) / 2.0);
            let (c, s) = self.turns[k];
            let (re, im) = (even.0 + odd.0 * c - odd.1 * s, even.1 + odd.0 * s + odd.1 * c);
            out[k] = re * re + im * im;
        }
    }
}
