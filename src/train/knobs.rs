//! The hyper-parameters by name: what `--tune` tries, and what a settings file may say.
//!
//! Not here: the search (`tune`), what each one means (the method's own file).

use serde_json::{Map, Value};

use super::methods::Settings;
use crate::{Error, Result};

/// One hyper-parameter.
pub struct Knob {
    pub name: &'static str,
    /// The method that it belongs to.
    pub method: &'static str,
    /// Factors of the default that are tried, from and to; drawn evenly on a logarithmic scale.
    pub span: (f64, f64),
    /// What a file may say, from and to.
    pub legal: (f64, f64),
    get: fn(&Settings) -> f64,
    set: fn(&mut Settings, f64),
}

impl Knob {
    /// Its value in `settings`.
    pub fn get(&self, settings: &Settings) -> f64 {
        (self.get)(settings)
    }

    /// Puts a value into `settings`.
    pub fn set(&self, settings: &mut Settings, value: f64) {
        (self.set)(settings, value);
    }
}

/// Every hyper-parameter.
pub const KNOBS: [Knob; 13] = [
    Knob { name: "knn_shrink", method: "item-knn", span: (0.1, 20.0), legal: (0.0, 1e6), get: |s| s.knn_shrink.into(), set: |s, v| s.knn_shrink = v as f32 },
    Knob { name: "ease_lambda", method: "ease", span: (0.1, 10.0), legal: (1e-3, 1e7), get: |s| s.ease_lambda.into(), set: |s, v| s.ease_lambda = v as f32 },
    Knob { name: "content_alpha", method: "ease-content", span: (0.05, 20.0), legal: (0.0, 1e5), get: |s| s.content_alpha.into(), set: |s, v| s.content_alpha = v as f32 },
    Knob { name: "transitions_lambda", method: "transitions", span: (0.1, 10.0), legal: (1e-3, 1e7), get: |s| s.transitions.lambda.into(), set: |s, v| s.transitions.lambda = v as f32 },
    Knob { name: "transitions_past", method: "transitions", span: (0.25, 8.0), legal: (0.05, 1e4), get: |s| s.transitions.past.into(), set: |s, v| s.transitions.past = v as f32 },
    Knob { name: "transitions_future", method: "transitions", span: (0.25, 8.0), legal: (0.05, 1e4), get: |s| s.transitions.future.into(), set: |s, v| s.transitions.future = v as f32 },
    Knob { name: "ials_dim", method: "ials", span: (0.5, 2.0), legal: (1.0, 1024.0), get: |s| s.ials.dim as f64, set: |s, v| s.ials.dim = v.round() as usize },
    Knob { name: "ials_lambda", method: "ials", span: (0.05, 20.0), legal: (1e-8, 1e4), get: |s| s.ials.lambda.into(), set: |s, v| s.ials.lambda = v as f32 },
    Knob { name: "ials_alpha0", method: "ials", span: (0.1, 10.0), legal: (0.0, 1e3), get: |s| s.ials.alpha0.into(), set: |s, v| s.ials.alpha0 = v as f32 },
    Knob { name: "clusters", method: "user-clusters", span: (0.25, 4.0), legal: (1.0, 1e5), get: |s| s.clusters as f64, set: |s, v| s.clusters = v.round().max(1.0) as usize },
    Knob { name: "map_lambda", method: "content-map", span: (0.05, 20.0), legal: (1e-6, 1e6), get: |s| s.map_lambda.into(), set: |s, v| s.map_lambda = v as f32 },
    Knob { name: "balance", method: "", span: (1.0, 1.0), legal: (0.0, 1.0), get: |s| s.balance.into(), set: |s, v| s.balance = v as f32 },
    Knob { name: "row_entries", method: "", span: (1.0, 1.0), legal: (1.0, 1e4), get: |s| s.row_entries as f64, set: |s, v| s.row_entries = v.round() as usize },
];

/// The hyper-parameters of `settings` as a settings file says them.
pub fn write(settings: &Settings) -> Map<String, Value> {
    // What is an f32 is written with an f32's digits.
    let value = |knob: &Knob| serde_json::json!(knob.get(settings) as f32);
    KNOBS.iter().map(|knob| (knob.name.to_owned(), value(knob))).collect()
}

/// `settings` with what a settings file says; what it leaves out stays.
///
/// # Errors
/// [`Error::Input`] names the hyper-parameter that is unknown or out of range; `what` names the file.
pub fn read(settings: &Settings, file: &Map<String, Value>, what: &str) -> Result<Settings> {
    let mut settings = settings.clone();
    for (name, value) in file {
        let knob = KNOBS.iter().find(|knob| knob.name == name).ok_or_else(|| {
            let names: Vec<&str> = KNOBS.iter().map(|knob| knob.name).collect();
            Error::input(format!("{what} has {name:?}, which is no setting. Use {}.", names.join(", ")))
        })?;
        let (low, high) = knob.legal;
        match value.as_f64().filter(|value| (low..=high).contains(value)) {
            Some(value) => knob.set(&mut settings, value),
            None => return Err(Error::input(format!("{what}: {name} is {value}. Give a number from {low} to {high}."))),
        }
    }
    Ok(settings)
}
