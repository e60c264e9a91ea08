//! A real Fourier transform of a power of two of samples, and back.

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
    pub fn powers(&self, frame: &[f64], work: &mut Vec<(f64, f64)>, out: &mut [f64]) {
        self.halves(frame, work);
        for (k, out) in out.iter_mut().enumerate().take(self.size / 2 + 1) {
            let (re, im) = self.bin(work, k);
            *out = re * re + im * im;
        }
    }

    /// The frequencies 0 to `size / 2` as complex numbers, into `[size / 2 + 1]` of `out`.
    pub fn spectrum(&self, frame: &[f64], work: &mut Vec<(f64, f64)>, out: &mut [(f64, f64)]) {
        self.halves(frame, work);
        for (k, out) in out.iter_mut().enumerate().take(self.size / 2 + 1) {
            *out = self.bin(work, k);
        }
    }

    /// What [`Fourier::spectrum`] was made of, into `[size]` numbers of `out`.
    pub fn inverse(&self, spectrum: &[(f64, f64)], work: &mut Vec<(f64, f64)>, out: &mut [f64]) {
        let half = self.size / 2;
        work.clear();
        // The transform's own steps backwards; conjugates on both sides turn the forward transform into the inverse one.
        work.extend(self.places.iter().map(|&k| {
            let ((ar, ai), (br, bi)) = (spectrum[k], spectrum[half - k]);
            let even = ((ar + br) / 2.0, (ai - bi) / 2.0);
            let odd = ((ar - br) / 2.0, (ai + bi) / 2.0);
            let (c, s) = self.turns[k];
            let odd = (odd.0 * c + odd.1 * s, odd.1 * c - odd.0 * s);
            (even.0 - odd.1, -(even.1 + odd.0))
        }));
        self.butterflies(work);
        for (pair, &(re, im)) in out.as_chunks_mut::<2>().0.iter_mut().zip(work.iter()) {
            *pair = [re / half as f64, -im / half as f64];
        }
    }

    /// The complex transform, of half the size, of even samples as real and odd ones as imaginary parts.
    fn halves(&self, frame: &[f64], work: &mut Vec<(f64, f64)>) {
        work.clear();
        work.extend(self.places.iter().map(|&at| (frame[2 * at], frame[2 * at + 1])));
        self.butterflies(work);
    }

    fn butterflies(&self, work: &mut [(f64, f64)]) {
        let half = self.size / 2;
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
    }

    /// The frequency `k` out of what [`Fourier::halves`] left.
    #[inline]
    fn bin(&self, work: &[(f64, f64)], k: usize) -> (f64, f64) {
        let half = self.size / 2;
        if k == 0 || k == half {
            let sign = if k == 0 { 1.0 } else { -1.0 };
            return (work[0].0 + sign * work[0].1, 0.0);
        }
        let ((ar, ai), (br, bi)) = (work[k], work[half - k]);
        let even = ((ar + br) / 2.0, (ai - bi) / 2.0);
        let odd = ((ai + bi) / 2.0, (br - ar) / 2.0);
        let (c, s) = self.turns[k];
        (even.0 + odd.0 * c - odd.1 * s, even.1 + odd.0 * s + odd.1 * c)
    }
}
