//! What a caller asks of the devices, what they say of themselves, and what is remembered of a race.

use serde_json::Value;

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
    /// Milliseconds of one short text and of 32 mixed ones: processor, then GPU.
    pub race: Option<[[f64; 2]; 2]>,
    /// Devices that were lost, and runs that were done again because of that.
    pub lost: u32,
    pub repeated: u32,
}

/// What was remembered for this adapter and model.
pub fn choice(known: &Value, key: &str) -> Option<(bool, bool)> {
    if known.get("adapter")?.as_str()? != key {
        return None;
    }
    Some((known.get("few")?.as_bool()?, known.get("many")?.as_bool()?))
}
