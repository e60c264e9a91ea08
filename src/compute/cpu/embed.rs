//! Sums of rows gathered from tables, int8 with one scale a row or f32.

use super::isa::entry;
use crate::compute::weights::Table;
use crate::math::simd::Simd;

entry! {
    /// `y[r] = sum of table[ids[r]]` over the tables; ids were checked against their table.
    pub fn embed(parts: &[(&Table, &[u32])], cols: usize, out: &mut [f32]) = body
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn body<S: Simd>(parts: &[(&Table, &[u32])], cols: usize, out: &mut [f32]) {
    for (r, y) in out.chunks_exact_mut(cols).enumerate() {
        y.fill(0.0);
        for (table, ids) in parts {
            let at = ids[r] as usize * cols;
            match table {
                Table::F32(rows) => y.iter_mut().zip(&rows[at..at + cols]).for_each(|(y, t)| *y += t),
                Table::I8 { rows, scales } => {
                    let (row, scale) = (&rows.bytes()[at..at + cols], scales[ids[r] as usize]);
                    let whole = cols / S::LANES * S::LANES;
                    let mut i = 0;
                    while i < whole {
                        // SAFETY: i + LANES <= cols on both sides.
                        unsafe {
                            let p = y.as_mut_ptr().add(i);
                            S::store(p, S::mul_add(S::load_i8(row.as_ptr().add(i).cast()), S::splat(scale), S::load(p)));
                        }
                        i += S::LANES;
                    }
                    for i in whole..cols {
                        y[i] += f32::from(row[i] as i8) * scale;
                    }
                }
            }
        }
    }
}
