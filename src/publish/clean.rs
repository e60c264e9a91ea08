//! Recordings cleaned before they are encoded: steady noise taken out, silence at both ends cut off.
//!
//! Both are options of the publisher's: music and field recordings mostly are as they should be.

use crate::error::Result;
use crate::preprocess::Sound;
use crate::preprocess::fourier::Fourier;

/// What is done to a sound, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaning {
    /// See [`denoise`].
    pub denoise: bool,
    /// See [`trim`].
    pub trim: bool,
}

impl Cleaning {
    /// The sound as cleaned.
    ///
    /// # Errors
    /// As [`Sound::from_mono`].
    pub fn apply(self, sound: Sound) -> Result<Sound> {
        let sound = if self.denoise { denoise(&sound)? } else { sound };
        if self.trim { trim(&sound) } else { Ok(sound) }
    }

    /// A number that tells two cleanings apart, 0 for none.
    pub fn tag(self) -> u8 {
        u8::from(self.denoise) | u8::from(self.trim) << 1
    }
}

/// Quieter than the loudest frame by so much is silence, in decibels.
const SILENCE_DB: f64 = 60.0;
/// Samples of a frame whose loudness counts, and from frame to frame.
const FRAME: usize = 2048;
const HOP: usize = 512;

/// Without the frames at both ends that are 60 dB quieter than the loudest one (as `librosa.effects.trim` does, with its defaults). What is
/// silent all over stays as it is.
///
/// # Errors
/// As [`Sound::from_mono`].
pub fn trim(sound: &Sound) -> Result<Sound> {
    let samples = sound.samples();
    let squares: Vec<f64> = samples.iter().map(|&s| f64::from(s).powi(2)).collect();
    // Frames stand around every `HOP`th sample, with zeros outside.
    let power = |at: usize| {
        let (from, to) = ((at * HOP).saturating_sub(FRAME / 2), (at * HOP + FRAME / 2).min(squares.len()));
        squares[from..to].iter().sum::<f64>() / FRAME as f64
    };
    let powers: Vec<f64> = (0..=squares.len() / HOP).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f64::max);
    let loud = |&power: &f64| power > loudest * 10f64.powf(-SILENCE_DB / 10.0);
    let (Some(first), Some(last)) = (powers.iter().position(loud), powers.iter().rposition(loud)) else { return Ok(sound.clone()) };
    Sound::from_mono(sound.rate(), samples[first * HOP..((last + 1) * HOP).min(samples.len())].to_vec())
}

/// A frame of the transform lasts about so long, in seconds.
const WINDOW: f64 = 0.032;
/// Frames over which a frequency's power is averaged to find the quietest place, a tenth of a second, and the share of such places
/// that are taken for noise alone.
const AVERAGED: usize = 12;
const QUIET: f64 = 0.1;
/// Noise is subtracted so many times, as it is louder in some frames than where it is quietest, and so much of the whole is left, both as
/// powers: without a rest, single frequencies that come and go would sound like music.
const SUBTRACTED: f64 = 4.0;
const LEFT: f64 = 0.01;

/// With steady noise subtracted from the spectrum (Berouti, Schwartz and Makhoul 1979), whose power at each frequency is that of the
/// quietest tenth of the frames (after Martin 1994). A tone that never stops is noise to it.
///
/// # Errors
/// As [`Sound::from_mono`].
pub fn denoise(sound: &Sound) -> Result<Sound> {
    let size = ((WINDOW * f64::from(sound.rate())) as usize).next_power_of_two().max(64);
    let (hop, bins) = (size / 4, size / 2 + 1);
    let fourier = Fourier::new(size);
    let window: Vec<f64> = (0..size).map(|i| (std::f64::consts::PI * (i as f64 + 0.5) / size as f64).sin().powi(2)).collect();
    // Zeros around, so that every sample stands in as many frames.
    let mut padded = vec![0.0f64; size];
    padded.extend(sound.samples().iter().map(|&s| f64::from(s)));
    padded.resize(padded.len().next_multiple_of(hop) + size, 0.0);
    let frames = (padded.len() - size) / hop + 1;
    let (mut work, mut frame) = (Vec::new(), vec![0.0; size]);
    let mut spectra = vec![(0.0, 0.0); frames * bins];
    for (at, spectrum) in spectra.chunks_exact_mut(bins).enumerate() {
        for ((x, p), w) in frame.iter_mut().zip(&padded[at * hop..]).zip(&window) {
            *x = p * w;
        }
        fourier.spectrum(&frame, &mut work, spectrum);
    }
    let power = |(re, im): (f64, f64)| re * re + im * im;
    // Frames that reach outside are quiet because of that.
    let inside = (size / hop, frames.saturating_sub(size / hop + 1));
    if inside.1 < inside.0 + 2 * AVERAGED {
        return Ok(sound.clone());
    }
    for k in 0..bins {
        let powers: Vec<f64> = (inside.0..inside.1).map(|at| power(spectra[at * bins + k])).collect();
        let mut means: Vec<f64> = powers.windows(AVERAGED).map(|w| w.iter().sum::<f64>() / AVERAGED as f64).collect();
        let quiet = (means.len() as f64 * QUIET) as usize;
        means.select_nth_unstable_by(quiet, f64::total_cmp);
        let noise = SUBTRACTED * means[..=quiet].iter().sum::<f64>() / (quiet + 1) as f64;
        for at in 0..frames {
            let bin = &mut spectra[at * bins + k];
            let whole = power(*bin);
            let gain = if whole > 0.0 { ((whole - noise) / whole).max(LEFT).sqrt() } else { 0.0 };
            *bin = (bin.0 * gain, bin.1 * gain);
        }
    }
    let (mut out, mut weight) = (vec![0.0f64; padded.len()], vec![0.0f64; padded.len()]);
    for (at, spectrum) in spectra.chunks_exact(bins).enumerate() {
        fourier.inverse(spectrum, &mut work, &mut frame);
        for (((o, n), x), w) in out[at * hop..].iter_mut().zip(&mut weight[at * hop..]).zip(&frame).zip(&window) {
            *o += x * w;
            *n += w * w;
        }
    }
    let cleaned = out.iter().zip(&weight).skip(size).take(sound.samples().len()).map(|(o, n)| (o / n) as f32).collect();
    Sound::from_mono(sound.rate(), cleaned)
}
