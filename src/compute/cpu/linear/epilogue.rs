//! What follows a product's sums: activation, residual, and the way into the output.

use super::PANEL;
use crate::compute::cpu::activation::apply;
use crate::compute::cpu::isa::{Isa, entry};
use crate::compute::graph::Activation;
use crate::math::simd::Simd;

/// Everything that follows the sums of outputs.
#[derive(Clone, Copy)]
pub struct Epilogue<'a> {
    /// `[n rounded up to 8]`, zeros where there is no bias.
    pub bias: &'a [f32],
    pub activation: Activation,
    /// `[rows, n]`.
    pub residual: Option<&'a [f32]>,
}

impl Epilogue<'_> {
    /// What follows the bias: finishes a panel `[rows, PANEL]` and writes those of its columns that exist, which are `out`'s from
    /// `col` on.
    pub(super) fn finish(&self, isa: Isa, panel: &mut [f32], col: usize, n: usize, out: &mut [f32]) {
        // Here and not in the output, where it would have left the first-level cache.
        if self.activation != Activation::None {
            apply(isa, self.activation, panel);
        }
        write(isa, panel, self.residual, col, n, out);
    }
}

entry! {
    /// `out[row][col ..] = panel[row] (+ residual[row][col ..])`, as many columns as there are.
    fn write(panel: &[f32], residual: Option<&[f32]>, col: usize, n: usize, out: &mut [f32]) = write_rows
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn write_rows<S: Simd>(panel: &[f32], residual: Option<&[f32]>, col: usize, n: usize, out: &mut [f32]) {
    let cols = PANEL.min(n - col);
    let whole = cols / S::LANES * S::LANES;
    for (row, y) in panel.chunks_exact(PANEL).enumerate() {
        let at = row * n + col;
        let out = &mut out[at..][..cols];
        let residual = residual.map(|r| &r[at..][..cols]);
        for i in (0..whole).step_by(S::LANES) {
            // SAFETY: i + LANES <= cols.
            unsafe {
                let y = S::load(y.as_ptr().add(i));
                let y = residual.map_or(y, |r| S::add(y, S::load(r.as_ptr().add(i))));
                S::store(out.as_mut_ptr().add(i), y);
            }
        }
        for i in whole..cols {
            out[i] = y[i] + residual.map_or(0.0, |r| r[i]);
        }
    }
}
