//! What `palate train fusion` gives beside the pack: its ablation, as JSON and on the terminal, and vectors as a file.
//!
//! Not here: measuring it (`palate::train::fusion_report`).

use std::collections::HashMap;
use std::path::Path;

use palate::Result;
use palate::math::stats::Interval;
use palate::platform::native::files::write_atomic;
use palate::train::fusion_report::Line;
use palate::train::fusion_space::{Content, Space};
use serde_json::{Value, json};

use crate::terminal::{dim, line};

/// What the validation chose to weigh each modality by.
pub fn weights_json(contents: &[Content], weights: &[f32]) -> Value {
    let pairs: HashMap<&str, f32> = contents.iter().map(|c| c.name.as_str()).zip(weights.iter().copied()).collect();
    json!(pairs)
}

fn interval(i: &Interval) -> Value {
    json!({"value": i.value, "low": i.low, "high": i.high})
}

/// One line of the ablation.
pub fn line_json(line: &Line) -> Value {
    let metrics: serde_json::Map<String, Value> = line.metrics.iter().map(|(name, i)| (name.clone(), interval(i))).collect();
    json!({"name": line.name, "metrics": metrics, "lost": line.lost.as_ref().map(interval)})
}

/// The ablation on the terminal.
pub fn print(ablation: &[Line]) -> Result<()> {
    for row in ablation {
        let cells: Vec<String> = row.metrics.iter().map(|(name, i)| format!("{name} {:.4} ({:.4} to {:.4})", i.value, i.low, i.high)).collect();
        let lost = row.lost.map(|i| format!("  lost {:+.4} ({:+.4} to {:+.4})", i.value, i.low, i.high)).unwrap_or_default();
        line(&format!("  {:<26} {}{}", row.name, cells.join(", "), dim(&lost)))?;
    }
    Ok(())
}

/// Every item's fused vector as JSON Lines.
pub fn write_vectors(path: &Path, keys: &[String], space: &Space, parameters: &[f32]) -> Result<()> {
    let vectors = space.encode(parameters, &vec![true; space.contents().len()]);
    let mut text = String::new();
    for (key, row) in keys.iter().zip(vectors.chunks_exact(space.dim)).filter(|(_, row)| row.iter().any(|v| *v != 0.0)) {
        text += &json!({"id": key, "embedding": row}).to_string();
        text.push('\n');
    }
    write_atomic(path, text.as_bytes())
}
