//! How a checkpoint wants its sounds: `preprocessor_config.json`, with what its extractor's class leaves unsaid.

use std::path::Path;

use serde_json::Value;

use super::checkpoint::optional;
use crate::error::{Error, Result};
use crate::format::pack::AudioInput;

/// So much of a sound YAMNet listens to, in patches of a second; the others take one patch of about ten seconds.
const YAMNET_SECONDS: f64 = 30.0;

/// Reads `preprocessor_config.json`, or the feature extractor's part of `processor_config.json`; `config` is the checkpoint's.
///
/// # Errors
/// [`Error::Input`] for values that are not understood, and for CLAP's fusion of several crops.
pub fn read(folder: &Path, config: &Value) -> Result<AudioInput> {
    let file = match optional(folder, "preprocessor_config.json")? {
        Value::Null => optional(folder, "processor_config.json")?["feature_extractor"].clone(),
        file => file,
    };
    let number = |name: &str, default: usize| match &file[name] {
        Value::Null => Ok(default),
        value => value.as_u64().map(|n| n as usize).ok_or_else(|| bad(&format!("has {name} {value}"))),
    };
    let float = |name: &str, default: f64| match &file[name] {
        Value::Null => Ok(default),
        value => value.as_f64().ok_or_else(|| bad(&format!("has {name} {value}"))),
    };
    match config["model_type"].as_str() {
        Some("yamnet") => Ok(AudioInput {
            features: "yamnet".into(),
            rate: 16_000,
            window: 400,
            fft: 512,
            hop: 160,
            bins: number("num_mel_bins", 64)?,
            low: 125.0,
            high: 7500.0,
            frames: number("max_length", 96)?,
            mean: 0.0,
            std: 1.0,
            seconds: YAMNET_SECONDS,
            square: None,
        }),
        Some("audio-spectrogram-transformer") => {
            let rate = number("sampling_rate", 16_000)?;
            let frames = number("max_length", config["max_length"].as_u64().unwrap_or(1024) as usize)?;
            let normalizes = file["do_normalize"].as_bool().unwrap_or(true);
            let (mean, std) = if normalizes { (float("mean", -4.267_739_3)?, 2.0 * float("std", 4.568_997_4)?) } else { (0.0, 1.0) };
            Ok(AudioInput {
                features: "ast".into(),
                rate: rate as u32,
                // The extractor's own, at every rate.
                window: 400,
                fft: 512,
                hop: 160,
                bins: number("num_mel_bins", config["num_mel_bins"].as_u64().unwrap_or(128) as usize)?,
                low: 20.0,
                high: (rate / 2) as f64,
                frames,
                mean,
                std,
                seconds: (400 + frames.saturating_sub(1) * 160) as f64 / rate.max(1) as f64,
                square: None,
            })
        }
        Some("clap" | "clap_audio_model") => {
            if file["truncation"].as_str() == Some("fusion") || [config, &config["audio_config"]].iter().any(|c| c["enable_fusion"] == true) {
                return Err(bad("asks for the fusion of several crops; use a CLAP without it (\"truncation\": \"rand_trunc\")"));
            }
            let (rate, hop, fft) = (number("sampling_rate", 48_000)?, number("hop_length", 480)?, number("fft_window_size", 1024)?);
            let seconds = number("max_length_s", 10)?;
            Ok(AudioInput {
                features: "clap".into(),
                rate: rate as u32,
                window: fft,
                fft,
                hop,
                bins: number("feature_size", 64)?,
                low: float("frequency_min", 0.0)?,
                high: float("frequency_max", 14_000.0)?,
                frames: seconds * rate / hop.max(1) + 1,
                mean: 0.0,
                std: 1.0,
                seconds: seconds as f64,
                // The checkpoint's weights say it.
                square: None,
            })
        }
        other => Err(Error::input(format!("config.json says model_type {other:?}, of which this build has no sounds."))),
    }
}

fn bad(detail: &str) -> Error {
    Error::input(format!("preprocessor_config.json {detail}. Check the checkpoint folder."))
}
