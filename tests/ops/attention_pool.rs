//! `Op::AttentionPool`.

use super::{Numbers, assert_close, loops, offsets, tolerance};
use palate::compute::cpu::{attention_pool::attention_pool, isa::Isa};

#[test]
fn attention_pool_is_right_on_ragged_batches() {
    for (seed, (lens, heads, width)) in [(vec![1], 1, 1), (vec![3, 0, 17], 3, 7), (vec![196], 2, 32)].into_iter().enumerate() {
        let offsets = offsets(&lens);
        let dim = heads * width;
        let mut numbers = Numbers(seed as u64 + 31);
        let x: Vec<f32> = numbers.take(offsets[lens.len()] as usize * 2 * dim).iter().map(|v| v * 3.0).collect();
        let query = numbers.take(dim);
        let want = loops::attention_pool(&x, &offsets, &query, heads);
        let mut out = vec![f32::NAN; want.len()];
        attention_pool(&x, &offsets, &query, heads, &mut out);
        assert_close(&format!("attention_pool {lens:?}"), Isa::best(), &out, &want, tolerance::ATTENTION);
    }
}
