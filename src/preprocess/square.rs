//! A spectrogram as the square picture that a vision model takes (Chen et al. 2022, "HTS-AT").

use crate::math::cubic;

/// How it becomes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Square {
    /// Height and width of the picture, a multiple of the number of bins.
    pub side: usize,
    /// By bin: `x * scale + shift`.
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

impl Square {
    /// `[frames, bins]` to `[side, side]`: the frames are stretched to as many as the square has room for, and cut into pieces of
    /// `side` frames; the pieces stand one below the other, time to the right, bins downwards.
    pub fn of(&self, spectrogram: &[f32]) -> Vec<f32> {
        let (side, bins) = (self.side, self.scale.len());
        let (frames, pieces) = (spectrogram.len() / bins, side / bins);
        let step = frames.saturating_sub(1) as f64 / (pieces * side - 1).max(1) as f64;
        let mut out = vec![0.0; side * side];
        for at in 0..pieces * side {
            let taps = cubic::taps(at as f64 * step, frames);
            let (piece, column) = (at / side, at % side);
            for (bin, (scale, shift)) in self.scale.iter().zip(&self.shift).enumerate() {
                let value: f64 = taps.iter().map(|&(frame, weight)| weight * f64::from(spectrogram[frame * bins + bin])).sum();
                out[(piece * bins + bin) * side + column] = value as f32 * scale + shift;
            }
        }
        out
    }
}
