//! A Hugging Face style checkpoint folder to a quantized model pack.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use half::f16;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::calibration;
pub use super::checkpoint::{Checkpoint, Choice, Tower};
use super::checkpoint::json;
use super::quantize::{Calibration, Quantized, quantize_rows};
use super::quantize4::{self, Quantized4};
use crate::compute::cpu::isa::Isa;
use crate::compute::graph::{Graph, Op, Role};
use crate::compute::int4;
use crate::encode::{AudioEncoder, ImageEncoder, TextEncoder};
use crate::error::{Error, Result};
use crate::format::pack::{Pack, TOKENIZER};
use crate::format::pack_manifest::Pieces;
use crate::format::tensors::{DType, Part, write};
use crate::models;
use crate::platform::native::files::write_atomic;

/// Number type of a pack's matrices and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PackDType {
    /// int8, symmetric, one scale an output (a row of a table).
    #[default]
    Q8,
    /// int4, a scale for every 16 inputs, in half precision; narrow matrices in int8.
    Q4,
    /// Half precision.
    F16,
    F32,
}

/// Smaller tables (positions) are in int8 in a pack of four bits: every text reads them, and they are a hundredth of the pack.
const MIN_ROWS_Q4: usize = 4096;
/// Narrower matrices are not quantized to four bits.
const MIN_COLUMNS_Q4: usize = 64;
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pieces: Option<Pieces>,
}

impl ModelManifest {
    /// The manifest of a pack of these bytes.
    fn of(name: &str, architecture: &str, dim: usize, bytes: &[u8]) -> Self {
        let sha256 = crate::format::digest::sha256(bytes);
        Self {
            format: "palate-model".into(),
            version: crate::format::pack::VERSION,
            name: name.into(),
            architecture: architecture.into(),
            file: format!("{name}-{}.safetensors", &sha256[..16]),
            sha256,
            bytes: bytes.len() as u64,
            dim,
            pieces: Some(Pieces::of(bytes)),
        }
    }
}

/// What is asked of a pack besides its checkpoint.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The pack's name; the folder's where it is not given.
    pub name: Option<String>,
    pub dtype: PackDType,
    pub choice: Choice,
}

impl Checkpoint {
    /// The pack's bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for weights that do not make the architecture.
    pub fn pack(&self, dtype: PackDType) -> Result<Vec<u8>> {
        let config = json("config.json", self.config.as_bytes())?;
        self.pack_graph(&models::graph(&self.architecture, &config, &self.encoder, &self.weights)?, dtype)
    }

    /// The same, of a graph that is there already; in int8 and int4 of an encoder of one medium alone.
    ///
    /// # Errors
    /// As [`Checkpoint::pack`].
    pub fn pack_graph(&self, graph: &Graph, dtype: PackDType) -> Result<Vec<u8>> {
        let mut parts: Vec<Part<'_>> = self.tokenizer.iter().map(|json| Part::u8(TOKENIZER, json)).collect();
        let matrices = if matches!(dtype, PackDType::Q8 | PackDType::Q4) { self.matrices(graph, dtype)? } else { HashMap::new() };
        for (at, decl) in graph.weights.iter().enumerate() {
            let (name, rows) = (&decl.name, decl.shape[0]);
            if let Some(quantized) = matrices.get(&at) {
                quantized.write(name, &decl.shape, &mut parts);
                continue;
            }
            let values = self.values(name)?;
            let table = decl.role == Role::Table && rows >= MIN_ROWS;
            match dtype {
                PackDType::Q8 | PackDType::Q4 if table && (dtype == PackDType::Q8 || rows < MIN_ROWS_Q4) => {
                    let (q, scales) = quantize_rows(&values, decl.shape[1]);
                    Rounded::Eight(Quantized { q, scales, outliers: Vec::new(), outlier_scales: Vec::new() }).write(name, &decl.shape, &mut parts);
                }
                PackDType::Q4 if table => {
                    Rounded::Four(quantize4::quantize_rows(&values, decl.shape[1])).write(name, &decl.shape, &mut parts);
                }
                PackDType::F16 if matches!(decl.role, Role::Matrix | Role::Table) => {
                    parts.push(Part::f16(name, &decl.shape, &halves(name, &values)?));
                }
                _ => parts.push(Part::f32(name, &decl.shape, &values)),
            }
        }
        let metadata = Pack::metadata(&self.name, &self.architecture, &self.config, &self.encoder)?;
        write(&parts, &metadata)
    }

    /// The matrices of all products in int8 or int4, by the weight's number.
    fn matrices(&self, graph: &Graph, dtype: PackDType) -> Result<HashMap<usize, Rounded>> {
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
        let inputs = match self.tokenizer {
            Some(_) => {
                let texts = if dtype == PackDType::Q4 { calibration::more_texts() } else { calibration::TEXTS.map(str::to_owned).to_vec() };
                TextEncoder::whole(&exact, Isa::best())?.outputs(&texts.iter().map(String::as_str).collect::<Vec<_>>(), read)?
            }
            None if self.encoder.audio.is_some() => heard(&AudioEncoder::whole(&exact, Isa::best())?, read)?,
            None => seen(&ImageEncoder::whole(&exact, Isa::best())?, read)?,
        };
        let quantize = |(x, weights): &(usize, Vec<usize>)| -> Result<Vec<(usize, Rounded)>> {
            let columns = graph.nodes[*x].shape.cols;
            let calibration = Calibration::new(&inputs[*x], columns);
            let of = |&w: &usize| {
                let values = self.values(&graph.weights[w].name)?;
                // The few weights of a narrow matrix are not worth what four bits lose.
                Ok((w, match dtype == PackDType::Q4 && columns >= MIN_COLUMNS_Q4 {
                    true => Rounded::Four(quantize4::quantize(&calibration, &values)),
                    false => Rounded::Eight(calibration.quantize(&values)),
                }))
            };
            weights.iter().map(of).collect()
        };
        let all: Vec<Vec<(usize, Rounded)>> = linears.par_iter().map(quantize).collect::<Result<_>>()?;
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

/// A quantized matrix.
enum Rounded {
    Eight(Quantized),
    Four(Quantized4),
}

impl Rounded {
    fn write(&self, name: &str, shape: &[usize], parts: &mut Vec<Part<'_>>) {
        let (rows, cols) = (shape[0], shape[1]);
        let outliers = match self {
            Rounded::Eight(Quantized { q, scales, outliers, outlier_scales }) => {
                parts.extend([Part::i8(name, shape, q), Part::f32(format!("{name}.scale"), &[rows], scales)]);
                if !outliers.is_empty() {
                    parts.push(Part::f32(format!("{name}.outliers.scale"), &[rows], outlier_scales));
                }
                outliers
            }
            Rounded::Four(Quantized4 { q, scales, outliers, apart, apart_scales }) => {
                let bytes = int4::pack(q, cols).into();
                parts.push(Part { name: name.into(), dtype: DType::U8, shape: vec![rows, cols.div_ceil(2)], bytes });
                parts.push(Part::f16(format!("{name}.scale"), &[rows, int4::groups(cols)], scales));
                if !outliers.is_empty() {
                    parts.push(Part::i8(format!("{name}.outliers.weight"), &[rows, outliers.len()], apart));
                    parts.push(Part::f32(format!("{name}.outliers.scale"), &[rows], apart_scales));
                }
                outliers
            }
        };
        if !outliers.is_empty() {
            parts.push(Part::u32(format!("{name}.outliers"), &[outliers.len()], outliers));
        }
    }
}

/// The numbers of a weight in half precision.
fn halves(name: &str, values: &[f32]) -> Result<Vec<u16>> {
    let halves: Vec<f16> = values.iter().map(|&v| f16::from_f32(v)).collect();
    match halves.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::input(format!("Weight {name} holds {}, which half precision cannot hold. Use --dtype q8 or f32.", values[at]))),
        None => Ok(halves.into_iter().map(f16::to_bits).collect()),
    }
}

/// Most rows of a value that one picture or sound brings to the calibration: neighbors tell little new.
const ROWS_A_PICTURE: usize = 128;

/// The outputs of the nodes that `wanted` says (by number) for the calibration's pictures, some rows of each.
fn seen(encoder: &ImageEncoder, wanted: impl Fn(usize) -> bool) -> Result<Vec<Vec<f32>>> {
    let mut outputs = Sample::new(encoder.graph());
    for (turn, picture) in calibration::pictures()?.iter().enumerate() {
        encoder.observe(picture, |at, out| outputs.take(turn, at, out, &wanted))?;
    }
    Ok(outputs.rows)
}

/// The same for the calibration's sounds.
fn heard(encoder: &AudioEncoder, wanted: impl Fn(usize) -> bool) -> Result<Vec<Vec<f32>>> {
    let mut outputs = Sample::new(encoder.graph());
    for (turn, sound) in calibration::sounds(encoder.preparation().rate)?.iter().enumerate() {
        let preparation = encoder.preparation();
        let patch = preparation.patches(&preparation.heard(sound)).swap_remove(0);
        encoder.observe(patch, |at, out| outputs.take(turn, at, out, &wanted))?;
    }
    Ok(outputs.rows)
}

/// Some rows of each node's outputs.
struct Sample<'a> {
    graph: &'a Graph,
    rows: Vec<Vec<f32>>,
}

impl<'a> Sample<'a> {
    fn new(graph: &'a Graph) -> Self {
        Self { graph, rows: vec![Vec::new(); graph.nodes.len()] }
    }

    /// Adds rows of the output of node `at`, others in every turn.
    fn take(&mut self, turn: usize, at: usize, out: &[f32], wanted: impl Fn(usize) -> bool) {
        if wanted(at) {
            let cols = self.graph.nodes[at].shape.cols;
            let step = (out.len() / cols).div_ceil(ROWS_A_PICTURE).max(1);
            out.chunks_exact(cols).skip(turn % step).step_by(step).for_each(|row| self.rows[at].extend(row));
        }
    }
}

/// Makes a pack of the checkpoint in `source` and writes it with its manifest to `out`, or to `models/NAME/pack` where that is
/// not given; gives the manifest and the folder.
///
/// # Errors
/// As [`Checkpoint::read`] and [`Checkpoint::pack`], and [`Error::Storage`] where it cannot be written.
pub fn model_add(source: &Path, out: Option<&Path>, options: &Options) -> Result<(ModelManifest, PathBuf)> {
    let mut checkpoint = Checkpoint::read(source, options.choice)?;
    if let Some(name) = &options.name {
        checkpoint.name.clone_from(name);
    }
    let out = out.map_or_else(|| Path::new("models").join(&checkpoint.name).join("pack"), Path::to_path_buf);
    let manifest = write_pack(checkpoint, options.dtype, &out)?;
    Ok((manifest, out))
}

/// Writes a checkpoint's pack and its manifest to the folder `out`, the manifest last; gives the manifest.
///
/// # Errors
/// As [`Checkpoint::pack`], and [`Error::Storage`] where it cannot be written.
pub fn write_pack(checkpoint: Checkpoint, dtype: PackDType, out: &Path) -> Result<ModelManifest> {
    let bytes = checkpoint.pack(dtype)?;
    write_bytes(checkpoint, &bytes, out)
}

/// Writes the bytes that a checkpoint was packed to, and their manifest.
///
/// # Errors
/// [`Error::Storage`] where they cannot be written.
pub fn write_bytes(checkpoint: Checkpoint, bytes: &[u8], out: &Path) -> Result<ModelManifest> {
    write_described(&checkpoint.name, &checkpoint.architecture, checkpoint.encoder.dim, bytes, out)
}

/// Writes a pack and its manifest, the manifest last; gives the manifest.
///
/// # Errors
/// [`Error::Storage`] where they cannot be written.
pub fn write_described(name: &str, architecture: &str, dim: usize, bytes: &[u8], out: &Path) -> Result<ModelManifest> {
    let manifest = ModelManifest::of(name, architecture, dim, bytes);
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| Error::Internal(format!("cannot write a manifest: {e}")))?;
    write_atomic(&out.join(&manifest.file), bytes)?;
    write_atomic(&out.join("manifest.json"), text.as_bytes())?;
    Ok(manifest)
}
