//! `palate model add`: a checkpoint folder becomes a quantized pack.
//!
//! Not here: quantizing (`palate::publish::model`).

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use palate::Result;
use palate::format::pack::Pooling;
use palate::publish::model::{Choice, Options, PackDType, Tower, model_add};
use serde_json::json;

use crate::terminal::{bold, line, size, spinner, tick};

#[derive(Subcommand)]
pub enum Model {
    /// Make a pack of a Hugging Face style checkpoint folder (config.json, tokenizer.json, *.safetensors).
    Add {
        /// The checkpoint's folder.
        source: PathBuf,
        /// Where the pack goes [default: models/NAME/pack].
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// The pack's name [default: the checkpoint folder's].
        #[arg(long)]
        name: Option<String>,
        /// Number type of the weights.
        #[arg(long, value_enum, default_value_t = DType::Q8)]
        dtype: DType,
        /// Which model of a checkpoint that has two, as CLIP has: one for texts and one for pictures.
        #[arg(long, value_enum)]
        tower: Option<OneOf>,
        /// How token or patch vectors become one [default: what the checkpoint says].
        #[arg(long, value_enum)]
        pooling: Option<Pool>,
        /// Print one JSON object in place of text.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum DType {
    /// int8: the fastest on a processor
    Q8,
    /// int4: the smallest download
    Q4,
    /// half precision
    F16,
    F32,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum OneOf {
    Text,
    Image,
    Audio,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Pool {
    Cls,
    Mean,
}

impl Model {
    pub fn run(self) -> Result<()> {
        let Model::Add { source, out, name, dtype, tower, pooling, json } = self;
        let tower = tower.map(|t| match t {
            OneOf::Text => Tower::Text,
            OneOf::Image => Tower::Image,
            OneOf::Audio => Tower::Audio,
        });
        let pooling = pooling.map(|p| match p {
            Pool::Cls => Pooling::Cls,
            Pool::Mean => Pooling::Mean,
        });
        let dtype = match dtype {
            DType::Q8 => PackDType::Q8,
            DType::Q4 => PackDType::Q4,
            DType::F16 => PackDType::F16,
            DType::F32 => PackDType::F32,
        };
        let bar = spinner("quantizing");
        let options = Options { name, dtype, choice: Choice { tower, pooling } };
        let made = model_add(&source, out.as_deref(), &options);
        bar.finish_and_clear();
        let (made, out) = made?;
        if json {
            return line(&json!({"name": made.name, "architecture": made.architecture, "file": made.file, "sha256": made.sha256, "bytes": made.bytes, "dim": made.dim, "out": out}).to_string());
        }
        line(&format!("{} {} ({}, {} numbers a vector), {}", tick(), bold(&made.name), made.architecture, made.dim, size(made.bytes)))?;
        line(&format!("  {}", out.join(&made.file).display()))?;
        line(&format!("  sha256 {}", made.sha256))
    }
}
