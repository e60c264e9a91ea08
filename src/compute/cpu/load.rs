//! Weights out of a tensor file, laid out for the kernels.

use super::isa::Isa;
use super::linear::pack::{K_ALIGN, PackedF32, PackedI8, levels};
use super::lstm::Recurrence;
use super::{Prepared, linear};
use crate::compute::graph::{Op, Role, Weight};
use crate::compute::weights::{Matrix, Numbers, Weights};
use crate::error::{Error, Result};

/// Reads the weights of a graph's ops.
pub(super) struct Loader<'a> {
    pub weights: Weights<'a>,
}

impl Loader<'_> {
    /// What an op needs besides its inputs.
    pub fn prepare(&self, op: &Op, isa: Isa) -> Result<Prepared> {
        Ok(match op {
            Op::Embed { parts } => Prepared::Embed(parts.iter().map(|&(w, _)| self.weights.table(w)).collect::<Result<_>>()?),
            Op::Linear { parts, .. } => self.matrix(parts, isa)?,
            Op::LayerNorm { weight, bias, .. } => {
                Prepared::LayerNorm { weight: self.weights.vector(*weight)?, bias: self.weights.vector(*bias)? }
            }
            Op::Depthwise { weight, bias, .. } => {
                let taps = self.weights.numbers(*weight, Role::Rows)?;
                let channels = self.weights.graph.weights[weight.0].shape[1];
                let bias = bias.map_or_else(|| Ok(vec![0.0; channels]), |b| self.weights.vector(b))?;
                Prepared::Depthwise { taps, bias }
            }
            Op::Positions { first, table, .. } => {
                let first = first.map_or_else(|| Ok(Vec::new()), |w| self.weights.numbers(w, Role::Rows))?;
                Prepared::Positions { first, table: self.weights.numbers(*table, Role::Rows)? }
            }
            Op::AttentionPool { query, .. } => Prepared::Query(self.weights.numbers(*query, Role::Rows)?),
            Op::Lstm { weight, .. } => {
                let hidden = self.weights.graph.weights[weight.0].shape[1];
                Prepared::Lstm(Recurrence::new(&self.weights.table(*weight)?.numbers(hidden), hidden))
            }
            Op::Attention { heads, bias, .. } => Prepared::Bias(match bias {
                Some(bias) => turned(&self.weights.numbers(*bias, Role::Rows)?, *heads),
                None => Vec::new(),
            }),
            Op::Input { .. } | Op::Unfold { .. } | Op::Pool { .. } | Op::Normalize { .. } => Prepared::Nothing,
        })
    }

    /// The parts of a linear op, packed for the kernels.
    fn matrix(&self, parts: &[(Weight, Option<Weight>)], isa: Isa) -> Result<Prepared> {
        let Matrix { n, k, mut bias, numbers } = self.weights.matrix(parts)?;
        // The integer sums of a row stay within 32 bits.
        if k.next_multiple_of(K_ALIGN) as f64 * 127.0 * f64::from(levels(isa)) >= f64::from(i32::MAX) {
            return Err(Error::input(format!("a matrix of {k} inputs is wider than this build multiplies; use a smaller model.")));
        }
        bias.resize(n.next_multiple_of(linear::TILE_COLS), 0.0);
        Ok(match numbers.for_cpu(k) {
            Numbers::I8 { q, scales, outliers, apart } => Prepared::LinearI8(PackedI8::with_outliers(isa, &q, &scales, &outliers, &apart, n, k), bias),
            Numbers::F32(numbers) => Prepared::LinearF32(PackedF32::new(&numbers, n, k), bias),
            Numbers::I4 { .. } | Numbers::F16(_) => return Err(Error::Internal("the processor multiplies int8 and f32".into())),
        })
    }
}

/// `[rows, cols]` to `[cols, rows]`.
fn turned(numbers: &[f32], cols: usize) -> Vec<f32> {
    (0..cols).flat_map(|c| numbers.iter().skip(c).step_by(cols).copied()).collect()
}
