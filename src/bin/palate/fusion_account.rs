//! The ablation of `palate train fusion`, as JSON and on the terminal.
//!
//! Not here: measuring it (`palate::train::fusion_report`).

use std::collections::HashMap;

use palate::Result;
use palate::math::stats::Interval;
use palate::train::fusion_report::Line;
use palate::train::fusion_space::Content;
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
