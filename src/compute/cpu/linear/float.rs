//! The f32 tile: 4 rows by 8 outputs, for packs that were not quantized.

use super::{PANEL, TILE_COLS, TILE_ROWS, pack::PackedF32};
use crate::compute::cpu::isa::entry;
use crate::math::simd::Simd;

entry! {
    /// `panel = x W^T + bias` of up to `PANEL` outputs from `col` on, a multiple of 8: `[rows, PANEL]`.
    pub(super) fn multiply(x: &[f32], w: &PackedF32, bias: &[f32], col: usize, panel: &mut [f32]) = body
}

/// # Safety
/// As [`Simd`], with the sizes that `linear_f32` asserts.
#[inline(always)]
unsafe fn body<S: Simd>(x: &[f32], w: &PackedF32, bias: &[f32], col: usize, panel: &mut [f32]) {
    let rows = x.len() / w.k;
    assert!(panel.len() == rows * PANEL);
    // SAFETY: row pointers stay below `rows`, blocks below n rounded up to 8 and within the panel.
    unsafe {
        for block in (col..w.n.min(col + PANEL)).step_by(TILE_COLS) {
            let wp = w.data.as_ptr().add(block * w.k);
            for r in (0..rows).step_by(TILE_ROWS) {
                let real = TILE_ROWS.min(rows - r);
                let xp: [*const f32; TILE_ROWS] = std::array::from_fn(|i| x.as_ptr().add((r + i.min(real - 1)) * w.k));
                // Two vectors of four lanes or one of eight: the second of the pair stays unused then.
                let mut acc = [[S::splat(0.0); 2]; TILE_ROWS];
                for i in 0..w.k {
                    let w0 = S::load(wp.add(i * TILE_COLS));
                    let w1 = if S::LANES < TILE_COLS { S::load(wp.add(i * TILE_COLS + S::LANES)) } else { w0 };
                    for (acc, xp) in acc.iter_mut().zip(xp) {
                        let a = S::splat(*xp.add(i));
                        acc[0] = S::mul_add(a, w0, acc[0]);
                        if S::LANES < TILE_COLS {
                            acc[1] = S::mul_add(a, w1, acc[1]);
                        }
                    }
                }
                for (i, acc) in acc.iter().enumerate().take(real) {
                    let y = panel.as_mut_ptr().add((r + i) * PANEL + block - col);
                    for (v, &acc) in acc.iter().enumerate().take(TILE_COLS / S::LANES) {
                        S::store(y.add(v * S::LANES), S::add(acc, S::load(bias.as_ptr().add(block + v * S::LANES))));
                    }
                }
            }
        }
    }
}
