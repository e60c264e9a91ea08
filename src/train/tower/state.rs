//! Where learning stands after an epoch, as a file: what goes on from it ends where an unbroken run ends.

use std::collections::BTreeMap;

use super::passes::{Weights, zeros};
use crate::compute::graph::Graph;
use crate::error::{Error, Result};
use crate::format::tensors::{Part, TensorFile, write};

/// Weights, Adam's means, the best weights so far, and counts.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Hash of everything that decides the run.
    pub run: String,
    /// Epochs that are done.
    pub epoch: usize,
    /// Steps that are done.
    pub step: u64,
    /// The best epoch and its score on the validation share.
    pub best_epoch: usize,
    pub best_score: f64,
    pub weights: Weights,
    pub mean: Weights,
    pub square: Weights,
    pub best: Weights,
}

impl State {
    /// Before the first epoch.
    pub fn new(run: String, graph: &Graph, weights: Weights) -> Self {
        Self { run, epoch: 0, step: 0, best_epoch: 0, best_score: f64::MIN, best: weights.clone(), weights, mean: zeros(graph), square: zeros(graph) }
    }

    /// As bytes.
    ///
    /// # Errors
    /// [`Error::Internal`] never, unless memory is short.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let sets = [("weights", &self.weights), ("mean", &self.mean), ("square", &self.square), ("best", &self.best)];
        let parts: Vec<Part<'_>> = sets.iter().flat_map(|(set, all)| all.iter().enumerate().map(move |(at, v)| Part::f32(format!("{set}.{at}"), &[v.len()], v))).collect();
        let counts = [
            ("format", "palate-tower-state".to_string()),
            ("run", self.run.clone()),
            ("epoch", self.epoch.to_string()),
            ("step", self.step.to_string()),
            ("best_epoch", self.best_epoch.to_string()),
            ("best_score", format!("{:016x}", self.best_score.to_bits())),
        ];
        write(&parts, &counts.map(|(k, v)| (k.to_string(), v)).into_iter().collect::<BTreeMap<_, _>>())
    }

    /// From bytes, for a run of that hash.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for bytes that are no state, [`Error::Mismatch`] for the state of another run.
    pub fn parse(bytes: Vec<u8>, what: &str, graph: &Graph, run: &str) -> Result<Self> {
        let file = TensorFile::parse(bytes, what)?;
        let bad = |name: &str| Error::corrupt(what, format!("its {name} is missing or damaged; delete it to begin anew"));
        let text = |name: &str| file.metadata().get(name).cloned().ok_or_else(|| bad(name));
        if text("run")? != run {
            return Err(Error::Mismatch(format!("{what} is of a run with other items, pictures or settings. Repeat the command that it comes from, or delete it to begin anew.")));
        }
        let number = |name: &str| text(name)?.parse::<u64>().map_err(|_| bad(name));
        let score = u64::from_str_radix(&text("best_score")?, 16).map_err(|_| bad("best_score"))?;
        let set = |set: &str| -> Result<Weights> {
            let of = |(at, decl): (usize, &crate::compute::graph::WeightDecl)| {
                let values = file.f32s(&format!("{set}.{at}"))?;
                if values.len() == decl.shape.iter().product::<usize>() { Ok(values) } else { Err(bad(set)) }
            };
            graph.weights.iter().enumerate().map(of).collect()
        };
        Ok(Self {
            run: run.to_string(),
            epoch: number("epoch")? as usize,
            step: number("step")?,
            best_epoch: number("best_epoch")? as usize,
            best_score: f64::from_bits(score),
            weights: set("weights")?,
            mean: set("mean")?,
            square: set("square")?,
            best: set("best")?,
        })
    }
}
