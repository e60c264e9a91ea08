//! `Op::Attention`.

use super::{Numbers, assert_close, tolerance};
use palate::compute::cpu::attention::{Heads, Scratch, attention};
use palate::compute::cpu::isa::Isa;
use palate::compute::graph::Mask;

/// Attention in f64 over `[rows, 3 * heads * width]`.
pub fn expected(x: &[f32], offsets: &[u32], heads: usize, width: usize, mask: Mask) -> Vec<f64> {
    let dim = heads * width;
    let at = |r: usize, part: usize, h: usize, d: usize| f64::from(x[r * 3 * dim + part * dim + h * width + d]);
    let mut want = vec![0.0f64; x.len() / 3];
    for bounds in offsets.windows(2) {
        let range = bounds[0] as usize..bounds[1] as usize;
        for h in 0..heads {
            for q in range.clone() {
                let range = if mask == Mask::Causal { range.start..q + 1 } else { range.clone() };
                let scores: Vec<f64> = range
                    .clone()
                    .map(|k| (0..width).map(|d| at(q, 0, h, d) * at(k, 1, h, d)).sum::<f64>() / (width as f64).sqrt())
                    .collect();
                let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - high).exp()).sum();
                for d in 0..width {
                    want[q * dim + h * width + d] = range.clone().zip(&scores).map(|(k, s)| (s - high).exp() / sum * at(k, 2, h, d)).sum();
                }
            }
        }
    }
    want
}

#[test]
fn attention_is_right_on_ragged_batches() {
    check(Mask::None);
}

#[test]
fn attention_causal_sees_nothing_behind_itself() {
    check(Mask::Causal);
}

fn check(mask: Mask) {
    for (seed, (lens, heads, width)) in
        [(vec![1], 1, 1), (vec![3, 0, 5], 2, 7), (vec![17, 1, 64, 9], 12, 32), (vec![131], 3, 64)].into_iter().enumerate()
    {
        let mut offsets = vec![0u32];
        for len in &lens {
            offsets.push(offsets[offsets.len() - 1] + len);
        }
        let rows = offsets[lens.len()] as usize;
        let dim = heads * width;
        let x: Vec<f32> = Numbers(seed as u64 + 3).take(rows * 3 * dim).iter().map(|v| v * 2.0).collect();
        let want = expected(&x, &offsets, heads, width, mask);
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; rows * dim];
            let mut scratch = Scratch::default();
            // Twice: what the first run leaves in the buffers must not matter.
            for _ in 0..2 {
                attention(isa, &x, &offsets, Heads { heads, width, mask }, &mut out, &mut scratch);
            }
            assert_close(&format!("attention {mask:?} {lens:?}x{heads}x{width}"), isa, &out, &want, tolerance::ATTENTION);
        }
    }
}
