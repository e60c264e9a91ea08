//! Sounds to the numbers that an audio model takes: log-mel spectrograms cut into patches.
//!
//! Not here: decoding, and the transform, the mel scale and the change of rate themselves.

use super::fourier::Fourier;
use super::mel::{Mel, Scale};
use super::resample::resample;
use super::sound::Sound;
use super::square::Square;

/// What the logarithm is taken of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Log {
    /// `ln(x + offset)`
    Offset(f64),
    /// `ln(max(x, floor))`
    Floor(f64),
    /// `10 log10(max(x, floor))`
    Decibels(f64),
}

/// What becomes of sounds that are shorter or longer than one patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Zeros at the end up to a whole patch; a longer sound gives a patch every so many frames.
    Patches { every: usize },
    /// One patch: frames that are missing are zeros in place of logarithms, what is more is cut.
    Blank,
    /// One patch: a sound shorter than so many samples is repeated whole, then followed by zeros; what is more is cut.
    Repeat { samples: usize },
}

/// How a model wants its sounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// Samples a second.
    pub rate: u32,
    /// Samples of a frame, of the transform (a power of two), and from frame to frame.
    pub window: usize,
    pub fft: usize,
    pub hop: usize,
    /// Whether the Hann window's last number is a zero as its first one is, or the one before that.
    pub symmetric: bool,
    /// Whether frames are centered at their time, the sound mirrored at its ends.
    pub centered: bool,
    /// Whether a frame's mean is taken off, and how much of each sample's predecessor.
    pub level: bool,
    pub emphasis: f64,
    /// Whether magnitudes are squared.
    pub power: bool,
    pub scale: Scale,
    pub bins: usize,
    /// The band in hertz.
    pub low: f64,
    pub high: f64,
    pub log: Log,
    /// Frames of a patch.
    pub frames: usize,
    pub fill: Fill,
    /// `(x - mean) / std`
    pub mean: f64,
    pub std: f64,
    /// So much of a sound's beginning is listened to.
    pub seconds: f64,
    /// The picture that a patch becomes, of a model that takes one.
    pub square: Option<Square>,
}

impl Preparation {
    /// What is listened to, at the model's rate.
    pub fn heard(&self, sound: &Sound) -> Vec<f32> {
        let most = |rate: u32| (self.seconds * f64::from(rate)).round() as usize;
        let some = &sound.samples()[..sound.samples().len().min(most(sound.rate()))];
        let mut heard = resample(some, sound.rate(), self.rate);
        heard.truncate(most(self.rate).max(1));
        heard
    }

    /// Patches `[frames, bins]`, or squares, of samples at the model's rate, one at least.
    pub fn patches(&self, samples: &[f32]) -> Vec<Vec<f32>> {
        let mut samples = samples.to_vec();
        let one = self.window + (self.frames - 1) * self.hop;
        let every = match self.fill {
            Fill::Patches { every } => {
                let more = samples.len().saturating_sub(one).div_ceil(every * self.hop);
                samples.resize(one + more * every * self.hop, 0.0);
                every
            }
            Fill::Blank => {
                samples.resize(samples.len().clamp(self.window, one), 0.0);
                self.frames
            }
            Fill::Repeat { samples: count } => {
                let times = (count / samples.len()).max(1);
                samples = samples.repeat(times);
                samples.resize(count, 0.0);
                self.frames
            }
        };
        let spectrogram = self.spectrogram(&samples);
        let patch = |first: usize| {
            let rows = &spectrogram[first * self.bins..((first + self.frames) * self.bins).min(spectrogram.len())];
            let blank = std::iter::repeat_n(&0.0, self.frames * self.bins - rows.len());
            let patch: Vec<f32> = rows.iter().chain(blank).map(|v| ((v - self.mean) / self.std) as f32).collect();
            match &self.square {
                Some(square) => square.of(&patch),
                None => patch,
            }
        };
        let count = (spectrogram.len() / self.bins).saturating_sub(self.frames) / every + 1;
        (0..count).map(|at| patch(at * every)).collect()
    }

    /// Logarithms `[frames, bins]` of samples at the model's rate, before they are normalized.
    pub fn spectrogram(&self, samples: &[f32]) -> Vec<f64> {
        let (fourier, mel) = (Fourier::new(self.fft), Mel::new(self.scale, self.bins, self.low, self.high, self.rate, self.fft));
        let last = if self.symmetric { self.window - 1 } else { self.window };
        let hann: Vec<f64> = (0..self.window).map(|at| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * at as f64 / last as f64).cos()).collect();
        let around = if self.centered { self.window / 2 } else { 0 };
        let count = (samples.len() + 2 * around).saturating_sub(self.window) / self.hop + 1;
        let mut out = Vec::with_capacity(count * self.bins);
        let (mut frame, mut work, mut spectrum) = (vec![0.0; self.fft], Vec::new(), vec![0.0; self.fft / 2 + 1]);
        for at in 0..count {
            for (k, value) in frame[..self.window].iter_mut().enumerate() {
                *value = f64::from(mirrored(samples, (at * self.hop + k) as i64 - around as i64));
            }
            self.shape(&mut frame[..self.window], &hann);
            fourier.powers(&frame, &mut work, &mut spectrum);
            if !self.power {
                spectrum.iter_mut().for_each(|v| *v = v.sqrt());
            }
            out.extend(mel.of(&spectrum).map(|v| match self.log {
                Log::Offset(offset) => (v + offset).ln(),
                Log::Floor(floor) => v.max(floor).ln(),
                Log::Decibels(floor) => 10.0 * v.max(floor).log10(),
            }));
        }
        out
    }

    /// A frame's samples made fit for the transform.
    fn shape(&self, frame: &mut [f64], hann: &[f64]) {
        if self.level {
            let mean = frame.iter().sum::<f64>() / frame.len() as f64;
            frame.iter_mut().for_each(|v| *v -= mean);
        }
        if self.emphasis > 0.0 {
            for at in (1..frame.len()).rev() {
                frame[at] -= self.emphasis * frame[at - 1];
            }
            frame[0] *= 1.0 - self.emphasis;
        }
        frame.iter_mut().zip(hann).for_each(|(v, h)| *v *= h);
    }
}

/// A sample, mirrored at both ends without repeating them; zero where there is nothing to mirror.
fn mirrored(samples: &[f32], at: i64) -> f32 {
    let last = samples.len() as i64 - 1;
    if last < 1 {
        return samples.get(at as usize).copied().unwrap_or(0.0);
    }
    let at = at.rem_euclid(2 * last);
    samples[if at > last { 2 * last - at } else { at } as usize]
}
