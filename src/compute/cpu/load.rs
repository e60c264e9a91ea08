//! Weights out of a tensor file, laid out for the kernels.

use super::embed::Table;
use super::isa::Isa;
use super::linear::pack::{K_ALIGN, MAX_OUTLIERS, PackedF32, PackedI8, levels};
use super::{Prepared, linear};
use crate::compute::graph::{Graph, Op, Role, Weight};
use crate::error::{Error, Result};
use crate::format::tensors::{DType, Tensor, TensorFile};

/// Reads the weights of a graph's ops.
pub(super) struct Loader<'a> {
    pub graph: &'a Graph,
    pub file: &'a TensorFile,
}

impl Loader<'_> {
    /// What an op needs besides its inputs.
    pub fn prepare(&self, op: &Op, isa: Isa) -> Result<Prepared> {
        Ok(match op {
            Op::Embed { parts } => Prepared::Embed(parts.iter().map(|&(w, _)| self.table(w)).collect::<Result<_>>()?),
            Op::Linear { parts, .. } => self.matrix(parts, isa)?,
            Op::LayerNorm { weight, bias, .. } => {
                Prepared::LayerNorm { weight: self.vector(*weight)?, bias: self.vector(*bias)? }
            }
            Op::Depthwise { weight, bias, .. } => {
                let taps = self.rows(*weight)?;
                let channels = self.graph.weights[weight.0].shape[1];
                let bias = bias.map_or_else(|| Ok(vec![0.0; channels]), |b| self.vector(b))?;
                Prepared::Depthwise { taps, bias }
            }
            Op::Positions { first, table, .. } => {
                let first = first.map_or_else(|| Ok(Vec::new()), |w| self.rows(w))?;
                Prepared::Positions { first, table: self.rows(*table)? }
            }
            Op::AttentionPool { query, .. } => Prepared::Query(self.rows(*query)?),
            Op::Input { .. } | Op::Attention { .. } | Op::Unfold { .. } | Op::Pool { .. } | Op::Normalize { .. } => Prepared::Nothing,
        })
    }

    fn tensor(&self, weight: Weight, role: Role) -> Result<(&str, Tensor)> {
        let decl = &self.graph.weights[weight.0];
        if decl.role != role {
            return Err(Error::Internal(format!("weight {} is a {:?}, not a {role:?}", decl.name, decl.role)));
        }
        Ok((&decl.name, self.file.get(&decl.name)?))
    }

    fn vector(&self, weight: Weight) -> Result<Vec<f32>> {
        let (name, tensor) = self.tensor(weight, Role::Vector)?;
        finite(name, tensor.to_f32())
    }

    fn rows(&self, weight: Weight) -> Result<Vec<f32>> {
        let (name, tensor) = self.tensor(weight, Role::Rows)?;
        finite(name, tensor.to_f32())
    }

    fn table(&self, weight: Weight) -> Result<Table> {
        let (name, tensor) = self.tensor(weight, Role::Table)?;
        Ok(match tensor.dtype {
            DType::I8 => Table::I8 { rows: signed(&tensor), scales: self.scales(name, tensor.shape[0])? },
            _ => Table::F32(finite(name, tensor.to_f32())?),
        })
    }

    fn scales(&self, name: &str, n: usize) -> Result<Vec<f32>> {
        let scales = self.file.f32s(&format!("{name}.scale"))?;
        if scales.len() != n {
            return Err(Error::corrupt("the model pack", format!("{name}.scale has {} numbers, expected {n}", scales.len())));
        }
        Ok(scales)
    }

    /// The outlier columns of stacked int8 matrices (they read the same inputs, so they share them) and their scales.
    fn outliers(&self, parts: &[(&str, Tensor)], k: usize) -> Result<(Vec<u32>, Vec<f32>)> {
        let bad = |name: &str, detail: String| Err(Error::corrupt("the model pack", format!("{name}.outliers {detail}")));
        let (mut all, mut scales) = (Vec::new(), Vec::new());
        for (at, (name, tensor)) in parts.iter().enumerate() {
            let columns = match self.file.contains(&format!("{name}.outliers")) {
                true => self.file.u32s(&format!("{name}.outliers"))?,
                false => Vec::new(),
            };
            if at > 0 && columns != all {
                return bad(name, "are other columns than its neighbor's".into());
            }
            let sorted = columns.windows(2).all(|pair| pair[0] < pair[1]);
            if columns.len() > MAX_OUTLIERS.min(k.saturating_sub(1)) || !sorted || columns.last().is_some_and(|&c| c as usize >= k) {
                return bad(name, format!("are {columns:?} of {k} columns"));
            }
            if !columns.is_empty() {
                scales.extend(self.scales(&format!("{name}.outliers"), tensor.shape[0])?);
            }
            all = columns;
        }
        Ok((all, scales))
    }

    /// The parts of a linear op stacked to one matrix.
    fn matrix(&self, parts: &[(Weight, Option<Weight>)], isa: Isa) -> Result<Prepared> {
        let k = self.graph.weights[parts[0].0.0].shape[1];
        let tensors = parts.iter().map(|&(w, _)| self.tensor(w, Role::Matrix)).collect::<Result<Vec<_>>>()?;
        // The integer sums of a row stay within 32 bits.
        if k.next_multiple_of(K_ALIGN) as f64 * 127.0 * f64::from(levels(isa)) >= f64::from(i32::MAX) {
            return Err(Error::input(format!("a matrix of {k} inputs is wider than this build multiplies; use a smaller model.")));
        }
        let n = tensors.iter().map(|(_, t)| t.shape[0]).sum::<usize>();
        let mut bias = Vec::with_capacity(n.next_multiple_of(linear::TILE_COLS));
        for ((_, tensor), &(_, b)) in tensors.iter().zip(parts) {
            match b {
                Some(b) => bias.extend(self.vector(b)?),
                None => bias.resize(bias.len() + tensor.shape[0], 0.0),
            }
        }
        bias.resize(n.next_multiple_of(linear::TILE_COLS), 0.0);
        if tensors.iter().all(|(_, t)| t.dtype == DType::I8) {
            let (mut weights, mut scales) = (Vec::with_capacity(n * k), Vec::with_capacity(n));
            for (name, tensor) in &tensors {
                weights.extend(tensor.bytes().iter().map(|&b| b as i8));
                scales.extend(self.scales(name, tensor.shape[0])?);
            }
            let (columns, apart) = self.outliers(&tensors, k)?;
            return Ok(Prepared::LinearI8(PackedI8::with_outliers(isa, &weights, &scales, &columns, &apart, n, k), bias));
        }
        let mut weights = Vec::with_capacity(n * k);
        for (name, tensor) in &tensors {
            match tensor.dtype {
                DType::I8 => {
                    let scales = self.scales(name, tensor.shape[0])?;
                    let (columns, apart) = self.outliers(&[(name, tensor.clone())], k)?;
                    for (o, (row, scale)) in tensor.bytes().chunks_exact(k).zip(scales).enumerate() {
                        let start = weights.len();
                        weights.extend(row.iter().map(|&b| f32::from(b as i8) * scale));
                        for &c in &columns {
                            weights[start + c as usize] = f32::from(row[c as usize] as i8) * apart[o];
                        }
                    }
                }
                _ => weights.extend(finite(name, tensor.to_f32())?),
            }
        }
        Ok(Prepared::LinearF32(PackedF32::new(&weights, n, k), bias))
    }
}

fn signed(tensor: &Tensor) -> Vec<i8> {
    tensor.bytes().iter().map(|&b| b as i8).collect()
}

fn finite(name: &str, values: Vec<f32>) -> Result<Vec<f32>> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::corrupt("the model pack", format!("weight {name} holds {} at {at}", values[at]))),
        None => Ok(values),
    }
}
