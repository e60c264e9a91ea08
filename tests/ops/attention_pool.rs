//! `Op::AttentionPool`.

use super::{Numbers, assert_close, tolerance};
use palate::compute::cpu::{attention_pool::attention_pool, isa::Isa};

#[test]
fn attention_pool_is_right_on_ragged_batches() {
    for (seed, (lens, heads, width)) in [(vec![1], 1, 1), (vec![3, 0, 17], 3, 7), (vec![196], 2, 32)].into_iter().enumerate() {
        let mut offsets = vec![0u32];
        for len in &lens {
            offsets.push(offsets[offsets.len() - 1] + len);
        }
        let dim = heads * width;
        let mut numbers = Numbers(seed as u64 + 31);
        let x: Vec<f32> = numbers.take(offsets[lens.len()] as usize * 2 * dim).iter().map(|v| v * 3.0).collect();
        let query = numbers.take(dim);
        let at = |r: u32, col: usize| f64::from(x[r as usize * 2 * dim + col]);
        let mut want = Vec::new();
        for bounds in offsets.windows(2) {
            for col in 0..dim {
                let head = col / width * width;
                let score = |r: u32| (0..width).map(|d| f64::from(query[head + d]) * at(r, head + d)).sum::<f64>() / (width as f64).sqrt();
                let total: f64 = (bounds[0]..bounds[1]).map(|r| score(r).exp()).sum();
                want.push((bounds[0]..bounds[1]).map(|r| score(r).exp() / total * at(r, dim + col)).sum());
            }
        }
        let mut out = vec![f32::NAN; want.len()];
        attention_pool(&x, &offsets, &query, heads, &mut out);
        assert_close(&format!("attention_pool {lens:?}"), Isa::best(), &out, &want, tolerance::ATTENTION);
    }
}
