//! A checkpoint's weights as the executors want them: what is fixed once trained is folded into the matrices.
//!
//! Convolutions `[out, in, k, k]` become matrices `[out, k * k * in]` in the order of `Op::Unfold`, depthwise ones
//! `[k * k, channels]`; batch norms and layer scales are multiplied into what stands before them; positions are interpolated to
//! the pictures' size; a learned query is projected. Everything becomes f32.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::format::tensors::{DType, Part, TensorFile, write};
use crate::math::cubic::taps;

/// The distance of two tokens beyond which all have one bias.
const FARTHEST: usize = 128;

/// A tensor as numbers.
#[derive(Debug, Clone)]
struct Numbers {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// Weights by name, on their way.
#[derive(Debug)]
pub struct Weights(BTreeMap<String, Numbers>);

impl Weights {
    /// Reads all numbers of a checkpoint; where all names that matter begin with one of `prefixes`, it is dropped.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for tensors that cannot be read.
    pub fn read(file: &TensorFile, prefixes: &[&str]) -> Result<Self> {
        let mut all = BTreeMap::new();
        for name in file.names() {
            let tensor = file.get(name)?;
            if !matches!(tensor.dtype, DType::F32 | DType::F16 | DType::BF16 | DType::F64) {
                continue;
            }
            let short = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
            all.insert(short.to_string(), Numbers { values: tensor.to_f32(), shape: tensor.shape });
        }
        Ok(Self(all))
    }

    /// As a tensor file.
    ///
    /// # Errors
    /// [`Error::Internal`] where it cannot be written.
    pub fn finish(self) -> Result<TensorFile> {
        let parts: Vec<Part<'_>> = self.0.iter().map(|(name, n)| Part::f32(name, &n.shape, &n.values)).collect();
        TensorFile::parse(write(&parts, &BTreeMap::new())?, "the checkpoint")
    }

    fn take(&mut self, name: &str) -> Result<Numbers> {
        self.0.remove(name).ok_or_else(|| Error::corrupt("the checkpoint", format!("tensor {name} is missing")))
    }

    fn put(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) {
        self.0.insert(name.into(), Numbers { shape: shape.to_vec(), values });
    }

    /// Gives parts other names: every occurrence of the first text of a pair becomes the second.
    pub fn rename(&mut self, pairs: &[(&str, &str)]) {
        let renamed = |name: String| pairs.iter().fold(name, |name, (from, to)| name.replace(from, to));
        self.0 = std::mem::take(&mut self.0).into_iter().map(|(name, numbers)| (renamed(name), numbers)).collect();
    }

    /// Multiplies batch norms into their convolutions: `X.convolution` and `X.normalization` become `X`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where parts of a norm are missing or of another size.
    pub fn fold_batch_norms(&mut self, eps: f64) -> Result<()> {
        let of = |name: &String| name.strip_suffix(".convolution.weight").map(String::from);
        let convolutions: Vec<String> = self.0.keys().filter_map(of).collect();
        for prefix in convolutions {
            let mut weight = self.take(&format!("{prefix}.convolution.weight"))?;
            let out = weight.shape.first().copied().unwrap_or(0);
            let mut bias = match self.0.remove(&format!("{prefix}.convolution.bias")) {
                Some(bias) => bias.values,
                None => vec![0.0; out],
            };
            if self.0.contains_key(&format!("{prefix}.normalization.weight")) {
                let part = |all: &mut Self, part: &str| all.take(&format!("{prefix}.normalization.{part}")).map(|n| n.values);
                let (gain, shift) = (part(self, "weight")?, part(self, "bias")?);
                let (mean, variance) = (part(self, "running_mean")?, part(self, "running_var")?);
                if [&gain, &shift, &mean, &variance, &bias].iter().any(|v| v.len() != out) || out == 0 {
                    return Err(Error::corrupt("the checkpoint", format!("{prefix} has {out} outputs, its norm another number")));
                }
                let row = weight.values.len() / out;
                for o in 0..out {
                    let scale = f64::from(gain[o]) / (f64::from(variance[o]) + eps).sqrt();
                    weight.values[o * row..(o + 1) * row].iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
                    bias[o] = ((f64::from(bias[o]) - f64::from(mean[o])) * scale + f64::from(shift[o])) as f32;
                }
            }
            self.0.insert(format!("{prefix}.weight"), weight);
            self.put(format!("{prefix}.bias"), &[out], bias);
        }
        Ok(())
    }

    /// `[out, in, k, k]` to `[out, k * k * in]`, and `[channels, 1, k, k]` to `[k * k, channels]`.
    pub fn flatten_convolutions(&mut self) {
        for numbers in self.0.values_mut() {
            let &[out, inner, height, width] = &numbers.shape[..] else { continue };
            let (taps, values) = (height * width, std::mem::take(&mut numbers.values));
            let at = |o: usize, i: usize, tap: usize| values[(o * inner + i) * taps + tap];
            if inner == 1 && out > 1 {
                numbers.values = (0..taps).flat_map(|tap| (0..out).map(move |o| at(o, 0, tap))).collect();
                numbers.shape = vec![taps, out];
            } else {
                let row = |o: usize| (0..taps).flat_map(move |tap| (0..inner).map(move |i| at(o, i, tap)));
                numbers.values = (0..out).flat_map(row).collect();
                numbers.shape = vec![out, taps * inner];
            }
        }
    }

    /// Multiplies a layer scale into the matrix before it: `<layer>.<scale>` into `<layer>.<matrix>`, in every layer.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where sizes do not fit.
    pub fn fold_layer_scale(&mut self, scale: &str, matrix: &str) -> Result<()> {
        let names: Vec<String> = self.0.keys().filter_map(|name| name.strip_suffix(scale).map(String::from)).collect();
        for layer in names {
            let scales = self.take(&format!("{layer}{scale}"))?.values;
            for part in ["weight", "bias"] {
                let name = format!("{layer}{matrix}.{part}");
                let Some(numbers) = self.0.get_mut(&name) else { continue };
                if scales.is_empty() || numbers.shape.first() != Some(&scales.len()) {
                    return Err(Error::corrupt("the checkpoint", format!("{name} has shape {:?}, its scale {}", numbers.shape, scales.len())));
                }
                let row = numbers.values.len() / scales.len();
                numbers.values.chunks_exact_mut(row.max(1)).zip(&scales).for_each(|(row, s)| row.iter_mut().for_each(|w| *w *= s));
            }
        }
        Ok(())
    }

    /// Drops the leading ones of a shape, or adds one, so that it has two dimensions.
    pub fn to_rows(&mut self, name: &str) {
        if let Some(numbers) = self.0.get_mut(name) {
            let cols = numbers.shape.last().copied().unwrap_or(1).max(1);
            numbers.shape = vec![numbers.values.len() / cols, cols];
        }
    }

    /// A kernel of one channel, `[out, 1, height, width]`, to a matrix `[out, width * height]` over what lies on its side.
    pub fn turn_kernel(&mut self, name: &str) {
        let Some(numbers) = self.0.get_mut(name) else { return };
        if let &[out, 1, height, width] = &numbers.shape[..] {
            let at = |o: usize, x: usize| (0..height).map(move |y| (o * height + y) * width + x);
            let order = (0..out).flat_map(|o| (0..width).flat_map(move |x| at(o, x)));
            numbers.values = order.map(|at| numbers.values[at]).collect();
            numbers.shape = vec![out, width * height];
        }
    }

    /// A kernel of one channel, `[out, 1, height, width]`, to a matrix `[out, height * width]`.
    pub fn flatten_kernel(&mut self, name: &str) {
        if let Some(numbers) = self.0.get_mut(name).filter(|n| n.shape.len() == 4 && n.shape[1] == 1) {
            numbers.shape = vec![numbers.shape[0], numbers.shape[2] * numbers.shape[3]];
        }
    }

    /// Where four positions are merged to one, from columns of their image first (Swin) to lines of it first ([`Op::Unfold`]'s order): the
    /// second and the third quarter of every row change places, in all tensors whose names end so.
    ///
    /// [`Op::Unfold`]: crate::compute::graph::Op::Unfold
    pub fn merge_by_lines(&mut self, endings: &[&str]) {
        for (name, numbers) in &mut self.0 {
            let quarter = numbers.shape.last().copied().unwrap_or(0) / 4;
            if quarter > 0 && endings.iter().any(|ending| name.ends_with(ending)) {
                for row in numbers.values.chunks_exact_mut(4 * quarter) {
                    let (first, second) = row.split_at_mut(2 * quarter);
                    first[quarter..].swap_with_slice(&mut second[..quarter]);
                }
            }
        }
    }

    /// What a batch norm under `prefix` does to each channel: a factor and what is then added.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where parts of it are missing or of another size.
    pub fn take_batch_norm(&mut self, prefix: &str, eps: f64) -> Result<(Vec<f32>, Vec<f32>)> {
        let mut part = |part: &str| self.take(&format!("{prefix}.{part}")).map(|n| n.values);
        let (gain, shift, mean, variance) = (part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?);
        if [&shift, &mean, &variance].iter().any(|v| v.len() != gain.len()) {
            return Err(Error::corrupt("the checkpoint", format!("parts of {prefix} are of several sizes")));
        }
        let scale: Vec<f64> = gain.iter().zip(&variance).map(|(g, v)| f64::from(*g) / (f64::from(*v) + eps).sqrt()).collect();
        let shift = scale.iter().zip(shift.iter().zip(&mean)).map(|(s, (b, m))| (f64::from(*b) - s * f64::from(*m)) as f32).collect();
        Ok((scale.into_iter().map(|s| s as f32).collect(), shift))
    }

    /// Learned rows under one name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where one is missing, or they differ in width.
    pub fn stack_rows(&mut self, names: [&str; 2], to: &str) -> Result<()> {
        let (first, second) = (self.take(names[0])?, self.take(names[1])?);
        let cols = first.shape.last().copied().unwrap_or(0);
        if cols == 0 || second.shape.last() != Some(&cols) {
            return Err(Error::corrupt("the checkpoint", format!("{} and {} have shapes {:?} and {:?}", names[0], names[1], first.shape, second.shape)));
        }
        let values = [first.values, second.values].concat();
        self.put(to, &[values.len() / cols, cols], values);
        Ok(())
    }

    /// A table of positions, `first` rows of which are no positions, from `lines` lines to as many columns.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it does not divide into lines.
    pub fn turn_positions(&mut self, name: &str, first: usize, lines: usize) -> Result<()> {
        let table = self.take(name)?;
        let (rows, cols) = (table.shape[0], table.shape.last().copied().unwrap_or(1).max(1));
        let count = rows.saturating_sub(first);
        if lines == 0 || count == 0 || count % lines != 0 {
            return Err(Error::corrupt("the checkpoint", format!("{name} has {count} positions, which make no {lines} lines")));
        }
        let columns = count / lines;
        let order = (0..columns).flat_map(|x| (0..lines).map(move |y| first + y * columns + x));
        let rows: Vec<f32> = (0..first).chain(order).flat_map(|row| table.values[row * cols..(row + 1) * cols].iter().copied()).collect();
        self.put(name, &[first + count, cols], rows);
        Ok(())
    }

    /// Drops the first rows of a table.
    pub fn drop_rows(&mut self, name: &str, count: usize) {
        if let Some(numbers) = self.0.get_mut(name).filter(|n| n.shape.len() == 2 && n.shape[0] > count) {
            numbers.values.drain(..count * numbers.shape[1]);
            numbers.shape[0] -= count;
        }
    }

    /// A table of biases by bucket of the distance between two tokens, `[buckets, heads]`, to one by distance, from the farthest
    /// key behind the query to the farthest before it: half of the buckets are for each side, the first half of those for one
    /// distance each, the others for ranges that grow logarithmically to [`FARTHEST`] (Raffel et al. 2020, section 2.1), in the
    /// reference's single precision.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing or no such table.
    pub fn spread_buckets(&mut self, name: &str, to: &str) -> Result<()> {
        let table = self.take(name)?;
        let &[buckets, heads] = &table.shape[..] else {
            return Err(Error::corrupt("the checkpoint", format!("{name} has shape {:?}, expected two dimensions", table.shape)));
        };
        let (side, near) = (buckets / 2, buckets / 4);
        if near == 0 || near >= FARTHEST {
            return Err(Error::corrupt("the checkpoint", format!("{name} has {buckets} buckets")));
        }
        let bucket = |distance: isize| {
            let far = distance.unsigned_abs();
            let range = (far as f32 / near as f32).ln() / (FARTHEST as f32 / near as f32).ln() * (side - near) as f32;
            let bucket = if far < near { far } else { (near + range as usize).min(side - 1) };
            if distance < 0 { side + bucket } else { bucket }
        };
        let farthest = FARTHEST as isize;
        let rows = (-farthest..=farthest).flat_map(|distance| table.values[bucket(distance) * heads..][..heads].iter().copied()).collect();
        self.put(to, &[2 * FARTHEST + 1, heads], rows);
        Ok(())
    }

    /// Interpolates a table of positions, `first` rows of which are no positions, to `height` by `width`: bicubic with a = -3/4
    /// and repeated borders, as PyTorch does it without antialiasing.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is no square of positions.
    pub fn interpolate(&mut self, name: &str, first: usize, height: usize, width: usize) -> Result<()> {
        let table = self.take(name)?;
        let cols = table.shape.last().copied().unwrap_or(1).max(1);
        let count = (table.values.len() / cols).saturating_sub(first);
        let side = count.isqrt();
        if side == 0 || side * side != count {
            return Err(Error::corrupt("the checkpoint", format!("{name} has {count} positions, which make no square")));
        }
        let (learned, grid) = table.values.split_at(first * cols);
        let mut values = learned.to_vec();
        match (height, width) == (side, side) {
            true => values.extend(grid),
            false => {
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let (lines, columns) = (cubic(y, height, side), cubic(x, width, side));
                    let at = values.len();
                    values.resize(at + cols, 0.0);
                    for (line, a) in lines {
                        for (column, b) in columns {
                            let from = &grid[(line * side + column) * cols..][..cols];
                            values[at..].iter_mut().zip(from).for_each(|(v, g)| *v += (a * b) as f32 * g);
                        }
                    }
                }
            }
        }
        self.put(name, &[first + height * width, cols], values);
        Ok(())
    }

    /// SigLIP's head under `prefix`: its probe through the projection of queries, and the projections of keys and values apart.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where sizes do not fit.
    pub fn fold_probe(&mut self, prefix: &str) -> Result<()> {
        let probe = self.take(&format!("{prefix}.probe"))?.values;
        let weight = self.take(&format!("{prefix}.attention.in_proj_weight"))?.values;
        let bias = self.take(&format!("{prefix}.attention.in_proj_bias"))?.values;
        let dim = probe.len();
        if dim == 0 || weight.len() != 3 * dim * dim || bias.len() != 3 * dim {
            return Err(Error::corrupt("the checkpoint", format!("{prefix}: a probe of {dim} numbers does not fit its projection")));
        }
        let dot = |row: &[f32]| row.iter().zip(&probe).map(|(w, p)| f64::from(*w) * f64::from(*p)).sum::<f64>();
        let query = weight[..dim * dim].chunks_exact(dim).zip(&bias).map(|(row, b)| (dot(row) + f64::from(*b)) as f32).collect();
        self.put(format!("{prefix}.query"), &[1, dim], query);
        self.put(format!("{prefix}.keys_values.weight"), &[2 * dim, dim], weight[dim * dim..].to_vec());
        self.put(format!("{prefix}.keys_values.bias"), &[2 * dim], bias[dim..].to_vec());
        Ok(())
    }
}

/// The four inputs of output `at` of `to`, over `size` of them, and their weights.
fn cubic(at: usize, to: usize, size: usize) -> [(usize, f64); 4] {
    taps((at as f64 + 0.5) * size as f64 / to as f64 - 0.5, size)
}
