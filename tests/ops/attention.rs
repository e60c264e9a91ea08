//! `Op::Attention`.

use super::{Numbers, assert_close, tolerance};
use palate::compute::cpu::attention::{Heads, Scratch, attention};
use palate::compute::cpu::isa::Isa;
use palate::compute::graph::Mask;

/// Attention in f64 over `[rows, 3 * heads * width]`, `bias` as in the graph, `[entries, heads]` or empty.
pub fn expected(x: &[f32], offsets: &[u32], heads: usize, width: usize, mask: Mask, bias: &[f32]) -> Vec<f64> {
    let dim = heads * width;
    let at = |r: usize, part: usize, h: usize, d: usize| f64::from(x[r * 3 * dim + part * dim + h * width + d]);
    let mut want = vec![0.0f64; x.len() / 3];
    for bounds in offsets.windows(2) {
        let range = bounds[0] as usize..bounds[1] as usize;
        // Where a row stands in its image, and in which tile.
        let place = |row: usize| match mask {
            Mask::Tiles { width, .. } => ((row - range.start) / width, (row - range.start) % width),
            _ => (0, row - range.start),
        };
        let tile = |row: usize| match mask {
            Mask::Tiles { side, cut, .. } => Some(((place(row).0 + cut) / side, (place(row).1 + cut) / side)),
            _ => None,
        };
        let biased = |q: usize, k: usize, h: usize| {
            let (lines, columns) = (place(q).0 as i64 - place(k).0 as i64, place(q).1 as i64 - place(k).1 as i64);
            let entries = (bias.len() / heads) as i64;
            let entry = match mask {
                _ if entries == 0 => return 0.0,
                Mask::Tiles { side, .. } => (lines + side as i64 - 1) * (2 * side as i64 - 1) + columns + side as i64 - 1,
                _ => (columns + entries / 2).clamp(0, entries - 1),
            };
            f64::from(bias[entry as usize * heads + h])
        };
        for h in 0..heads {
            for q in range.clone() {
                let range: Vec<usize> = range.clone().filter(|&k| (mask != Mask::Causal || k <= q) && tile(q) == tile(k)).collect();
                let scores: Vec<f64> = range
                    .iter()
                    .map(|&k| (0..width).map(|d| at(q, 0, h, d) * at(k, 1, h, d)).sum::<f64>() / (width as f64).sqrt() + biased(q, k, h))
                    .collect();
                let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - high).exp()).sum();
                for d in 0..width {
                    want[q * dim + h * width + d] = range.iter().zip(&scores).map(|(&k, s)| (s - high).exp() / sum * at(k, 2, h, d)).sum();
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

/// Images that whole tiles cover, that leave a rest, that are smaller than a tile, and tiles that are cut.
pub const TILED: [(usize, usize, Mask); 5] = [
    (1, 1, Mask::Tiles { width: 1, side: 1, cut: 0 }),
    (3, 32, Mask::Tiles { width: 8, side: 4, cut: 2 }),
    (2, 35, Mask::Tiles { width: 5, side: 3, cut: 0 }),
    (1, 6, Mask::Tiles { width: 3, side: 8, cut: 5 }),
    (1, 256, Mask::Tiles { width: 16, side: 8, cut: 4 }),
];

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
    let mut offsets = vec![0u32];
    for len in lens {
        offsets.push(offsets[offsets.len() - 1] + *len as u32);
    }
    let rows = offsets[lens.len()] as usize;
    let dim = heads * width;
    let x: Vec<f32> = Numbers(seed).take(rows * 3 * dim).iter().map(|v| v * 2.0).collect();
    let want = expected(&x, &offsets, heads, width, mask, bias);
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
