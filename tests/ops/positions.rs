//! `Op::Positions`.

use super::{Numbers, loops};
use palate::compute::cpu::positions::positions;

#[test]
fn positions_stand_on_every_item() {
    for (items, own, learned, cols) in [(1, 1, 0, 1), (3, 5, 1, 7), (2, 4, 5, 16)] {
        let mut numbers = Numbers(items as u64);
        let x = numbers.take(items * own * cols);
        let (first, table) = (numbers.take(learned * cols), numbers.take((learned + own) * cols));
        let want = loops::positions(&x, own, &first, &table, cols);
        let mut out = vec![f32::NAN; want.len()];
        positions(&x, &first, &table, &mut out);
        assert_eq!(out, want);
    }
}
