//! The f32 tile: 4 rows by 8 outputs, for packs that were not quantized.

use super::{Epilogue, TILE_COLS, TILE_ROWS, pack::PackedF32};
use crate::compute::cpu::isa::entry;
use crate::math::simd::Simd;

entry! {
    /// `y = epilogue(x W^T)` over `rows` rows.
    pub fn run(x: &[f32], rows: usize, w: &PackedF32, epilogue: Epilogue<'_>, out: &mut [f32]) = body
}

/// # Safety
/// As [`Simd`], with the sizes that `linear_f32` asserts.
#[inline(always)]
unsafe fn body<S: Simd>(x: &[f32], rows: usize, w: &PackedF32, epilogue: Epilogue<'_>, out: &mut [f32]) {
    // SAFETY: row pointers stay below `rows`, blocks below n rounded up to 8.
    unsafe {
        for nb in 0..w.n.div_ceil(TILE_COLS) {
            let wp = w.data.as_ptr().add(nb * TILE_COLS * w.k);
            let mut r = 0;
            while r < rows {
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
                    for (v, &y) in acc.iter().enumerate().take(TILE_COLS / S::LANES) {
                        let col = nb * TILE_COLS + v * S::LANES;
                        let y = S::add(y, S::load(epilogue.bias.as_ptr().add(col)));
                        epilogue.finish::<S>(y, r + i, col, w.n, out);
                    }
                }
                r += TILE_ROWS;
            }
        }
    }
}
