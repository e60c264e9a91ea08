//! A Hugging Face style checkpoint folder to a quantized model pack.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::compute::cpu::linear::pack::{CHAIN_LIMIT, RESIDUAL, chain_excess};
use crate::compute::cpu::isa::Isa;
use crate::encode::TextEncoder;
use crate::compute::graph::{Graph, Op, Precision};
use crate::error::{Error, Result};
use crate::format::pack::{EncoderConfig, Pack, Pooling, TOKENIZER};
use crate::format::tensors::{Part, TensorFile, write};
use crate::models;
use super::weights;

/// Number type of a pack's matrices and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackDType {
    /// int8, symmetric, one scale an output (a row of a table).
    Q8,
    F32,
}

/// Columns whose weights keep what rounding took from them; see [`Residual`](crate::compute::cpu::linear::pack::Residual).
/// Seven keep the MiniLM pack below 23.5 MB.
const RESIDUAL_COLUMNS: usize = 7;

/// Texts of all sorts to see which columns carry the energy.
const CALIBRATION: [&str; 16] = [
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

    /// For each weight of a product of [`Precision::High`], the input columns with the most energy over
    /// [`CALIBRATION`], as the f32 model sees them.
    fn large_columns(&self, graph: &Graph) -> Result<HashMap<usize, Vec<u32>>> {
        let exact = Pack::parse(self.pack(PackDType::F32)?)?;
        let energy = TextEncoder::from_pack(&exact, Isa::best())?.column_energy(&CALIBRATION)?;
        let mut found = HashMap::new();
        for node in &graph.nodes {
            if let Op::Linear { x, parts, precision: Precision::High, .. } = &node.op {
                let energy = &energy[x.0];
                let mut order: Vec<u32> = (0..energy.len() as u32).collect();
                order.sort_by(|&a, &b| energy[b as usize].total_cmp(&energy[a as usize]).then(a.cmp(&b)));
                order.truncate(RESIDUAL_COLUMNS);
                order.sort_unstable();
                found.extend(parts.iter().map(|(w, _)| (w.0, order.clone())));
            }
        }
        Ok(found)
    }

    /// The pack's bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for weights that do not make the architecture.
    pub fn pack(&self, dtype: PackDType) -> Result<Vec<u8>> {
        let config = json("config.json", self.config.as_bytes())?;
        let graph = models::bert::graph(&config, &self.encoder, &self.weights)?;
        let mut parts = vec![Part::u8(TOKENIZER, &self.tokenizer)];
        let columns = if dtype == PackDType::Q8 { self.large_columns(&graph)? } else { HashMap::new() };
        // Weights whose products run in one pass of bytes.
        let normal: HashSet<usize> = graph
            .nodes
            .iter()
            .filter_map(|node| match &node.op {
                Op::Linear { parts, precision: Precision::Normal, .. } => Some(parts.iter().map(|(w, _)| w.0)),
                _ => None,
            })
            .flatten()
            .collect();
        for (at, decl) in graph.weights.iter().enumerate() {
            let values = self.weights.get(&decl.name)?.to_f32();
            if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
                return Err(Error::corrupt("the checkpoint", format!("weight {} holds {} at {bad}", decl.name, values[bad])));
            }
            if dtype == PackDType::Q8 && decl.shape.len() == 2 && decl.shape[0] >= MIN_ROWS {
                let chained = normal.contains(&at);
                let (q, scales) = quantize_rows(&values, decl.shape[1], chained);
                parts.push(Part::i8(&decl.name, &decl.shape, &q));
                parts.push(Part::f32(format!("{}.scale", decl.name), &[decl.shape[0]], &scales));
                if let Some(columns) = columns.get(&at) {
                    let rest = residual(&values, &q, &scales, columns, decl.shape[1]);
                    parts.push(Part::u32(format!("{}.columns", decl.name), &[columns.len()], columns));
                    parts.push(Part::i8(format!("{}.residual", decl.name), &[decl.shape[0], columns.len()], &rest));
                }
            } else {
                parts.push(Part::f32(&decl.name, &decl.shape, &values));
            }
        }
        let metadata = Pack::metadata(&self.name, &self.architecture, &self.config, &self.encoder)?;
        write(&parts, &metadata)
    }
}

/// What rounding took from `columns`, in 64ths of a step: `[rows, columns]`.
fn residual(values: &[f32], q: &[i8], scales: &[f32], columns: &[u32], cols: usize) -> Vec<i8> {
    let mut rest = Vec::with_capacity(scales.len() * columns.len());
    for (o, &scale) in scales.iter().enumerate() {
        for &c in columns {
            let at = o * cols + c as usize;
            let exact = if scale > 0.0 { values[at] / scale } else { 0.0 };
            rest.push(((exact - f32::from(q[at])) / RESIDUAL).round_ties_even().clamp(-64.0, 64.0) as i8);
        }
    }
    rest
}

/// Symmetric int8 by row of `cols`: the scale maps the largest weight to 127. With `chained` it is widened by the few
/// per cent that keep every chain of byte products within 16 bits (see [`CHAIN_LIMIT`]).
pub fn quantize_rows(values: &[f32], cols: usize, chained: bool) -> (Vec<i8>, Vec<f32>) {
    let mut q = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(values.len() / cols.max(1));
    for row in values.chunks_exact(cols) {
        let mut scale = row.iter().fold(0.0f32, |m, v| m.max(v.abs())) / 127.0;
        let mut quantized: Vec<i8>;
        loop {
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            quantized = row.iter().map(|v| (v * inverse).round_ties_even().clamp(-127.0, 127.0) as i8).collect();
            let excess = if chained { chain_excess(&quantized) } else { 0 };
            if excess <= CHAIN_LIMIT {
                break;
            }
            // A hair more than the ratio: rounding may bring the sum above it again.
            scale *= 1.002 * excess as f32 / CHAIN_LIMIT as f32;
        }
        q.extend(quantized);
        scales.push(scale);
    }
    (q, scales)
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
