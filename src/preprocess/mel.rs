//! Triangles over the frequencies of a spectrum, as wide as ears hear.

/// How hertz become mels, and where the triangles' sides are straight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// `2595 log10(1 + f / 700)`, straight in mels (HTK; Kaldi and TensorFlow too).
    Htk,
    /// Linear below 1 kHz and logarithmic above, straight in hertz, each triangle of area one (Slaney's Auditory Toolbox).
    Slaney,
}

impl Scale {
    fn mels(self, hertz: f64) -> f64 {
        match self {
            Scale::Htk => 1127.0 * (1.0 + hertz / 700.0).ln(),
            Scale::Slaney if hertz < 1000.0 => 3.0 * hertz / 200.0,
            Scale::Slaney => 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln(),
        }
    }

    fn hertz(self, mels: f64) -> f64 {
        match self {
            Scale::Htk => 700.0 * ((mels / 1127.0).exp() - 1.0),
            Scale::Slaney if mels < 15.0 => 200.0 * mels / 3.0,
            Scale::Slaney => 1000.0 * ((mels - 15.0) * 6.4f64.ln() / 27.0).exp(),
        }
    }
}

/// One triangle: its first frequency that counts, and the weights from there on.
#[derive(Debug, Clone)]
struct Triangle {
    first: usize,
    weights: Vec<f64>,
}

/// A bank of triangles.
#[derive(Debug, Clone)]
pub struct Mel(Vec<Triangle>);

impl Mel {
    /// `bins` triangles from `low` to `high` hertz, over the `fft / 2 + 1` frequencies of a sound of `rate` samples a second.
    pub fn new(scale: Scale, bins: usize, low: f64, high: f64, rate: u32, fft: usize) -> Self {
        let (from, to) = (scale.mels(low), scale.mels(high));
        let place = |mels: f64| if scale == Scale::Htk { mels } else { scale.hertz(mels) };
        let corner = |at: usize| place(from + (to - from) * at as f64 / (bins + 1) as f64);
        let at = |k: usize| {
            let hertz = f64::from(rate) * k as f64 / fft as f64;
            if scale == Scale::Htk { scale.mels(hertz) } else { hertz }
        };
        let triangle = |bin: usize| {
            let (left, middle, right) = (corner(bin), corner(bin + 1), corner(bin + 2));
            let area = if scale == Scale::Slaney { 2.0 / (right - left) } else { 1.0 };
            let weight = |k: usize| ((at(k) - left) / (middle - left)).min((right - at(k)) / (right - middle)).max(0.0) * area;
            let all: Vec<f64> = (0..=fft / 2).map(weight).collect();
            let first = all.iter().position(|&w| w > 0.0).unwrap_or(0);
            let end = all.iter().rposition(|&w| w > 0.0).map_or(first, |last| last + 1);
            Triangle { first, weights: all[first..end].to_vec() }
        };
        Self((0..bins).map(triangle).collect())
    }

    /// The bank's answers to a spectrum `[fft / 2 + 1]`, one a triangle.
    pub fn of<'a>(&'a self, spectrum: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let dot = |t: &Triangle| t.weights.iter().zip(&spectrum[t.first..]).map(|(w, s)| w * s).sum();
        self.0.iter().map(dot)
    }
}
