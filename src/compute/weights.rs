//! The weights of a graph out of its tensor file, checked, in the shapes that executors lay out for themselves.

use super::cpu::linear::pack::MAX_OUTLIERS;
use super::graph::{Graph, Role, Weight};
use crate::error::{Error, Result};
use crate::format::tensors::{DType, Tensor, TensorFile};

/// Reads the weights of a graph.
pub struct Weights<'a> {
    pub graph: &'a Graph,
    pub file: &'a TensorFile,
}

/// The stacked matrices of a linear op, `[n, k]` row-major.
pub struct Matrix {
    pub n: usize,
    pub k: usize,
    /// `[n]`.
    pub bias: Vec<f32>,
    pub numbers: Numbers,
}

/// The numbers of a matrix.
pub enum Numbers {
    /// `q[o][i] * scales[o]`, and for the inputs in `outliers` (ascending) `q[o][i] * apart[o]`.
    I8 { q: Vec<i8>, scales: Vec<f32>, outliers: Vec<u32>, apart: Vec<f32> },
    F32(Vec<f32>),
}

/// A table `[entries, cols]` of an embedding.
pub enum Table {
    /// One scale an entry.
    I8 { rows: Vec<i8>, scales: Vec<f32> },
    F32(Vec<f32>),
}

impl Weights<'_> {
    fn tensor(&self, weight: Weight, role: Role) -> Result<(&str, Tensor)> {
        let decl = &self.graph.weights[weight.0];
        if decl.role != role {
            return Err(Error::Internal(format!("weight {} is a {:?}, not a {role:?}", decl.name, decl.role)));
        }
        Ok((&decl.name, self.file.get(&decl.name)?))
    }

    /// The numbers of a weight that is kept as numbers.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing or not finite.
    pub fn numbers(&self, weight: Weight, role: Role) -> Result<Vec<f32>> {
        let (name, tensor) = self.tensor(weight, role)?;
        finite(name, tensor.to_f32())
    }

    /// A vector `[n]`.
    ///
    /// # Errors
    /// As [`Weights::numbers`].
    pub fn vector(&self, weight: Weight) -> Result<Vec<f32>> {
        self.numbers(weight, Role::Vector)
    }

    /// A table.
    ///
    /// # Errors
    /// As [`Weights::numbers`].
    pub fn table(&self, weight: Weight) -> Result<Table> {
        let (name, tensor) = self.tensor(weight, Role::Table)?;
        Ok(match tensor.dtype {
            DType::I8 => Table::I8 { rows: signed(&tensor).collect(), scales: self.scales(name, tensor.shape[0])? },
            _ => Table::F32(finite(name, tensor.to_f32())?),
        })
    }

    /// The parts of a linear op stacked to one matrix; int8 only where all parts are.
    ///
    /// # Errors
    /// As [`Weights::numbers`].
    pub fn matrix(&self, parts: &[(Weight, Option<Weight>)]) -> Result<Matrix> {
        let k = self.graph.weights[parts[0].0.0].shape[1];
        let tensors = parts.iter().map(|&(w, _)| self.tensor(w, Role::Matrix)).collect::<Result<Vec<_>>>()?;
        let n = tensors.iter().map(|(_, t)| t.shape[0]).sum::<usize>();
        let mut bias = Vec::with_capacity(n);
        for ((_, tensor), &(_, b)) in tensors.iter().zip(parts) {
            match b {
                Some(b) => bias.extend(self.vector(b)?),
                None => bias.resize(bias.len() + tensor.shape[0], 0.0),
            }
        }
        let numbers = if tensors.iter().all(|(_, t)| t.dtype == DType::I8) {
            let (mut q, mut scales) = (Vec::with_capacity(n * k), Vec::with_capacity(n));
            for (name, tensor) in &tensors {
                q.extend(signed(tensor));
                scales.extend(self.scales(name, tensor.shape[0])?);
            }
            let (outliers, apart) = self.outliers(&tensors, k)?;
            Numbers::I8 { q, scales, outliers, apart }
        } else {
            let mut numbers = Vec::with_capacity(n * k);
            for (name, tensor) in &tensors {
                self.append(name, tensor, k, &mut numbers)?;
            }
            Numbers::F32(numbers)
        };
        Ok(Matrix { n, k, bias, numbers })
    }

    /// A matrix of any type as numbers.
    fn append(&self, name: &str, tensor: &Tensor, k: usize, numbers: &mut Vec<f32>) -> Result<()> {
        if tensor.dtype != DType::I8 {
            numbers.extend(finite(name, tensor.to_f32())?);
            return Ok(());
        }
        let scales = self.scales(name, tensor.shape[0])?;
        let (columns, apart) = self.outliers(&[(name, tensor.clone())], k)?;
        for (o, (row, scale)) in tensor.bytes().chunks_exact(k).zip(scales).enumerate() {
            let start = numbers.len();
            numbers.extend(row.iter().map(|&b| f32::from(b as i8) * scale));
            for &c in &columns {
                numbers[start + c as usize] = f32::from(row[c as usize] as i8) * apart[o];
            }
        }
        Ok(())
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
}

fn signed(tensor: &Tensor) -> impl Iterator<Item = i8> {
    tensor.bytes().iter().map(|&b| b as i8)
}

fn finite(name: &str, values: Vec<f32>) -> Result<Vec<f32>> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::corrupt("the model pack", format!("weight {name} holds {} at {at}", values[at]))),
        None => Ok(values),
    }
}

impl Table {
    /// All entries as numbers, `[entries, cols]`.
    pub fn numbers(&self, cols: usize) -> Vec<f32> {
        match self {
            Table::F32(numbers) => numbers.clone(),
            Table::I8 { rows, scales } => {
                rows.chunks_exact(cols).zip(scales).flat_map(|(row, scale)| row.iter().map(move |&v| f32::from(v) * scale)).collect()
            }
        }
    }
}
