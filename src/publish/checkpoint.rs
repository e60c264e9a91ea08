//! A Hugging Face style checkpoint folder in memory: which architecture it is, its weights folded, its tokenizer or pictures.
//!
//! Not here: number types ([`super::model`]) and what folding means ([`super::fold`]).

use std::path::Path;

use serde_json::Value;

use super::fold::Weights;
use super::{audio_input, image_input, weights};
use crate::error::{Error, Result};
use crate::format::pack::{AudioInput, EncoderConfig, Filling, ImageInput, Pooling, SquareInput};
use crate::format::tensors::TensorFile;
use crate::models;
use crate::platform::native::files;

/// One of the two models of a checkpoint whose vectors share a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tower {
    Text,
    Image,
    Audio,
}

/// What a checkpoint leaves open.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice {
    /// Which tower of a checkpoint that has two.
    pub tower: Option<Tower>,
    /// How rows become one vector, where it is not what the checkpoint says.
    pub pooling: Option<Pooling>,
}

/// A checkpoint's files in memory.
pub struct Checkpoint {
    pub name: String,
    /// `config.json`, or the tower's part of it.
    pub config: String,
    /// `tokenizer.json` of a text model.
    pub tokenizer: Option<Vec<u8>>,
    /// As [`super::fold`] leaves them.
    pub weights: TensorFile,
    pub encoder: EncoderConfig,
    /// As packs name it.
    pub architecture: String,
}

/// What a checkpoint is, by its `model_type`.
struct Kind {
    architecture: &'static str,
    /// Where the tower's configuration stands in `config.json`.
    part: Option<&'static str>,
}

impl Kind {
    fn of(config: &Value, tower: Option<Tower>) -> Result<Self> {
        let kind = |architecture, part| Ok(Self { architecture, part });
        match (config["model_type"].as_str(), tower) {
            (Some("bert" | "roberta" | "xlm-roberta" | "camembert"), None | Some(Tower::Text)) => kind("bert", None),
            (Some("mpnet"), None | Some(Tower::Text)) => kind("mpnet", None),
            (Some("clip"), Some(Tower::Text)) => kind("clip-text", Some("text_config")),
            (Some("clip"), Some(Tower::Image)) => kind("clip-vision", Some("vision_config")),
            (Some("clip"), None) => Err(Error::input("a CLIP checkpoint has two towers. Say which with --tower text or --tower image.")),
            (Some("clip_text_model"), None | Some(Tower::Text)) => kind("clip-text", None),
            (Some("clip_vision_model"), None | Some(Tower::Image)) => kind("clip-vision", None),
            (Some("siglip"), None | Some(Tower::Image)) => kind("siglip-vision", Some("vision_config")),
            (Some("siglip"), Some(Tower::Text)) => kind("siglip-text", Some("text_config")),
            (Some("siglip_text_model"), None | Some(Tower::Text)) => kind("siglip-text", None),
            (Some("siglip_vision_model"), None | Some(Tower::Image)) => kind("siglip-vision", None),
            (Some("vit" | "dinov2"), None | Some(Tower::Image)) => kind("vit", None),
            (Some("mobilenet_v2"), None | Some(Tower::Image)) => kind("mobilenet-v2", None),
            (Some("audio-spectrogram-transformer"), None | Some(Tower::Audio)) => kind("ast", None),
            (Some("yamnet"), None | Some(Tower::Audio)) => kind("yamnet", None),
            (Some("clap"), None | Some(Tower::Text)) => kind("clap-text", Some("text_config")),
            (Some("clap"), Some(Tower::Audio)) => kind("clap-audio", Some("audio_config")),
            (Some("clap_audio_model"), None | Some(Tower::Audio)) => kind("clap-audio", None),
            (Some(other), Some(tower)) => Err(Error::input(format!("config.json says model_type {other:?}, of which this build has no {tower:?} tower. Leave --tower out."))),
            (other, _) => Err(Error::input(format!(
                "config.json says model_type {other:?}; this build packs bert, roberta, xlm-roberta, mpnet, clip, siglip, vit, dinov2, mobilenet_v2, audio-spectrogram-transformer, yamnet and clap."
            ))),
        }
    }
}

impl Checkpoint {
    /// Reads a folder with `config.json`, the weights ([`weights::read`]), and of a text model `tokenizer.json` and where
    /// they are there `1_Pooling/config.json` and `sentence_bert_config.json` (longest input), of a vision model
    /// `preprocessor_config.json`.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a file that is missing, [`Error::Input`] for one that is not understood.
    pub fn read(folder: &Path, choice: Choice) -> Result<Self> {
        let config: Value = json("config.json", &files::read(&folder.join("config.json"))?)?;
        let kind = Kind::of(&config, choice.tower)?;
        let mut own = tower_config(&config, kind.part)?;
        let is_text = models::TEXT.contains(&kind.architecture);
        let image = models::IMAGE.contains(&kind.architecture).then(|| image_input::read(folder, &config, &own)).transpose()?;
        let mut audio = models::AUDIO.contains(&kind.architecture).then(|| audio_input::read(folder, &config)).transpose()?;
        let weights = fold(kind.architecture, &mut own, image.as_ref(), audio.as_mut(), &weights::read(folder)?)?;
        let mut encoder = if is_text { text_encoder(folder, &own, kind.architecture)? } else { EncoderConfig { pooling: Pooling::Cls, max_tokens: 0, dim: 0, fill: None, image, audio } };
        encoder.pooling = choice.pooling.unwrap_or(encoder.pooling);
        let graph = models::graph(kind.architecture, &own, &encoder, &weights)?;
        encoder.dim = graph.shape(graph.output()).cols;
        let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_else(|| "model".into());
        let suffix = match choice.tower {
            Some(Tower::Text) => "-text",
            Some(Tower::Image) => "-image",
            Some(Tower::Audio) => "-audio",
            None => "",
        };
        Ok(Self {
            name: format!("{name}{suffix}"),
            config: own.to_string(),
            tokenizer: is_text.then(|| files::read(&folder.join("tokenizer.json"))).transpose()?,
            weights,
            encoder,
            architecture: kind.architecture.into(),
        })
    }
}

/// The configuration of one tower, with the width of the shared space.
fn tower_config(config: &Value, part: Option<&str>) -> Result<Value> {
    let Some(part) = part else { return Ok(config.clone()) };
    let mut own = match &config[part] {
        Value::Object(own) => own.clone(),
        Value::Null => serde_json::Map::new(),
        other => return Err(Error::input(format!("config.json has {part} {other}, expected an object. Check the checkpoint folder."))),
    };
    if let Some(width) = config.get("projection_dim") {
        own.insert("projection_dim".into(), width.clone());
    }
    Ok(Value::Object(own))
}

/// The weights as an architecture's graph reads them. What folding changes of the configuration, and of how sounds are prepared, is
/// changed there too.
fn fold(architecture: &str, config: &mut Value, image: Option<&ImageInput>, audio: Option<&mut AudioInput>, file: &TensorFile) -> Result<TensorFile> {
    let offset = config["pad_token_id"].as_u64().unwrap_or(1) as usize + 1;
    let is_roberta = matches!(config["model_type"].as_str(), Some("roberta" | "xlm-roberta" | "camembert")) || architecture == "clap-text";
    if !is_roberta && matches!(architecture, "bert" | "clip-text" | "siglip-text") {
        return Ok(file.clone());
    }
    let mut weights = Weights::read(file, &["vit.", "dinov2.", "mobilenet_v2.", "roberta.", "mpnet.", "audio_spectrogram_transformer."])?;
    if architecture == "mpnet" {
        weights.rename(&[(".attention.attn.", ".attention.self."), (".attention.LayerNorm.", ".attention.output.LayerNorm.")]);
        weights.rename(&[(".self.q.", ".self.query."), (".self.k.", ".self.key."), (".self.v.", ".self.value."), (".self.o.", ".output.dense.")]);
        weights.spread_buckets("encoder.relative_attention_bias.weight", models::bert::BIAS)?;
    }
    match architecture {
        "bert" | "clap-text" | "mpnet" => {
            // Positions count from the padding's number on; the rows before it are never read.
            let prefix = if architecture == "clap-text" { "text_model." } else { "" };
            weights.drop_rows(&format!("{prefix}embeddings.position_embeddings.weight"), offset);
            if let Some(positions) = config["max_position_embeddings"].as_u64() {
                config["max_position_embeddings"] = positions.saturating_sub(offset as u64).into();
            }
        }
        "clap-audio" => {
            let part = |name: &str| format!("audio_model.audio_encoder.{name}");
            let (scale, shift) = weights.take_batch_norm(&part("batch_norm"), 1e-5)?;
            let side = config["spec_size"].as_u64().unwrap_or(256) as usize;
            if let Some(audio) = audio {
                audio.square = Some(SquareInput { side, scale, shift });
            }
            for key in ["patch_size", "patch_stride"] {
                let Some(sides) = config[key].as_array() else { continue };
                if sides.iter().any(|side| *side != sides[0]) {
                    return Err(Error::input(format!("config.json has {key} {}; use a CLAP whose patches are square.", config[key])));
                }
                let side = sides.first().cloned().unwrap_or(Value::Null);
                config[key] = side;
            }
            weights.flatten_kernel(&part("patch_embed.proj.weight"));
            weights.merge_by_lines(&[".downsample.norm.weight", ".downsample.norm.bias", ".downsample.reduction.weight"]);
        }
        "yamnet" => weights.flatten_convolutions(),
        "ast" => {
            weights.turn_kernel("embeddings.patch_embeddings.projection.weight");
            weights.stack_rows(["embeddings.cls_token", "embeddings.distillation_token"], "embeddings.tokens")?;
            weights.to_rows("embeddings.position_embeddings");
            let size = |key: &str, default: u64| config[key].as_u64().unwrap_or(default) as usize;
            let (patch, stride) = (size("patch_size", 16), size("frequency_stride", 10).max(1));
            let lines = audio.map_or(0, |a| a.bins.saturating_sub(patch) / stride + 1);
            weights.turn_positions("embeddings.position_embeddings", 2, lines)?;
        }
        "mobilenet-v2" => {
            weights.fold_batch_norms(config["layer_norm_eps"].as_f64().unwrap_or(0.001))?;
            weights.flatten_convolutions();
        }
        "vit" => {
            if config["model_type"] == "dinov2" {
                let names =
                    [(".norm1.", ".layernorm_before."), (".norm2.", ".layernorm_after."), (".mlp.fc1.", ".intermediate.dense."), (".mlp.fc2.", ".output.dense.")];
                weights.rename(&names);
                weights.fold_layer_scale("layer_scale1.lambda1", "attention.output.dense")?;
                weights.fold_layer_scale("layer_scale2.lambda1", "output.dense")?;
            }
            weights.flatten_convolutions();
            weights.to_rows("embeddings.cls_token");
            let patch = config["patch_size"].as_u64().unwrap_or(16).max(1) as usize;
            let (height, width) = image.map_or((0, 0), |i| (i.height / patch, i.width / patch));
            weights.interpolate("embeddings.position_embeddings", 1, height, width)?;
        }
        _ => {
            weights.flatten_convolutions();
            weights.to_rows("vision_model.embeddings.class_embedding");
            if architecture == "siglip-vision" {
                weights.fold_probe("vision_model.head")?;
            }
        }
    }
    weights.finish()
}

/// What a text model's folder says besides its weights.
fn text_encoder(folder: &Path, config: &Value, architecture: &str) -> Result<EncoderConfig> {
    let pooling = optional(folder, "1_Pooling/config.json")?;
    let pooling = match (pooling["pooling_mode_mean_tokens"].as_bool(), pooling["pooling_mode_cls_token"].as_bool()) {
        (_, Some(true)) => Pooling::Cls,
        (Some(true), _) | (None, None) => Pooling::Mean,
        _ => return Err(Error::input("1_Pooling/config.json names neither mean nor CLS pooling; only those two are supported.")),
    };
    let number = |value: &Value, key: &str| value[key].as_u64().map(|n| n as usize);
    let positions = number(config, "max_position_embeddings").unwrap_or(match architecture {
        "clip-text" => 77,
        "siglip-text" => 64,
        _ => 512,
    });
    let max_tokens = number(&optional(folder, "sentence_bert_config.json")?, "max_seq_length").unwrap_or(positions).min(positions);
    let fill = (architecture == "siglip-text").then(|| filling(folder, config)).transpose()?;
    Ok(EncoderConfig { pooling, max_tokens, dim: 0, fill, image: None, audio: None })
}

/// What a tokenizer fills texts up with, and on which side, as its files say: its number is seldom the one of `config.json`.
fn filling(folder: &Path, config: &Value) -> Result<Filling> {
    let tokenizer = json("tokenizer.json", &files::read(&folder.join("tokenizer.json"))?)?;
    let own = optional(folder, "tokenizer_config.json")?;
    let name = own["pad_token"].as_str().or(own["pad_token"]["content"].as_str()).or(tokenizer["padding"]["pad_token"].as_str());
    let added = tokenizer["added_tokens"].as_array().and_then(|all| all.iter().find(|token| token["content"].as_str() == name));
    let token = [added.map(|token| &token["id"]), Some(&tokenizer["padding"]["pad_id"]), Some(&config["pad_token_id"])];
    let token = token.into_iter().flatten().find_map(Value::as_u64).unwrap_or(1) as u32;
    let before = match own["padding_side"].as_str().or(tokenizer["padding"]["direction"].as_str()) {
        Some(side) => side.eq_ignore_ascii_case("left"),
        // What their classes do where nothing is said.
        None => own["tokenizer_class"].as_str().is_some_and(|class| class.starts_with("Gemma") || class.starts_with("Siglip2")),
    };
    Ok(Filling { token, before })
}

/// A JSON file that need not be there.
pub(super) fn optional(folder: &Path, name: &str) -> Result<Value> {
    match files::read(&folder.join(name)) {
        Ok(bytes) => json(name, &bytes),
        Err(Error::NotFound(_)) => Ok(Value::Null),
        Err(e) => Err(e),
    }
}

/// A file's JSON.
pub(super) fn json(name: &str, bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|e| Error::input(format!("{name} is not readable JSON: {e}. Check the checkpoint folder.")))
}
