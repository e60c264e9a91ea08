//! A Hugging Face style checkpoint folder to a quantized model pack.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::compute::cpu::isa::Isa;
use crate::encode::TextEncoder;
use crate::compute::graph::{Graph, Op, Role};
use crate::error::{Error, Result};
use crate::format::pack::{EncoderConfig, Pack, Pooling, TOKENIZER};
use crate::format::tensors::{Part, TensorFile, write};
use crate::models;
use super::quantize::{Calibration, Quantized, quantize_rows};
use super::weights;

/// Number type of a pack's matrices and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackDType {
    /// int8, symmetric, one scale an output (a row of a table).
    Q8,
    F32,
}

/// Texts of all sorts whose activations the quantizer calibrates by.
const CALIBRATION: [&str; 40] = [
    "",
    "!",
    "Yes.",
    "12",
    "a warm coat",
    "Red shoes for running on trails",
    "How do I bake bread at home?",
    "An epic film about the sea, with a great cast.",
    "Stainless steel kettle, 1.7 litres, cordless, with a filter.",
    "la vie est belle",
    "\u{4f60}\u{597d}",
    "a b c d e f g",
    "Best of jazz 1959",
    "The history of the Roman empire in ten short chapters, with maps and pictures.",
    "gift ideas under $20",
    "<p>html &amp; more</p>",
    "cat",
    "HELLO WORLD",
    "Wie komme ich zum Bahnhof?",
    "2024-05-17T08:30:00Z",
    "https://example.org/shop?item=42&color=blue",
    "\u{1f600}\u{1f389}",
    "???",
    "fn main() { println!(\"hi\"); }",
    "She opened the old letter slowly, afraid of what her brother might have written all those years ago.",
    "The board approved a dividend of 0.45 per share, payable to holders of record on the last day of March.",
    "Preheat the oven to 180 degrees, whisk three eggs with the sugar, fold in the flour and bake for half an hour.",
    "A quiet drama in which a retired teacher and a young mechanic restore a piano and, little by little, their trust in people.",
    "Wireless headphones with noise cancelling, thirty hours of battery, a folding frame and a case; black or sand.",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen; it takes place in the chloroplasts of green plants.",
    "Patients with a fever above 39 degrees, a stiff neck or trouble breathing should see a doctor at once.",
    "Goal in the last minute! The visitors came from behind twice and left with a point that nobody had expected of them.",
    "El perro duerme en la cocina mientras llueve.",
    "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{43c}\u{438}\u{440}",
    "ice cream",
    "guitar lessons for beginners near me",
    "not bad at all",
    "The band's second record is louder, faster and sadder than the first, and it is all the better for it; the drums alone are worth the price.",
    "Dear customer, your parcel left our warehouse this morning and should be with you by Thursday. If nobody is at home, the driver leaves it with a neighbor. You can change the day or the place of the delivery until midnight.",
    "Old stone house with a garden, two rooms and a kitchen, ten minutes from the lake; no pets, no smoking, three nights at least.",
];

/// Smaller matrices stay f32: BERT's two token types cost 3 KB, and 2e-4 of cosine in int8.
const MIN_ROWS: usize = 16;

/// What the manifest beside a pack says (`manifest.json`).
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct ModelManifest {
    pub format: String,
    pub version: u64,
    pub name: String,
    pub architecture: String,
    /// The pack's file, beside the manifest.
    pub file: String,
    pub sha256: String,
    pub bytes: u64,
    pub dim: usize,
}

/// A checkpoint's files in memory.
pub struct Checkpoint {
    pub name: String,
    /// `config.json`.
    pub config: String,
    pub tokenizer: Vec<u8>,
    pub weights: TensorFile,
    pub encoder: EncoderConfig,
    pub architecture: String,
}

impl Checkpoint {
    /// Reads a folder with `config.json`, `tokenizer.json`, the weights ([`weights::read`]) and, where the pooling is not
    /// the mean, `1_Pooling/config.json`; the longest input from `sentence_bert_config.json`.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a file that is missing, [`Error::Input`] for one that is not understood.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = |name: &str| -> Result<Vec<u8>> { crate::platform::native::files::read(&folder.join(name)) };
        let optional = |name: &str| -> Result<serde_json::Value> {
            match file(name) {
                Ok(bytes) => json(name, &bytes),
                Err(Error::NotFound(_)) => Ok(serde_json::Value::Null),
                Err(e) => Err(e),
            }
        };
        let config_bytes = file("config.json")?;
        let config: serde_json::Value = json("config.json", &config_bytes)?;
        let architecture = match config["model_type"].as_str() {
            Some("bert") => "bert".to_string(),
            other => return Err(Error::input(format!("config.json says model_type {other:?}; this build packs \"bert\"."))),
        };
        let pooling = optional("1_Pooling/config.json")?;
        let pooling = match (pooling["pooling_mode_mean_tokens"].as_bool(), pooling["pooling_mode_cls_token"].as_bool()) {
            (_, Some(true)) => Pooling::Cls,
            (Some(true), _) | (None, None) => Pooling::Mean,
            _ => return Err(Error::input("1_Pooling/config.json names neither mean nor CLS pooling; only those two are supported.")),
        };
        let number = |value: &serde_json::Value, key: &str| value[key].as_u64().map(|n| n as usize);
        let positions = number(&config, "max_position_embeddings").unwrap_or(512);
        let max_tokens = number(&optional("sentence_bert_config.json")?, "max_seq_length").unwrap_or(positions).min(positions);
        let dim = number(&config, "hidden_size").ok_or_else(|| Error::input("config.json has no hidden_size."))?;
        let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_else(|| "model".into());
        Ok(Self {
            name,
            config: String::from_utf8(config_bytes).map_err(|_| Error::input("config.json is not UTF-8."))?,
            tokenizer: file("tokenizer.json")?,
            weights: weights::read(folder)?,
            encoder: EncoderConfig { pooling, max_tokens, dim },
            architecture,
        })
    }

    /// The pack's bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for weights that do not make the architecture.
    pub fn pack(&self, dtype: PackDType) -> Result<Vec<u8>> {
        let config = json("config.json", self.config.as_bytes())?;
        let graph = models::bert::graph(&config, &self.encoder, &self.weights)?;
        let mut parts = vec![Part::u8(TOKENIZER, &self.tokenizer)];
        let matrices = if dtype == PackDType::Q8 { self.matrices(&graph)? } else { HashMap::new() };
        for (at, decl) in graph.weights.iter().enumerate() {
            let (name, rows) = (&decl.name, decl.shape[0]);
            if let Some(Quantized { q, scales, outliers, outlier_scales }) = matrices.get(&at) {
                parts.push(Part::i8(name, &decl.shape, q));
                parts.push(Part::f32(format!("{name}.scale"), &[rows], scales));
                if !outliers.is_empty() {
                    parts.push(Part::u32(format!("{name}.outliers"), &[outliers.len()], outliers));
                    parts.push(Part::f32(format!("{name}.outliers.scale"), &[rows], outlier_scales));
                }
                continue;
            }
            let values = self.values(name)?;
            if dtype == PackDType::Q8 && decl.role == Role::Table && rows >= MIN_ROWS {
                let (q, scales) = quantize_rows(&values, decl.shape[1]);
                parts.push(Part::i8(name, &decl.shape, &q));
                parts.push(Part::f32(format!("{name}.scale"), &[rows], &scales));
            } else {
                parts.push(Part::f32(name, &decl.shape, &values));
            }
        }
        let metadata = Pack::metadata(&self.name, &self.architecture, &self.config, &self.encoder)?;
        write(&parts, &metadata)
    }

    /// The matrices of all products in int8, by the weight's number.
    fn matrices(&self, graph: &Graph) -> Result<HashMap<usize, Quantized>> {
        let exact = Pack::parse(self.pack(PackDType::F32)?)?;
        let linears: Vec<(usize, Vec<usize>)> = graph
            .nodes
            .iter()
            .filter_map(|node| match &node.op {
                Op::Linear { x, parts, .. } => Some((x.0, parts.iter().map(|(w, _)| w.0).collect())),
                _ => None,
            })
            .collect();
        let read = |at: usize| linears.iter().any(|(x, _)| *x == at);
        let inputs = TextEncoder::from_pack(&exact, Isa::best())?.outputs(&CALIBRATION, read)?;
        let quantize = |(x, weights): &(usize, Vec<usize>)| -> Result<Vec<(usize, Quantized)>> {
            let columns = graph.nodes[*x].shape.cols;
            let calibration = Calibration::new(&inputs[*x], columns);
            let of = |&w: &usize| Ok((w, calibration.quantize(&self.values(&graph.weights[w].name)?)));
            weights.iter().map(of).collect()
        };
        let all: Vec<Vec<(usize, Quantized)>> = linears.par_iter().map(quantize).collect::<Result<_>>()?;
        Ok(all.into_iter().flatten().collect())
    }

    fn values(&self, name: &str) -> Result<Vec<f32>> {
        let values = self.weights.get(name)?.to_f32();
        match values.iter().position(|v| !v.is_finite()) {
            Some(bad) => Err(Error::corrupt("the checkpoint", format!("weight {name} holds {} at {bad}", values[bad]))),
            None => Ok(values),
        }
    }
}

/// Makes a pack of the checkpoint in `source` and writes it with its manifest to `out`.
///
/// # Errors
/// As [`Checkpoint::read`] and [`Checkpoint::pack`], and [`Error::Storage`] where it cannot be written.
pub fn model_add(source: &Path, out: &Path, name: Option<&str>, dtype: PackDType) -> Result<ModelManifest> {
    use sha2::{Digest, Sha256};
    let mut checkpoint = Checkpoint::read(source)?;
    if let Some(name) = name {
        checkpoint.name = name.into();
    }
    let bytes = checkpoint.pack(dtype)?;
    let sha256 = crate::format::pack::hex(&Sha256::digest(&bytes));
    let manifest = ModelManifest {
        format: "palate-model".into(),
        version: crate::format::pack::VERSION,
        file: format!("{}-{}.safetensors", checkpoint.name, &sha256[..16]),
        name: checkpoint.name,
        architecture: checkpoint.architecture,
        sha256,
        bytes: bytes.len() as u64,
        dim: checkpoint.encoder.dim,
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| Error::Internal(format!("cannot write a manifest: {e}")))?;
    crate::platform::native::files::write_atomic(&out.join(&manifest.file), &bytes)?;
    let path: PathBuf = out.join("manifest.json");
    crate::platform::native::files::write_atomic(&path, text.as_bytes())?;
    Ok(manifest)
}

fn json(name: &str, bytes: &[u8]) -> Result<serde_json::Value> {
    serde_json::from_slice(bytes).map_err(|e| Error::input(format!("{name} is not readable JSON: {e}. Check the checkpoint folder.")))
}
