//! The rows of each item to one.

use crate::compute::graph::PoolKind;

/// `x` is `[rows, cols]`, `out` `[items, cols]`; `offsets` bound the items. An item without rows gives zeros.
pub fn pool(x: &[f32], offsets: &[u32], cols: usize, kind: PoolKind, out: &mut [f32]) {
    for (bounds, y) in offsets.windows(2).zip(out.chunks_exact_mut(cols)) {
        let rows = &x[bounds[0] as usize * cols..bounds[1] as usize * cols];
        y.fill(0.0);
        match kind {
            PoolKind::First => {
                if let Some(first) = rows.get(..cols) {
                    y.copy_from_slice(first);
                }
            }
            PoolKind::Last => {
                if let Some(last) = rows.len().checked_sub(cols).and_then(|at| rows.get(at..)) {
                    y.copy_from_slice(last);
                }
            }
            PoolKind::Mean | PoolKind::FirstTwo => {
                let rows = if kind == PoolKind::FirstTwo { &rows[..rows.len().min(2 * cols)] } else { rows };
                let inverse = 1.0 / (rows.len() / cols).max(1) as f32;
                for row in rows.chunks_exact(cols) {
                    y.iter_mut().zip(row).for_each(|(y, x)| *y += x);
                }
                y.iter_mut().for_each(|y| *y *= inverse);
            }
        }
    }
}
