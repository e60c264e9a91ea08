//! A checkpoint folder's weights, whichever of the usual files hold them.
//!
//! `model.safetensors`, else the shards that `model.safetensors.index.json` names, else PyTorch's `pytorch_model.bin`,
//! whose pickle candle reads as data (no code of it runs). Not here: what the weights mean (`models`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use candle_core::{DType as CandleType, Tensor, pickle};

use crate::error::{Error, Result};
use crate::format::tensors::{Part, TensorFile, write};
use crate::platform::native::files::read as read_file;

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const PYTORCH: &str = "pytorch_model.bin";

/// Reads all weights of `folder`.
///
/// # Errors
/// [`Error::NotFound`] where none of the files is there, [`Error::Input`] or [`Error::Corrupt`] for one that is damaged.
pub fn read(folder: &Path) -> Result<TensorFile> {
    if folder.join(WHOLE).exists() {
        return TensorFile::parse(read_file(&folder.join(WHOLE))?, WHOLE);
    }
    if folder.join(INDEX).exists() {
        return shards(folder);
    }
    if folder.join(PYTORCH).exists() {
        return pytorch(&folder.join(PYTORCH));
    }
    Err(Error::NotFound(format!(
        "{} has none of {WHOLE}, {INDEX} and {PYTORCH}. Pass the folder of a checkpoint with its weights.",
        folder.display()
    )))
}

/// The shards as one file.
fn shards(folder: &Path) -> Result<TensorFile> {
    let bad = |detail: &str| Error::input(format!("{INDEX} {detail}. Fetch the checkpoint again."));
    let index: serde_json::Value =
        serde_json::from_slice(&read_file(&folder.join(INDEX))?).map_err(|e| bad(&format!("is not readable JSON: {e}")))?;
    let map = index["weight_map"].as_object().ok_or_else(|| bad("has no weight_map"))?;
    let names: BTreeSet<&str> = map.values().filter_map(serde_json::Value::as_str).collect();
    let mut parsed = Vec::new();
    for name in names {
        if Path::new(name).components().count() != 1 || name.contains("..") {
            return Err(bad(&format!("names a file outside of its folder, {name:?}")));
        }
        parsed.push(TensorFile::parse(read_file(&folder.join(name))?, name)?);
    }
    let tensors = parsed.iter().flat_map(|file| file.names().map(move |name| (name, file)));
    let tensors = tensors.map(|(name, file)| Ok((name, file.get(name)?))).collect::<Result<Vec<_>>>()?;
    if let Some(name) = map.keys().find(|wanted| !tensors.iter().any(|(name, _)| name == wanted)) {
        return Err(bad(&format!("promises {name}, which its shard does not hold")));
    }
    let parts: Vec<Part<'_>> = tensors.iter().map(|(name, tensor)| Part::raw(*name, tensor)).collect();
    TensorFile::parse(write(&parts, &BTreeMap::new())?, INDEX)
}

/// PyTorch's file; numbers become f32, integers (position ids) are left out: no weight is one.
fn pytorch(path: &Path) -> Result<TensorFile> {
    let bad = |e: candle_core::Error| {
        Error::input(format!("{} is not readable as PyTorch weights: {e}. Fetch the checkpoint again, or take its {WHOLE}.", path.display()))
    };
    let is_float = |tensor: &Tensor| matches!(tensor.dtype(), CandleType::F16 | CandleType::BF16 | CandleType::F32 | CandleType::F64);
    let mut weights = Vec::new();
    for (name, tensor) in pickle::read_all(path).map_err(bad)? {
        if is_float(&tensor) {
            let values = tensor.to_dtype(CandleType::F32).and_then(|t| t.flatten_all()?.to_vec1::<f32>()).map_err(bad)?;
            weights.push((name, tensor.dims().to_vec(), values));
        }
    }
    if weights.is_empty() {
        return Err(Error::input(format!("{} holds no weights. Fetch the checkpoint again.", path.display())));
    }
    let parts: Vec<Part<'_>> = weights.iter().map(|(name, shape, values)| Part::f32(name, shape, values)).collect();
    TensorFile::parse(write(&parts, &BTreeMap::new())?, PYTORCH)
}
