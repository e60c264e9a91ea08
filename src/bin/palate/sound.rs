//! Decodes sound files: WAV, MP3, FLAC, Ogg Vorbis, and AAC in MP4; only as far as a model listens.
//!
//! Not here: what a model makes of the samples (`palate::preprocess`). In a page the browser decodes (`www/lib/media.js`).

use std::path::Path;

use clap::Args;
use palate::encode::AudioEncoder;
use palate::platform::native::folder;
use palate::preprocess::Sound;
use palate::publish::clean::Cleaning;
use palate::{Error, Result};
use symphonia::core::audio::SampleBuffer;
use symphonia::core::codecs::{CODEC_TYPE_NULL, DecoderOptions};
use symphonia::core::errors::Error as Damage;
use symphonia::core::formats::FormatOptions;
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::probe::Hint;

/// How sounds are cleaned, as flags.
#[derive(Debug, Clone, Copy, Args)]
pub struct Clean {
    /// Take steady noise (hiss, hum, a fan) out of sounds before they are encoded. A tone that never stops goes with it.
    #[arg(long)]
    denoise: bool,
    /// Cut silence off both ends of sounds before they are encoded: what is 60 dB quieter than the loudest part.
    #[arg(long)]
    trim_silence: bool,
}

impl Clean {
    /// As the library takes it.
    pub fn cleaning(self) -> Cleaning {
        Cleaning { denoise: self.denoise, trim: self.trim_silence }
    }
}

/// Packets in a row that can't be decoded before a file is given up.
const MOST_DAMAGED: usize = 64;

/// The first `seconds` of a file, cleaned; what stands behind them is not read.
///
/// # Errors
/// [`Error::NotFound`] where it is missing, [`Error::Input`] where it is no sound or holds no samples.
pub fn read(path: &Path, seconds: f64, cleaning: Cleaning) -> Result<Sound> {
    cleaning.apply(decode(folder::open(path)?, &path.display().to_string(), seconds)?)
}

/// The first `seconds` of a file's bytes; `name` is the file's in messages. A file that breaks off gives what came before.
///
/// # Errors
/// As [`read`].
pub fn decode(source: impl MediaSource + 'static, name: &str, seconds: f64) -> Result<Sound> {
    let bad = |detail: &str| Error::input(format!("{name} can't be read as a sound: {detail}. Give a WAV, MP3, FLAC, Ogg Vorbis or M4A file."));
    let stream = MediaSourceStream::new(Box::new(source), Default::default());
    let mut hint = Hint::new();
    if let Some(ending) = Path::new(name).extension().and_then(|e| e.to_str()) {
        hint.with_extension(ending);
    }
    let probed = symphonia::default::get_probe().format(&hint, stream, &FormatOptions::default(), &MetadataOptions::default());
    let mut format = probed.map_err(|e| bad(&e.to_string()))?.format;
    let track = format.tracks().iter().find(|track| track.codec_params.codec != CODEC_TYPE_NULL);
    let track = track.ok_or_else(|| bad("it has no sound track"))?;
    let id = track.id;
    let mut decoder = symphonia::default::get_codecs().make(&track.codec_params, &DecoderOptions::default()).map_err(|e| bad(&e.to_string()))?;
    let (mut rate, mut samples, mut damaged) = (0, Vec::new(), 0);
    while damaged < MOST_DAMAGED {
        let packet = match format.next_packet() {
            Ok(packet) if packet.track_id() != id => continue,
            Ok(packet) => packet,
            // The end, or what is left cannot be understood: what came before is a sound all the same.
            Err(_) => break,
        };
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(Damage::DecodeError(_)) => {
                damaged += 1;
                continue;
            }
            Err(_) => break,
        };
        damaged = 0;
        let spec = *decoded.spec();
        if rate == 0 {
            rate = spec.rate;
        }
        if spec.rate != rate {
            break;
        }
        let channels = spec.channels.count().max(1);
        let mut buffer = SampleBuffer::<f32>::new(decoded.capacity() as u64, spec);
        buffer.copy_interleaved_ref(decoded);
        samples.extend(buffer.samples().chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32));
        if samples.len() as f64 >= seconds * f64::from(rate) {
            break;
        }
    }
    if samples.is_empty() {
        return Err(bad("it holds no samples"));
    }
    // Floating-point files may hold anything.
    samples.iter_mut().filter(|s| !s.is_finite()).for_each(|s| *s = 0.0);
    named(Sound::from_mono(rate, samples), name)
}

/// The vector of a file, cleaned.
///
/// # Errors
/// As [`read`], and for silence.
pub fn vector(encoder: &AudioEncoder, path: &Path, cleaning: Cleaning) -> Result<Vec<f32>> {
    let sound = read(path, encoder.preparation().seconds, cleaning)?;
    named(encoder.encode(&sound), &path.display().to_string())
}

/// Puts the file's name before what is said of a sound.
pub fn named<T>(outcome: Result<T>, name: &str) -> Result<T> {
    outcome.map_err(|error| match error {
        Error::Input(text) => Error::Input(format!("{name}: {text}")),
        other => other,
    })
}
