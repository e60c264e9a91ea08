//! The weights of a graph out of its tensor file, checked, in the shapes that executors lay out for themselves.

use super::cpu::linear::pack::MAX_OUTLIERS;
use super::graph::{Graph, Role, Weight};
use super::int4;
use crate::error::{Error, Result};
use crate::format::tensors::{DType, Tensor, TensorFile, f16_to_f32};

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
    /// As in [`int4`], `scales` `[n, groups]` in bits of half-precision numbers; for the inputs in `outliers` the weight is
    /// `wide[o][which] * apart[o]`, and `q` zero.
    I4 { q: Vec<i8>, scales: Vec<u16>, outliers: Vec<u32>, wide: Vec<i8>, apart: Vec<f32> },
    /// Bits of half-precision numbers.
    F16(Vec<u16>),
    F32(Vec<f32>),
}

impl Numbers {
    /// In a type that the processor multiplies: int8 or f32.
    pub fn for_cpu(self, k: usize) -> Self {
        match self {
            Numbers::I4 { q, scales, outliers, wide, apart } => {
                let scales: Vec<f32> = scales.into_iter().map(f16_to_f32).collect();
                let mut numbers = int4::numbers(&q, &scales, k);
                put_back(&mut numbers, k, &outliers, &wide, &apart);
                let (q, scales, apart) = int4::to_int8(&numbers, k, &outliers);
                Numbers::I8 { q, scales, outliers, apart }
            }
            Numbers::F16(halves) => Numbers::F32(halves.into_iter().map(f16_to_f32).collect()),
            already => already,
        }
    }
}

/// A table `[entries, cols]` of an embedding.
pub enum Table {
    /// One scale an entry; the rows stay where the file has them, as half of a text model's weights are in its table of words.
    I8 { rows: Tensor, scales: Vec<f32> },
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
            DType::I8 => Table::I8 { scales: self.scales(name, tensor.shape[0])?, rows: tensor },
            DType::U8 => {
                let cols = self.graph.weights[weight.0].shape[1];
                let (rows, scales, _) = int4::to_int8(&self.numbers4(name, &tensor, cols)?, cols, &[]);
                Table::I8 { rows: Tensor::i8(&[tensor.shape[0], cols], rows), scales }
            }
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
        let all = |dtype: DType| tensors.iter().all(|(_, t)| t.dtype == dtype);
        let numbers = if all(DType::I8) {
            let (mut q, mut scales) = (Vec::with_capacity(n * k), Vec::with_capacity(n));
            for (name, tensor) in &tensors {
                q.extend(signed(tensor));
                scales.extend(self.scales(name, tensor.shape[0])?);
            }
            let (outliers, apart) = self.outliers(&tensors, k)?;
            Numbers::I8 { q, scales, outliers, apart }
        } else if all(DType::U8) {
            let (mut q, mut scales) = (Vec::with_capacity(n * k), Vec::new());
            for (name, tensor) in &tensors {
                q.extend(int4::unpack(tensor.bytes(), k));
                scales.extend(self.scales4(name, tensor.shape[0], k)?);
            }
            let (outliers, apart) = self.outliers(&tensors, k)?;
            let mut wide = Vec::with_capacity(n * outliers.len());
            for (name, tensor) in &tensors {
                wide.extend(self.wide(name, tensor.shape[0], outliers.len())?);
            }
            Numbers::I4 { q, scales, outliers, wide, apart }
        } else if all(DType::F16) {
            let mut all = Vec::with_capacity(n * k);
            for (name, tensor) in &tensors {
                all.extend(halves(name, tensor)?);
            }
            Numbers::F16(all)
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
        match tensor.dtype {
            DType::I8 => {}
            DType::U8 => {
                let (columns, apart) = self.outliers(&[(name, tensor.clone())], k)?;
                let wide = self.wide(name, tensor.shape[0], columns.len())?;
                let mut rows = self.numbers4(name, tensor, k)?;
                put_back(&mut rows, k, &columns, &wide, &apart);
                return Ok(numbers.extend(rows));
            }
            _ => return Ok(numbers.extend(finite(name, tensor.to_f32())?)),
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

    /// The scales `[rows, groups]` of a four-bit tensor, in bits of half-precision numbers.
    fn scales4(&self, name: &str, rows: usize, cols: usize) -> Result<Vec<u16>> {
        let tensor = self.file.typed(&format!("{name}.scale"), DType::F16)?;
        if tensor.len() != rows * int4::groups(cols) {
            return Err(Error::corrupt("the model pack", format!("{name}.scale has {} numbers, expected {}", tensor.len(), rows * int4::groups(cols))));
        }
        halves(name, &tensor)
    }

    /// The weights `[rows, outliers]` that a four-bit tensor keeps in int8.
    fn wide(&self, name: &str, rows: usize, outliers: usize) -> Result<Vec<i8>> {
        if outliers == 0 {
            return Ok(Vec::new());
        }
        let tensor = self.file.typed(&format!("{name}.outliers.weight"), DType::I8)?;
        if tensor.shape != [rows, outliers] {
            return Err(Error::corrupt("the model pack", format!("{name}.outliers.weight has shape {:?}, expected {:?}", tensor.shape, [rows, outliers])));
        }
        Ok(signed(&tensor).collect())
    }

    /// The numbers `[rows, cols]` of a four-bit tensor, zero in the outlier columns.
    fn numbers4(&self, name: &str, tensor: &Tensor, cols: usize) -> Result<Vec<f32>> {
        let scales: Vec<f32> = self.scales4(name, tensor.shape[0], cols)?.into_iter().map(f16_to_f32).collect();
        Ok(int4::numbers(&int4::unpack(tensor.bytes(), cols), &scales, cols))
    }

    /// The outlier columns of stacked int8 matrices and their scales.
    fn outliers(&self, parts: &[(&str, Tensor)], k: usize) -> Result<(Vec<u32>, Vec<f32>)> {
        let columns = self.outlier_columns(parts, k)?;
        let mut scales = Vec::new();
        if !columns.is_empty() {
            for (name, tensor) in parts {
                scales.extend(self.scales(&format!("{name}.outliers"), tensor.shape[0])?);
            }
        }
        Ok((columns, scales))
    }

    /// The outlier columns of stacked matrices: they read the same inputs, so they share them.
    fn outlier_columns(&self, parts: &[(&str, Tensor)], k: usize) -> Result<Vec<u32>> {
        let bad = |name: &str, detail: String| Err(Error::corrupt("the model pack", format!("{name}.outliers {detail}")));
        let mut all = Vec::new();
        for (at, (name, _)) in parts.iter().enumerate() {
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
            all = columns;
        }
        Ok(all)
    }
}

fn signed(tensor: &Tensor) -> impl Iterator<Item = i8> {
    tensor.bytes().iter().map(|&b| b as i8)
}

/// Writes the outlier columns that a four-bit matrix keeps apart into its numbers `[rows, k]`.
pub fn put_back(numbers: &mut [f32], k: usize, outliers: &[u32], wide: &[i8], apart: &[f32]) {
    if outliers.is_empty() {
        return;
    }
    for ((row, wide), scale) in numbers.chunks_exact_mut(k).zip(wide.chunks_exact(outliers.len())).zip(apart) {
        outliers.iter().zip(wide).for_each(|(&c, &v)| row[c as usize] = f32::from(v) * scale);
    }
}

/// Bits of half-precision numbers, all of them finite.
fn halves(name: &str, tensor: &Tensor) -> Result<Vec<u16>> {
    finite(name, tensor.to_f32())?;
    Ok(tensor.bytes().as_chunks::<2>().0.iter().map(|&half| u16::from_le_bytes(half)).collect())
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
                rows.bytes().chunks_exact(cols).zip(scales).flat_map(|(row, scale)| row.iter().map(move |&v| f32::from(v as i8) * scale)).collect()
            }
        }
    }
}
