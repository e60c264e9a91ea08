//! A model pack: one tensor file with quantized weights, the tokenizer and what preprocessing needs.
//!
//! Layout. Metadata: `format` = "palate-model", `version` = "1", `name`, `architecture`, `config` (the
//! checkpoint's own `config.json`), `encoder` (JSON of [`EncoderConfig`]). Tensors: every weight under its checkpoint
//! name; an int8 matrix `w` of shape `[out, in]` has a companion `w.scale` (F32 `[out]`), the value is
//! `w[o][i] * w.scale[o]`; an int8 table likewise one scale a row. Where `w.outliers` (U32 `[c]`, ascending)
//! is there, the weights of those input columns have scales of their own, `w.outliers.scale` (F32 `[out]`), and an
//! executor quantizes those inputs apart from the others. `tokenizer.json` is a U8 tensor, of models that read text.
//!
//! Weights of vision models are what `publish::fold` makes of the checkpoint's: a convolution is a matrix
//! `[out, kernel * kernel * in]`, a depthwise one `[kernel * kernel, channels]`, with batch norms and layer scales inside.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tensors::{DType, Tensor, TensorFile};
use crate::error::{Error, Result};

/// The newest pack version that this build reads and the one that it writes.
pub const VERSION: u64 = 1;
/// Name of the tensor that holds the tokenizer's JSON.
pub const TOKENIZER: &str = "tokenizer.json";

/// Which model made a vector: two are comparable only where both agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelId {
    pub name: String,
    /// SHA-256 of the pack's bytes, lower-case hex.
    pub sha256: String,
}

impl ModelId {
    /// The model that a pack's configuration names in a member; `None` where it names none.
    pub fn named(config: &serde_json::Value, member: &str) -> Option<Self> {
        let text = |name: &str| config.get(member)?.get(name)?.as_str().map(str::to_string);
        Some(Self { name: text("name")?, sha256: text("sha256")? })
    }
}

/// How token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    Mean,
    Cls,
}

/// What the encoder must know besides the architecture's own configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncoderConfig {
    pub pooling: Pooling,
    /// Longest input in tokens, special tokens included; longer ones are cut.
    pub max_tokens: usize,
    /// Length of an embedding.
    pub dim: usize,
    /// What texts are filled up with to `max_tokens`, of a model that reads that too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Filling>,
    /// How pictures are prepared, of a model that takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageInput>,
    /// How sounds are prepared, of a model that takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioInput>,
}

/// The tokens that a text is filled up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filling {
    pub token: u32,
    /// Whether they stand before the text, in place of behind it.
    #[serde(default)]
    pub before: bool,
}

impl EncoderConfig {
    /// Checks what came from outside. `Error::Corrupt` for sizes that no model has, or numbers that are none.
    fn check(&self) -> Result<()> {
        self.image.as_ref().map_or(Ok(()), ImageInput::check)?;
        self.audio.as_ref().map_or(Ok(()), AudioInput::check)?;
        match self.fill.is_none() || (1..=MAX_FILLED).contains(&self.max_tokens) {
            true => Ok(()),
            false => Err(Error::corrupt("the model pack", format!("it fills texts up to {} tokens", self.max_tokens))),
        }
    }
}

/// How an audio model wants its sounds: what `preprocessor_config.json` of its checkpoint said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioInput {
    /// Whose spectrogram it is: "yamnet", "ast" or "clap".
    pub features: String,
    /// Samples a second.
    pub rate: u32,
    /// Samples of a frame, of its transform, and from frame to frame.
    pub window: usize,
    pub fft: usize,
    pub hop: usize,
    pub bins: usize,
    /// The band in hertz.
    pub low: f64,
    pub high: f64,
    /// Frames of a patch.
    pub frames: usize,
    /// `(x - mean) / std`
    pub mean: f64,
    pub std: f64,
    /// So much of a sound's beginning is listened to.
    pub seconds: f64,
    /// How the spectrogram becomes a square picture, of a model that takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub square: Option<SquareInput>,
}

/// A spectrogram as a square picture (`preprocess::square`): its side in pixels, and a factor and an addend for each bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SquareInput {
    pub side: usize,
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

impl AudioInput {
    /// Checks what came from outside. `Error::Corrupt` for sizes that no model has, or numbers that are none.
    fn check(&self) -> Result<()> {
        let sizes = (4..=MAX_FFT).contains(&self.fft) && self.fft.is_power_of_two() && (2..=self.fft).contains(&self.window);
        let steps = (1..=self.fft).contains(&self.hop) && (1..=self.fft).contains(&self.bins) && (1..=MAX_SIDE).contains(&self.frames);
        let band = (8_000..=192_000).contains(&self.rate) && self.low >= 0.0 && self.low < self.high && self.high <= f64::from(self.rate) / 2.0;
        let numbers = self.mean.is_finite() && self.std.is_finite() && self.std != 0.0 && self.seconds > 0.0 && self.seconds <= MAX_SECONDS;
        let square = self.square.as_ref().is_none_or(|square| {
            let SquareInput { side, scale, shift } = square;
            let whole = self.bins > 0 && (self.bins..=MAX_SIDE).contains(side) && side % self.bins == 0 && self.frames <= side / self.bins * side;
            whole && scale.len() == self.bins && shift.len() == self.bins && scale.iter().chain(shift).all(|v| v.is_finite())
        });
        match sizes && steps && band && numbers && square {
            true => Ok(()),
            false => Err(Error::corrupt("the model pack", format!("it prepares sounds as {self:?}"))),
        }
    }
}

/// How a vision model wants its pictures: what `preprocessor_config.json` of its checkpoint said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageInput {
    /// What the picture is brought to before its middle is cut out: `{"shortest": n}`, `{"height": h, "width": w}`, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<ImageSize>,
    /// "box", "bilinear", "bicubic" or "lanczos".
    pub filter: String,
    /// Pixels that the model takes.
    pub height: usize,
    pub width: usize,
    /// `(byte * rescale - mean) / std` by channel.
    pub rescale: f64,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// A size that pictures are brought to: of the shorter side, which the other follows, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageSize {
    /// In pixels; 0 where both sides are given.
    #[serde(skip_serializing_if = "is_zero")]
    pub shortest: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub height: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub width: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl ImageSize {
    /// Of the shorter side.
    pub fn shortest(shortest: usize) -> Self {
        Self { shortest, ..Self::default() }
    }

    /// Of both sides.
    pub fn exact(height: usize, width: usize) -> Self {
        Self { height, width, ..Self::default() }
    }
}

/// Longest side in pixels that a pack may ask for.
pub const MAX_SIDE: usize = 4096;
/// Most tokens that a pack may have every text filled up to.
pub const MAX_FILLED: usize = 4096;
/// Longest transform of a sound's frame, and most seconds of a sound that a pack may ask for.
pub const MAX_FFT: usize = 8192;
pub const MAX_SECONDS: f64 = 600.0;

impl ImageInput {
    /// Checks what came from outside. `Error::Corrupt` for sizes that no model has, or numbers that are none.
    fn check(&self) -> Result<()> {
        let side = |n: usize| (1..=MAX_SIDE).contains(&n);
        let resize = match self.resize {
            None => true,
            Some(ImageSize { shortest: 0, height, width }) => side(height) && side(width),
            Some(size) => side(size.shortest) && size.height == 0 && size.width == 0,
        };
        let numbers = self.mean.iter().chain(&self.std).all(|v| v.is_finite()) && self.std.iter().all(|&v| v != 0.0) && self.rescale.is_finite();
        match resize && side(self.height) && side(self.width) && numbers {
            true => Ok(()),
            false => Err(Error::corrupt("the model pack", format!("it prepares pictures as {self:?}"))),
        }
    }
}

/// An opened model pack.
#[derive(Debug, Clone)]
pub struct Pack {
    pub id: ModelId,
    pub architecture: String,
    /// The checkpoint's `config.json`.
    pub config: serde_json::Value,
    pub encoder: EncoderConfig,
    file: TensorFile,
}

impl Pack {
    /// Parses a pack.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for bytes that are no pack, [`Error::Version`] for a newer one.
    pub fn parse(bytes: impl Into<Arc<Vec<u8>>>) -> Result<Self> {
        let bytes = bytes.into();
        let sha256 = hex(&Sha256::digest(bytes.as_slice()));
        Self::parse_verified(bytes, sha256)
    }

    /// As [`Pack::parse`], for bytes whose SHA-256 (lower-case hex) was verified already: in a browser its own digest is
    /// ten times as fast as one of ours.
    ///
    /// # Errors
    /// As [`Pack::parse`].
    pub fn parse_verified(bytes: impl Into<Arc<Vec<u8>>>, sha256: String) -> Result<Self> {
        let file = TensorFile::parse(bytes, "the model pack")?;
        let meta = file.metadata();
        let field = |name: &str| -> Result<&String> {
            meta.get(name).ok_or_else(|| Error::corrupt("the model pack", format!("metadata {name} is missing")))
        };
        if field("format")? != "palate-model" {
            return Err(Error::corrupt("the model pack", format!("its format is {:?}, expected \"palate-model\"", field("format")?)));
        }
        let version: u64 = field("version")?.parse().map_err(|_| Error::corrupt("the model pack", "its version is no number"))?;
        if version > VERSION {
            return Err(Error::Version { what: "the model pack".into(), found: version, supported: VERSION });
        }
        let json = |name: &str, e: serde_json::Error| Error::corrupt("the model pack", format!("metadata {name}: {e}"));
        let config = serde_json::from_str(field("config")?).map_err(|e| json("config", e))?;
        let encoder: EncoderConfig = serde_json::from_str(field("encoder")?).map_err(|e| json("encoder", e))?;
        encoder.check()?;
        let id = ModelId { name: field("name")?.clone(), sha256 };
        Ok(Self { id, architecture: field("architecture")?.clone(), config, encoder, file })
    }

    /// The metadata of a pack to be written.
    pub fn metadata(name: &str, architecture: &str, config: &str, encoder: &EncoderConfig) -> Result<BTreeMap<String, String>> {
        let encoder = serde_json::to_string(encoder).map_err(|e| Error::Internal(format!("cannot write metadata: {e}")))?;
        Ok([
            ("format", "palate-model"),
            ("version", &VERSION.to_string()),
            ("name", name),
            ("architecture", architecture),
            ("config", config),
            ("encoder", &encoder),
        ]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into())
    }

    /// The weights' file.
    pub fn file(&self) -> &TensorFile {
        &self.file
    }

    /// The tokenizer's JSON.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the pack has none.
    pub fn tokenizer(&self) -> Result<Tensor> {
        self.file.typed(TOKENIZER, DType::U8)
    }
}

/// Lower-case hex of bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
