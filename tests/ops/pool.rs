//! `Op::Pool`, on items with and without rows.

use super::{Numbers, assert_close, loops, tolerance};
use palate::compute::cpu::{isa::Isa, pool::pool};
use palate::compute::graph::PoolKind;

#[test]
fn pool_takes_each_item_for_itself() {
    let (offsets, cols) = ([0u32, 3, 3, 4, 11], 5);
    let x = Numbers(4).take(11 * cols);
    for kind in [PoolKind::Mean, PoolKind::First, PoolKind::FirstTwo, PoolKind::Last] {
        let mut out = vec![f32::NAN; 4 * cols];
        pool(&x, &offsets, cols, kind, &mut out);
        assert_close(&format!("pool {kind:?}"), Isa::best(), &out, &loops::pool(&x, &offsets, cols, kind), tolerance::POOL);
    }
}
