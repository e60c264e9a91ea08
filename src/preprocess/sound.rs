//! A decoded sound: one channel of samples, and how many there are a second.

use crate::error::{Error, Result};

/// Most samples of a sound: 100 million, 400 MB.
pub const MAX_SAMPLES: usize = 100_000_000;
/// Samples a second that can be: from telephones' half to ultrasound's.
pub const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// `[samples]`, mono, full scale at -1 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    rate: u32,
    samples: Vec<f32>,
}

impl Sound {
    /// From one channel.
    ///
    /// # Errors
    /// [`Error::Input`] for no samples, too many, ones that are no numbers, or a rate that no sound has.
    pub fn from_mono(rate: u32, samples: Vec<f32>) -> Result<Self> {
        if !RATES.contains(&rate) {
            return Err(Error::input(format!("a sound of {rate} samples a second cannot be read; give one of {} to {}.", RATES.start(), RATES.end())));
        }
        if samples.is_empty() || samples.len() > MAX_SAMPLES {
            return Err(Error::input(format!("a sound of {} samples cannot be read; give one of 1 to {MAX_SAMPLES} samples.", samples.len())));
        }
        if let Some(at) = samples.iter().position(|s| !s.is_finite()) {
            return Err(Error::input(format!("a sound has {} as its sample {at}; decode it again.", samples[at])));
        }
        Ok(Self { rate, samples })
    }

    /// From `[samples, channels]`: the mean of the channels.
    ///
    /// # Errors
    /// As [`Sound::from_mono`].
    pub fn from_interleaved(rate: u32, channels: usize, samples: &[f32]) -> Result<Self> {
        let mean = |frame: &[f32]| frame.iter().sum::<f32>() / frame.len() as f32;
        Self::from_mono(rate, samples.chunks_exact(channels.max(1)).map(mean).collect())
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// `[samples]`.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }
}
