//! `Op::Attention`.

use super::everywhere::gpu::TILED;
use super::{Numbers, assert_close, loops, offsets, tolerance};
use palate::compute::cpu::attention::{Heads, Scratch, attention};
use palate::compute::cpu::isa::Isa;
use palate::compute::graph::Mask;

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
        compare(seed as u64 + 3, &lens, heads, width, mask, &[]);
    }
}

/// Distances beyond both ends of a table, and a table that is longer than the texts.
#[test]
fn attention_adds_a_bias_by_distance() {
    for (seed, (lens, heads, width, entries)) in [(vec![3, 0, 5], 2, 7, 1), (vec![17, 1, 64], 12, 32, 9), (vec![20], 3, 8, 257)].into_iter().enumerate() {
        for mask in [Mask::None, Mask::Causal] {
            compare(seed as u64 + 9, &lens, heads, width, mask, &Numbers(seed as u64 + 1).take(entries * heads));
        }
    }
}

#[test]
fn attention_sees_its_own_tile_alone() {
    for (seed, (items, rows, mask)) in TILED.into_iter().enumerate() {
        let Mask::Tiles { side, .. } = mask else { unreachable!() };
        let bias = Numbers(seed as u64 + 1).take((2 * side - 1).pow(2) * 3);
        compare(seed as u64 + 20, &vec![rows; items], 3, 8, mask, &[]);
        compare(seed as u64 + 30, &vec![rows; items], 3, 8, mask, &bias);
    }
}

fn compare(seed: u64, lens: &[usize], heads: usize, width: usize, mask: Mask, bias: &[f32]) {
    let turned: Vec<f32> = (0..heads).flat_map(|h| bias.iter().skip(h).step_by(heads).copied()).collect();
    let offsets = offsets(lens);
    let rows = offsets[lens.len()] as usize;
    let dim = heads * width;
    let x: Vec<f32> = Numbers(seed).take(rows * 3 * dim).iter().map(|v| v * 2.0).collect();
    let want = loops::attention(&x, &offsets, heads, width, mask, bias);
    for isa in Isa::available() {
        let mut out = vec![f32::NAN; rows * dim];
        let mut scratch = Scratch::default();
        // Twice: what the first run leaves in the buffers must not matter.
        for _ in 0..2 {
            attention(isa, &x, &offsets, Heads { heads, width, mask, bias: &turned }, &mut out, &mut scratch);
        }
        assert_close(&format!("attention {mask:?} {lens:?}x{heads}x{width}"), isa, &out, &want, tolerance::ATTENTION);
    }
}
