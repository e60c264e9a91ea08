//! The cases of the GPU (`ops.test.mjs`) and of regular expressions (`regex.test.mjs`) as a module for the browser. Never part of the
//! package.

#![cfg(target_arch = "wasm32")]

#[path = "../ops/everywhere/mod.rs"]
mod everywhere;

use std::rc::Rc;

use everywhere::gpu::{CASES, Stand, Wrong, cases, ops};
use palate::compute::webgpu::Gpu;
use palate::platform::Regex;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

macro_rules! names {
    ($($name:ident)*) => { vec![$(stringify!($name).to_owned()),*] };
}

/// The cases' names.
#[wasm_bindgen]
pub fn gpu_cases() -> Vec<String> {
    cases!(names)
}

/// The stems of all ops that the graph knows.
#[wasm_bindgen]
pub fn gpu_ops() -> Vec<String> {
    ops().into_iter().map(String::from).collect()
}

/// What shaders may use here beyond the core of WGSL.
#[wasm_bindgen]
pub async fn gpu_extras() -> Result<Vec<String>, JsValue> {
    let extras = Gpu::open().await.map_err(|error| error.to_string())?.extras();
    let names = [("subgroups", extras.subgroups), ("dot4", extras.dot4), ("halves", extras.halves)];
    Ok(names.into_iter().filter(|(_, has)| *has).map(|(name, _)| name.to_owned()).collect())
}

/// Runs a case on a device of its own. Resolves to the stems of the ops that it ran; what is wrong is the error.
#[wasm_bindgen]
pub async fn run_gpu_case(name: String) -> Result<Vec<String>, JsValue> {
    let (_, case) = CASES.iter().find(|(known, _)| *known == name).ok_or("there is no such case")?;
    let gpu = Gpu::open().await.map_err(|error| error.to_string())?;
    let stand = Stand::new(Rc::new(gpu));
    case(&stand).await.map_err(|Wrong(what)| what)?;
    Ok(stand.ran.into_inner().into_iter().map(String::from).collect())
}

/// Where a pattern is found in a text: starts and ends in bytes by turns. What is wrong with the pattern is the error.
#[wasm_bindgen]
pub fn find_all(pattern: &str, text: &str) -> Result<Vec<u32>, JsValue> {
    let found = Regex::new(pattern)?.find_all(text);
    Ok(found.into_iter().flat_map(|(start, end)| [start as u32, end as u32]).collect())
}
