//! Fusion packs and the checkpoints of their training, on disk.
//!
//! Not here: learning (`train::fusion`) and what a pack means (`fuse::joint`).

use std::collections::BTreeMap;
use std::path::Path;

use super::model::PackDType;
use super::quantize::{Calibration, Quantized};
use crate::error::{Error, Result};
use crate::format::pack::{EncoderConfig, Pack, Pooling};
use crate::format::tensors::{Part, TensorFile, write};
use crate::fuse::joint::{ARCHITECTURE, Config};
use crate::platform::native::files::{read, write_atomic};
use crate::train::fusion::State;
use crate::train::fusion_space::Space;
use crate::train::sequence::Adam;

/// Items whose rows calibrate the quantizer.
const CALIBRATED: usize = 1500;

/// The pack of a learned space.
///
/// # Errors
/// [`Error::Internal`] where the configuration is not the space's.
pub fn pack(name: &str, config: &Config, space: &Space, parameters: &[f32], dtype: PackDType) -> Result<Vec<u8>> {
    let (d, width) = (config.dim, config.width());
    let (mut values, mut gate) = (vec![0f32; d * width], vec![0f32; width]);
    for modality in 0..config.modalities.len() {
        let (weights, bias, own, own_bias) = space.folded(parameters, modality);
        let (start, flag) = config.columns(modality);
        let dim = config.modalities[modality].dim;
        if space.dim != d || own.len() != dim {
            return Err(Error::Internal(format!("a space of {} numbers for a pack of {d}", space.dim)));
        }
        for (row, (from, bias)) in values.chunks_exact_mut(width).zip(weights.chunks_exact(dim).zip(&bias)) {
            row[start..start + dim].copy_from_slice(from);
            row[flag] = *bias;
        }
        gate[start..start + dim].copy_from_slice(&own);
        gate[flag] = own_bias;
    }
    // The query sums all of the gate's outputs, each of which is the gate: k . q / sqrt(d) = gate.
    let gates: Vec<f32> = gate.iter().copied().cycle().take(d * width).collect();
    let query = vec![1.0 / (d as f32).sqrt(); d];
    let mut parts = vec![Part::f32("query", &[1, d], &query)];
    let quantized: Vec<(&str, Quantized)>;
    match dtype {
        PackDType::F32 => {
            parts.push(Part::f32("gate.weight", &[d, width], &gates));
            parts.push(Part::f32("values.weight", &[d, width], &values));
        }
        PackDType::Q4 | PackDType::F16 => return Err(Error::input("A fusion is written in q8 or f32: it is less than half a megabyte.")),
        PackDType::Q8 => {
            let calibration = Calibration::new(&rows(config, space)?, width);
            let of = |weights: &[f32]| calibration.quantize(weights);
            quantized = vec![("gate.weight", of(&gates)), ("values.weight", of(&values))];
            for (name, Quantized { q, scales, outliers, outlier_scales }) in &quantized {
                parts.push(Part::i8(*name, &[d, width], q));
                parts.push(Part::f32(format!("{name}.scale"), &[d], scales));
                if !outliers.is_empty() {
                    parts.push(Part::u32(format!("{name}.outliers"), &[outliers.len()], outliers));
                    parts.push(Part::f32(format!("{name}.outliers.scale"), &[d], outlier_scales));
                }
            }
        }
    }
    let json = serde_json::to_string(config).map_err(|e| Error::Internal(format!("cannot write a configuration: {e}")))?;
    let encoder = EncoderConfig { pooling: Pooling::Mean, max_tokens: 0, dim: d, fill: None, image: None, audio: None };
    write(&parts, &Pack::metadata(name, ARCHITECTURE, &json, &encoder)?)
}

/// Rows of some items, as the graph reads them.
fn rows(config: &Config, space: &Space) -> Result<Vec<f32>> {
    let contents = space.contents();
    let some: Vec<usize> = (0..space.items).filter(|&i| contents.iter().any(|c| c.has[i])).collect();
    let step = some.len().div_ceil(CALIBRATED).max(1);
    let item = |&i: &usize| contents.iter().map(|c| c.has[i].then(|| &c.vectors[i * c.dim..(i + 1) * c.dim])).collect::<Vec<_>>();
    let items: Vec<Vec<Option<&[f32]>>> = some.iter().step_by(step).map(item).collect();
    Ok(config.batch(&items)?.floats.pop().unwrap_or_default())
}

/// Keeps where a training stands; `of` says what is trained on what: a checkpoint of anything else is not gone on with.
///
/// # Errors
/// [`Error::Storage`] where it cannot be written.
pub fn keep(path: &Path, of: &str, state: &State) -> Result<()> {
    let n = state.parameters.len();
    let numbers = [state.epoch as f64, state.best, state.best_epoch as f64, f64::from(state.adam.steps)];
    let parts = [
        Part::f64("state", &[numbers.len()], &numbers),
        Part::f32("parameters", &[n], &state.parameters),
        Part::f32("first", &[n], &state.adam.first),
        Part::f32("second", &[n], &state.adam.second),
        Part::f32("kept", &[n], &state.kept),
    ];
    let metadata = BTreeMap::from([("format".to_string(), "palate-checkpoint".to_string()), ("of".to_string(), of.to_string())]);
    write_atomic(path, &write(&parts, &metadata)?)
}

/// Where an earlier training of the same stood; `None` where there is none.
///
/// # Errors
/// [`Error::Corrupt`] for a damaged file, [`Error::Mismatch`] for a checkpoint of something else.
pub fn resume(path: &Path, of: &str, parameters: usize) -> Result<Option<State>> {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let what = path.display().to_string();
    let file = TensorFile::parse(bytes, &what)?;
    if file.metadata().get("of").map(String::as_str) != Some(of) {
        return Err(Error::Mismatch(format!("{what} is a checkpoint of another training (other items, models or settings). Remove it, or leave --resume out.")));
    }
    let vector = |name: &str| match file.f32s(name) {
        Ok(values) if values.len() == parameters && values.iter().all(|v| v.is_finite()) => Ok(values),
        Ok(values) => Err(Error::corrupt(&what, format!("{name} has {} numbers, expected {parameters} finite ones", values.len()))),
        Err(error) => Err(error),
    };
    let [epoch, best, best_epoch, steps] = *file.f64s("state")? else {
        return Err(Error::corrupt(&what, "its state is not four numbers"));
    };
    let adam = Adam { first: vector("first")?, second: vector("second")?, steps: steps as i32 };
    Ok(Some(State { epoch: epoch as usize, parameters: vector("parameters")?, adam, best, best_epoch: best_epoch as usize, kept: vector("kept")? }))
}
