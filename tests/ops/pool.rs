//! `Op::Pool`, on items with and without rows.

use super::{Numbers, assert_close, tolerance};
use palate::compute::cpu::{isa::Isa, pool::pool};
use palate::compute::graph::PoolKind;

#[test]
fn pool_takes_each_item_for_itself() {
    let (offsets, cols) = ([0u32, 3, 3, 4, 11], 5);
    let x = Numbers(4).take(11 * cols);
    for kind in [PoolKind::Mean, PoolKind::First, PoolKind::FirstTwo, PoolKind::Last] {
        let mut want = Vec::new();
        for bounds in offsets.windows(2) {
            let rows: Vec<usize> = (bounds[0] as usize..bounds[1] as usize).collect();
            for c in 0..cols {
                let at = |r: &usize| f64::from(x[r * cols + c]);
                want.push(match kind {
                    PoolKind::Mean => rows.iter().map(at).sum::<f64>() / rows.len().max(1) as f64,
                    PoolKind::FirstTwo => rows.iter().take(2).map(at).sum::<f64>() / rows.len().clamp(1, 2) as f64,
                    PoolKind::First => rows.first().map_or(0.0, at),
                    PoolKind::Last => rows.last().map_or(0.0, at),
                });
            }
        }
        let mut out = vec![f32::NAN; 4 * cols];
        pool(&x, &offsets, cols, kind, &mut out);
        assert_close(&format!("pool {kind:?}"), Isa::best(), &out, &want, tolerance::POOL);
    }
}
