//! `Op::Positions`.

use super::Numbers;
use palate::compute::cpu::positions::positions;

#[test]
fn positions_stand_on_every_item() {
    for (items, own, learned, cols) in [(1, 1, 0, 1), (3, 5, 1, 7), (2, 4, 5, 16)] {
        let mut numbers = Numbers(items as u64);
        let x = numbers.take(items * own * cols);
        let (first, table) = (numbers.take(learned * cols), numbers.take((learned + own) * cols));
        let mut want = Vec::new();
        for item in 0..items {
            for row in 0..learned + own {
                for c in 0..cols {
                    let number = if row < learned { first[row * cols + c] } else { x[(item * own + row - learned) * cols + c] };
                    want.push(number + table[row * cols + c]);
                }
            }
        }
        let mut out = vec![f32::NAN; want.len()];
        positions(&x, &first, &table, &mut out);
        assert_eq!(out, want);
    }
}
