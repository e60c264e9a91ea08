//! What `palate evaluate` found, as one JSON object or a table on the terminal.
//!
//! Not here: measuring (`evaluate`), the report as a page (`evaluation_page`).

use std::collections::BTreeMap;
use std::io::IsTerminal;

use palate::evaluate::report::{Figures, differences};
use palate::math::stats::Interval;
use serde_json::{Map, Value, json};

/// One method's outcome.
pub struct Outcome {
    pub method: String,
    pub figures: Figures,
    pub download_bytes: usize,
    pub train_seconds: f64,
}

/// All methods under one protocol.
pub struct Evaluation {
    pub protocol: String,
    /// What was held out of what, in words.
    pub statement: String,
    /// `train` or `train+valid`.
    pub fit: String,
    pub seed: u64,
    pub cutoffs: Vec<usize>,
    pub baseline: Option<String>,
    pub outcomes: Vec<Outcome>,
    /// Hyper-parameters that were searched for before, by name.
    pub tuned: Option<Value>,
}

fn interval(i: &Interval) -> Value {
    json!({"value": i.value, "low": i.low, "high": i.high})
}

fn intervals(metrics: &BTreeMap<String, Interval>) -> Map<String, Value> {
    metrics.iter().map(|(name, i)| (name.clone(), interval(i))).collect()
}

impl Evaluation {
    /// Users that were tested.
    pub fn users(&self) -> usize {
        self.outcomes.first().map_or(0, |outcome| outcome.figures.users)
    }

    /// The outcome that differences are taken to.
    pub fn base(&self) -> Option<&Outcome> {
        let name = self.baseline.as_ref()?;
        self.outcomes.iter().find(|outcome| outcome.method == *name)
    }

    /// Paired differences of an outcome to the baseline; `None` without one, and for the baseline itself.
    pub fn differences(&self, outcome: &Outcome) -> Option<BTreeMap<String, Interval>> {
        let base = self.base().filter(|base| base.method != outcome.method)?;
        Some(differences(&outcome.figures, &base.figures, self.seed))
    }

    /// The metrics that a reader looks at first.
    pub fn headline(&self) -> Vec<String> {
        let k = self.cutoffs.first().copied().unwrap_or(10);
        let longest = self.cutoffs.iter().copied().max().unwrap_or(10);
        let mut names = vec![format!("hr@{k}"), format!("ndcg@{k}"), format!("recall@{longest}")];
        if longest != k {
            names.push(format!("ndcg@{longest}"));
        }
        names.extend([format!("coverage@{k}"), format!("novelty@{k}")]);
        names
    }

    /// One object with everything.
    pub fn json(&self) -> Value {
        let result = |o: &Outcome| {
            let mut result = json!({
                "method": o.method, "metrics": intervals(&o.figures.metrics), "download_bytes": o.download_bytes,
                "ms_per_recommendation": o.figures.ms_per_recommendation, "train_seconds": o.train_seconds,
            });
            if let Some(base) = self.base() {
                let versus = differences(&o.figures, &base.figures, self.seed);
                result["difference"] = json!({"to": base.method, "metrics": intervals(&versus)});
            }
            result
        };
        let mut whole = json!({
            "protocol": self.protocol, "statement": self.statement, "fit": self.fit, "seed": self.seed,
            "users": self.users(), "results": self.outcomes.iter().map(result).collect::<Vec<_>>(),
        });
        if let Some(tuned) = &self.tuned {
            whole["tuned"] = tuned.clone();
        }
        whole
    }

    /// What a method has over the baseline, in words; nothing without one.
    fn versus(&self, outcome: &Outcome) -> String {
        let (Some(base), Some(versus)) = (self.base(), self.differences(outcome)) else { return String::new() };
        let names = ["recall", "ndcg"].into_iter().flat_map(|name| self.cutoffs.iter().map(move |k| format!("{name}@{k}")));
        let parts = names.filter_map(|name| versus.get(&name).map(|i| format!("{name} {:+.4} ({:+.4} to {:+.4})", i.value, i.low, i.high)));
        format!("{} against {}: {}\n", outcome.method, base.method, parts.collect::<Vec<_>>().join(", "))
    }

    /// A table for the terminal, and below it the differences to the baseline.
    pub fn table(&self) -> String {
        let mut text = format!("{} users tested; learned from {}; seen items excluded; 95 % intervals\n", self.users(), self.fit);
        let names = self.headline();
        text += &format!("{:<14}", "method");
        for name in &names {
            text += &format!(" {name:>22}");
        }
        text += &format!(" {:>10} {:>8}\n", "download", "ms");
        for outcome in &self.outcomes {
            text += &format!("{:<14}", outcome.method);
            for name in &names {
                let cell = outcome.figures.metrics.get(name).map_or("-".into(), |i| format!("{} ({}-{})", number(i.value), number(i.low), number(i.high)));
                text += &format!(" {cell:>22}");
            }
            let size = format!("{:.2} MB", outcome.download_bytes as f64 / 1e6);
            text += &format!(" {size:>10} {:>8.3}\n", outcome.figures.ms_per_recommendation);
        }
        for outcome in &self.outcomes {
            text += &self.versus(outcome);
        }
        if std::io::stdout().is_terminal() {
            text += "Every metric of every method: --json, or as a page: --report FILE.html\n";
        }
        text
    }
}

/// Four digits behind the point for what is below 1, two for the rest.
pub fn number(value: f64) -> String {
    if value.abs() < 1.0 { format!("{value:.4}") } else { format!("{value:.2}") }
}
