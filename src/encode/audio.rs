//! Sounds to unit vectors: a log-mel spectrogram as the model's checkpoint says, cut into patches, and the mean of their vectors.

use super::device::OnDevices;
use super::inputs::{Head, Inputs, OnCpu, each};
use super::race::Heat;
use crate::compute::cpu::Workspace;
use crate::compute::graph::Batch;
use crate::error::{Error, Result};
use crate::format::pack::{AudioInput, Pack};
use crate::math::vector::mean_direction;
use crate::models;
use crate::preprocess::Sound;
use crate::preprocess::audio::{Fill, Log, Preparation};
use crate::preprocess::mel::Scale;
use crate::preprocess::square::Square;

/// Numbers of one run's patches: small ones share the way through the weights, large ones go alone.
const CHUNK_NUMBERS: usize = 8 * 96 * 64;
/// On a GPU many small ones fill it, or one of ten seconds.
const GPU_NUMBERS: usize = 64 * 96 * 64;
/// What is nowhere louder than this share of full scale (80 dB below it) is silence.
const SILENCE: f32 = 1e-4;

/// What stands before the model: sounds to patches of a spectrogram, and the model as data.
pub struct AudioInputs {
    head: Head,
    preparation: Preparation,
}

impl Inputs for AudioInputs {
    fn new(pack: &Pack) -> Result<Self> {
        let head = Head::of(pack, &models::AUDIO, "takes no sounds; they need")?;
        Ok(Self { head, preparation: preparation(pack.encoder.audio.as_ref())? })
    }

    fn head(&self) -> &Head {
        &self.head
    }

    /// One patch, and as many as a run on a GPU holds.
    fn heat(&self) -> Result<Heat> {
        let shape = self.head.graph.floats[0];
        let numbers = shape.rows.count(&batch(Vec::new(), 1)) * shape.cols;
        let wave = |items: usize| batch((0..items * numbers).map(|at| (at % 251) as f32 / 125.0 - 1.0).collect(), items);
        Ok(Heat { one: wave(1), many: wave((GPU_NUMBERS / numbers).clamp(1, 8)), sample: wave(1) })
    }
}

impl AudioInputs {
    /// How sounds are prepared: whoever decodes one may bring it to that rate, and leave off what is not listened to.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// The patches of a sound, in runs of so many numbers, a larger patch alone.
    ///
    /// # Errors
    /// [`Error::Input`] for silence, which sounds like nothing.
    fn batches(&self, sound: &Sound, numbers: usize) -> Result<Vec<Batch>> {
        let patches = self.preparation.patches(&audible(&self.preparation, sound)?);
        let chunk = (numbers / patches[0].len()).max(1);
        Ok(patches.chunks(chunk).map(|patches| batch(patches.concat(), patches.len())).collect())
    }

    /// The vector of a sound out of its runs' outputs: the mean of its patches' ones, of unit length.
    fn vector(&self, outputs: &[Vec<f32>]) -> Vec<f32> {
        mean_direction(outputs.iter().flat_map(|o| o.chunks_exact(self.head.dim)), self.head.dim)
    }
}

/// An audio model that is ready to run on the processor.
pub type AudioEncoder = OnCpu<AudioInputs>;

impl AudioEncoder {
    /// As [`AudioInputs::preparation`].
    pub fn preparation(&self) -> &Preparation {
        &self.inputs.preparation
    }

    /// The unit vector of a sound, the mean of its patches' ones.
    ///
    /// # Errors
    /// [`Error::Input`] for silence, which sounds like nothing; [`Error::Internal`] for a graph that does not take sounds.
    pub fn encode(&self, sound: &Sound) -> Result<Vec<f32>> {
        let batches = self.inputs.batches(sound, CHUNK_NUMBERS)?;
        let outputs = each(&batches, |batch| self.model.run_shared(batch))?;
        Ok(self.inputs.vector(&outputs))
    }

    /// Vectors `[patches, dim]` of patches that are prepared already, `[patches, frames, bins]`.
    ///
    /// # Errors
    /// [`Error::Internal`] for another number of numbers.
    pub fn run(&self, numbers: Vec<f32>, patches: usize) -> Result<Vec<f32>> {
        self.model.run_shared(&batch(numbers, patches))
    }

    /// The finished output of every node for one patch: what a quantizer calibrates by.
    ///
    /// # Errors
    /// As [`AudioEncoder::run`].
    pub fn observe(&self, patch: Vec<f32>, observe: impl FnMut(usize, &[f32])) -> Result<()> {
        self.model.run_observed(&batch(patch, 1), &mut Workspace::default(), observe).map(|_| ())
    }
}

/// An audio model on the devices of this machine.
pub type AudioDevices = OnDevices<AudioInputs>;

impl AudioDevices {
    /// As [`AudioEncoder::encode`]; never an error because of a GPU.
    ///
    /// # Errors
    /// As there.
    pub async fn encode(&self, sound: &Sound) -> Result<Vec<f32>> {
        let mut batches = self.inputs().batches(sound, CHUNK_NUMBERS)?;
        let on_gpu = self.devices().on_gpu(batches.iter().map(|batch| batch.items).sum());
        if on_gpu {
            batches = self.inputs().batches(sound, GPU_NUMBERS)?;
        }
        let mut outputs = Vec::with_capacity(batches.len());
        for batch in &batches {
            outputs.push(if on_gpu { self.devices().run(batch).await? } else { self.devices().run_on_cpu(batch)? });
        }
        Ok(self.inputs().vector(&outputs))
    }
}

/// What a model hears of a sound, at its rate.
///
/// # Errors
/// [`Error::Input`] for silence.
pub fn audible(preparation: &Preparation, sound: &Sound) -> Result<Vec<f32>> {
    let heard = preparation.heard(sound);
    if heard.iter().all(|sample| sample.abs() < SILENCE) {
        let seconds = heard.len() as f64 / f64::from(preparation.rate);
        return Err(Error::input(format!("the sound is silent: nothing in its first {seconds:.1} seconds is louder than -80 dB. Give one that can be heard.")));
    }
    Ok(heard)
}

fn batch(numbers: Vec<f32>, items: usize) -> Batch {
    Batch { items, floats: vec![numbers], ..Batch::default() }
}

/// What a pack says of its sounds, in the terms of preprocessing.
///
/// # Errors
/// [`Error::Corrupt`] for a pack that says nothing, or names features that this build does not make.
pub fn preparation(input: Option<&AudioInput>) -> Result<Preparation> {
    let input = input.ok_or_else(|| Error::corrupt("the model pack", "it does not say how sounds are prepared"))?;
    let square = input.square.as_ref().map(|s| Square { side: s.side, scale: s.scale.clone(), shift: s.shift.clone() });
    let &AudioInput { rate, window, fft, hop, bins, low, high, frames, mean, std, seconds, .. } = input;
    let plain = Preparation {
        rate,
        window,
        fft,
        hop,
        symmetric: false,
        centered: false,
        level: false,
        emphasis: 0.0,
        power: true,
        scale: Scale::Htk,
        bins,
        low,
        high,
        log: Log::Floor(f64::from(f32::EPSILON)),
        frames,
        fill: Fill::Blank,
        mean,
        std,
        seconds,
        square,
    };
    Ok(match input.features.as_str() {
        // `tf.signal.stft` and `linear_to_mel_weight_matrix`, in YAMNet's features.py.
        "yamnet" => Preparation { power: false, log: Log::Offset(0.001), fill: Fill::Patches { every: frames.div_ceil(2) }, ..plain },
        // Kaldi's filter bank (`ASTFeatureExtractor`).
        "ast" => Preparation { symmetric: true, level: true, emphasis: 0.97, ..plain },
        // librosa's (`ClapFeatureExtractor` without fusion).
        "clap" => Preparation {
            centered: true,
            scale: Scale::Slaney,
            log: Log::Decibels(1e-10),
            fill: Fill::Repeat { samples: (frames - 1) * hop },
            ..plain
        },
        other => return Err(Error::corrupt("the model pack", format!("it listens in the way {other:?}"))),
    })
}
