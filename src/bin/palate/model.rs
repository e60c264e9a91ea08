//! `palate model add`: a checkpoint folder becomes a quantized pack.
//!
//! Not here: quantizing (`palate::publish::model`).

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use palate::publish::model::{PackDType, model_add};
use palate::Result;
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
        /// Print one JSON object in place of text.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum DType {
    Q8,
    F32,
}

impl Model {
    pub fn run(self) -> Result<()> {
        let Model::Add { source, out, name, dtype, json } = self;
        let title = name.clone().or_else(|| source.file_name().map(|n| n.to_string_lossy().into_owned())).unwrap_or_else(|| "model".into());
        let out = out.unwrap_or_else(|| PathBuf::from("models").join(&title).join("pack"));
        let dtype = match dtype {
            DType::Q8 => PackDType::Q8,
            DType::F32 => PackDType::F32,
        };
        let bar = spinner("quantizing");
        let made = model_add(&source, &out, name.as_deref(), dtype);
        bar.finish_and_clear();
        let made = made?;
        if json {
            return line(&json!({"name": made.name, "architecture": made.architecture, "file": made.file, "sha256": made.sha256, "bytes": made.bytes, "dim": made.dim, "out": out}).to_string());
        }
        line(&format!("{} {} ({}, {} numbers a vector), {}", tick(), bold(&made.name), made.architecture, made.dim, size(made.bytes)))?;
        line(&format!("  {}", out.join(&made.file).display()))?;
        line(&format!("  sha256 {}", made.sha256))
    }
}
