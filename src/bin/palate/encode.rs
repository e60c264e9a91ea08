//! `palate encode`: embeddings of texts.
//!
//! Not here: the models, and finding them (`pack`).

use std::path::PathBuf;

use clap::Args;
use palate::Result;
use serde_json::json;

use crate::pack;
use crate::query::Asked;
use crate::terminal::{bar, clip, line};

/// Texts of one call of the encoder.
const BATCH: usize = 128;

#[derive(Args)]
pub struct Encode {
    /// The model: a pack's folder or file, or a name in models/.
    #[arg(long, value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    asked: Asked,
    /// Print one JSON line each: {"input": ..., "embedding": [...]}.
    #[arg(long)]
    json: bool,
}

impl Encode {
    pub fn run(self) -> Result<()> {
        let queries = self.asked.queries()?;
        let encoder = pack::open(pack::find(&self.model)?)?;
        let progress = bar(queries.len(), "encoding");
        for batch in queries.chunks(BATCH) {
            let texts: Vec<&str> = batch.iter().map(|q| q.text.as_str()).collect();
            let vectors = encoder.encode(&texts)?;
            progress.inc(batch.len() as u64);
            for (query, vector) in batch.iter().zip(vectors) {
                progress.suspend(|| {
                    if self.json {
                        return line(&json!({"input": query.asked, "embedding": vector}).to_string());
                    }
                    let start: Vec<String> = vector.iter().take(6).map(|v| format!("{v:.4}")).collect();
                    line(&format!("{}  [{}, … {} numbers]", clip(&query.text, 48), start.join(", "), vector.len()))
                })?;
            }
        }
        progress.finish_and_clear();
        Ok(())
    }
}
