//! What a caller asks of the devices, what they say of themselves, and what is remembered of a race.

use serde_json::{Value, json};

use crate::compute::webgpu::{Tiling, Tilings};
use crate::error::{Error, Result};

/// What the caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Whatever is fastest here.
    Auto,
    Gpu,
    Cpu,
}

impl Wish {
    /// `auto`, `webgpu` or `wasm`.
    ///
    /// # Errors
    /// [`Error::Input`] for another name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Wish::Auto),
            "webgpu" => Ok(Wish::Gpu),
            "wasm" => Ok(Wish::Cpu),
            other => Err(Error::input(format!("The device {other:?} is not known. Pass one of auto, webgpu, wasm."))),
        }
    }
}

/// The devices' account of themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// Whether one or a few texts, and whether batches, go to the GPU.
    pub few_on_gpu: bool,
    pub many_on_gpu: bool,
    /// Why so.
    pub why: String,
    /// What the GPU says of itself, once it was asked.
    pub adapter: Option<String>,
    /// What the probe found: `right`, or what is wrong.
    pub probe: Option<String>,
    /// How products are cut up.
    pub tilings: Option<String>,
    /// What raced.
    pub race: Option<Race>,
    /// Devices that were lost, and runs that were done again because of that.
    pub lost: u32,
    pub repeated: u32,
}

/// Milliseconds of one item and of many, each on the processor and on the GPU.
pub type Race = [[f64; 2]; 2];

/// What is remembered for an adapter and a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Whether one or a few items, and whether many, are faster on the GPU; `None` where nothing raced.
    pub few: Option<bool>,
    pub many: Option<bool>,
    /// The fastest tilings.
    pub tilings: Option<Tilings>,
}

impl Choice {
    /// As it is kept.
    pub fn written(&self, key: &str, race: Option<Race>) -> Vec<u8> {
        let tilings = self.tilings.map(|t| [t.short.to_string(), t.long.to_string()]);
        json!({ "adapter": key, "few": self.few, "many": self.many, "tilings": tilings, "race": race }).to_string().into_bytes()
    }
}

/// What was remembered for this adapter and model.
pub fn choice(known: &Value, key: &str) -> Option<Choice> {
    if known.get("adapter")?.as_str()? != key {
        return None;
    }
    let named = |tilings: &[Tiling], name: &Value| tilings.iter().copied().find(|tiling| name.as_str() == Some(&tiling.to_string()));
    let tilings = known.get("tilings").and_then(|names| {
        Some(Tilings { short: named(&Tilings::SHORT, names.get(0)?)?, long: named(&Tilings::LONG, names.get(1)?)? })
    });
    let won = |name: &str| known.get(name).and_then(Value::as_bool);
    Some(Choice { few: won("few"), many: won("many"), tilings })
}
