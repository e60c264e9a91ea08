//! Multi-head self-attention within each item of a ragged batch, in f32, without padding.
//!
//! Rows that see each other are a group: an item, or a tile of its image. Per group and head the keys are transposed once,
//! `[width][rows]`, so that scores of eight keys are one vector product a dimension; the kernel's tiles are 4 queries by 8
//! keys, and 4 queries by 8 output dimensions.

use super::isa::entry;
use crate::compute::graph::Mask;
use crate::math::simd::{self, Simd};

/// How the columns divide, and who sees whom.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    pub heads: usize,
    pub width: usize,
    pub mask: Mask,
    /// `[heads, entries]`, the bias of `Op::Attention` turned; empty where there is none.
    pub bias: &'a [f32],
}

/// Buffers kept between calls.
#[derive(Default)]
pub struct Scratch {
    groups: Groups,
    keys: Vec<f32>,
    values: Vec<f32>,
    queries: Vec<f32>,
    scores: Vec<f32>,
}

/// The rows that see each other.
#[derive(Default)]
struct Groups {
    /// Rows of `x`, a group after the other.
    rows: Vec<usize>,
    /// Where each of them stands; the difference of two says which bias is theirs.
    places: Vec<isize>,
    /// Where each group ends.
    ends: Vec<usize>,
}

impl Groups {
    /// Of the items that `offsets` bound.
    fn fill(&mut self, offsets: &[u32], mask: Mask) {
        self.rows.clear();
        self.places.clear();
        self.ends.clear();
        for bounds in offsets.windows(2) {
            let (start, end) = (bounds[0] as usize, bounds[1] as usize);
            let Mask::Tiles { width, side, cut } = mask else {
                self.rows.extend(start..end);
                self.places.extend(0..(end - start) as isize);
                self.ends.push(self.rows.len());
                continue;
            };
            let height = (end - start) / width;
            let spans = |size: usize| (0..(size + cut).div_ceil(side)).map(move |at| (at * side).saturating_sub(cut)..((at + 1) * side - cut).min(size));
            for lines in spans(height) {
                for columns in spans(width) {
                    for (y, x) in lines.clone().flat_map(|y| columns.clone().map(move |x| (y, x))) {
                        self.rows.push(start + y * width + x);
                        self.places.push((y * (2 * side - 1) + x) as isize);
                    }
                    self.ends.push(self.rows.len());
                }
            }
        }
    }
}

const QUERIES: usize = 4;
const TILE: usize = 8;

entry! {
    /// `x` is `[rows, 3 * heads * width]` (queries, keys, values), `out` `[rows, heads * width]`; `offsets` bound the items.
    pub fn attention(x: &[f32], offsets: &[u32], shape: Heads<'_>, out: &mut [f32], scratch: &mut Scratch) = body
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn body<S: Simd>(x: &[f32], offsets: &[u32], shape: Heads<'_>, out: &mut [f32], scratch: &mut Scratch) {
    let Heads { heads, width, mask, bias } = shape;
    let dim = heads * width;
    let rows = offsets.last().copied().unwrap_or(0) as usize;
    assert!(x.len() == rows * 3 * dim && out.len() == rows * dim);
    let padded_width = width.next_multiple_of(TILE);
    let scale = 1.0 / (width as f32).sqrt();
    let entries = bias.len() / heads;
    scratch.groups.fill(offsets, mask);
    let mut start = 0;
    for &end in &scratch.groups.ends {
        let (group, places) = (&scratch.groups.rows[start..end], &scratch.groups.places[start..end]);
        start = end;
        let len = group.len();
        let padded_len = len.next_multiple_of(TILE);
        scratch.keys.resize(width * padded_len, 0.0);
        scratch.values.resize(len * padded_width, 0.0);
        scratch.queries.resize(QUERIES * width, 0.0);
        scratch.scores.resize(QUERIES * padded_len, 0.0);
        for head in 0..heads {
            let table = &bias[head * entries..][..entries];
            for (j, row) in group.iter().enumerate() {
                let row = &x[row * 3 * dim + head * width..];
                for d in 0..width {
                    scratch.keys[d * padded_len + j] = row[dim + d];
                }
                // SAFETY: the caller has the instructions.
                unsafe { simd::copy::<S>(&row[2 * dim..][..width], &mut scratch.values[j * padded_width..]) };
            }
            for first in (0..len).step_by(QUERIES) {
                let real = QUERIES.min(len - first);
                for q in 0..QUERIES {
                    let row = &x[group[first + q.min(real - 1)] * 3 * dim + head * width..][..width];
                    for (to, from) in scratch.queries[q * width..][..width].iter_mut().zip(row) {
                        *to = from * scale;
                    }
                }
                // SAFETY: the buffers were sized above to whole tiles.
                unsafe {
                    // No query of the tile sees what is behind.
                    let near = if mask == Mask::Causal { first + real } else { len };
                    scores::<S>(&scratch.queries, &scratch.keys, width, padded_len, near, &mut scratch.scores);
                    for q in 0..real {
                        if entries > 0 {
                            add_bias(table, places[first + q], places, &mut scratch.scores[q * padded_len..][..len]);
                        }
                        let seen = if mask == Mask::Causal { first + q + 1 } else { len };
                        softmax::<S>(&mut scratch.scores[q * padded_len..][..near.next_multiple_of(TILE)], seen);
                    }
                    let mut tile = [0.0f32; QUERIES * TILE];
                    for col in (0..width).step_by(TILE) {
                        weigh::<S>(&scratch.scores, padded_len, &scratch.values[col..], padded_width, near, &mut tile);
                        let cols = TILE.min(width - col);
                        for q in 0..real {
                            let at = group[first + q] * dim + head * width + col;
                            simd::copy::<S>(&tile[q * TILE..][..cols], &mut out[at..]);
                        }
                    }
                }
            }
        }
    }
}

/// Adds to the scores of the query that stands at `place` what the table has for its distance to each key.
#[inline(always)]
fn add_bias(table: &[f32], place: isize, places: &[isize], scores: &mut [f32]) {
    let (middle, last) = (place + (table.len() / 2) as isize, table.len() as isize - 1);
    for (score, key) in scores.iter_mut().zip(places) {
        *score += table[(middle - key).clamp(0, last) as usize];
    }
}

/// `scores[q][j] = queries[q] . keys[.][j]` for the first `near` keys and those up to a whole tile.
///
/// # Safety
/// As [`Simd`]; `keys` is `[width, len]`, `scores` `[4, len]`, len a multiple of 8, `near` at most len.
#[inline(always)]
unsafe fn scores<S: Simd>(queries: &[f32], keys: &[f32], width: usize, len: usize, near: usize, scores: &mut [f32]) {
    // SAFETY: j + 8 <= len, d < width.
    unsafe {
        for j in (0..near).step_by(TILE) {
            let mut acc = [[S::splat(0.0); 2]; QUERIES];
            for d in 0..width {
                let at = keys.as_ptr().add(d * len + j);
                let k0 = S::load(at);
                let k1 = if S::LANES < TILE { S::load(at.add(S::LANES)) } else { k0 };
                for (q, acc) in acc.iter_mut().enumerate() {
                    let a = S::splat(*queries.get_unchecked(q * width + d));
                    acc[0] = S::mul_add(a, k0, acc[0]);
                    if S::LANES < TILE {
                        acc[1] = S::mul_add(a, k1, acc[1]);
                    }
                }
            }
            for (q, acc) in acc.iter().enumerate() {
                let at = scores.as_mut_ptr().add(q * len + j);
                S::store(at, acc[0]);
                if S::LANES < TILE {
                    S::store(at.add(S::LANES), acc[1]);
                }
            }
        }
    }
}

/// Softmax over the first `len` of a padded row; what is behind them becomes 0.
///
/// # Safety
/// As [`Simd`]; the row's length is a multiple of 8.
#[inline(always)]
unsafe fn softmax<S: Simd>(row: &mut [f32], len: usize) {
    row[len..].fill(f32::NEG_INFINITY);
    // SAFETY: the padded length is a whole number of vectors.
    unsafe {
        let mut high = S::splat(f32::NEG_INFINITY);
        for i in (0..row.len()).step_by(S::LANES) {
            high = S::max(high, S::load(row.as_ptr().add(i)));
        }
        let high = S::splat(S::maximum(high));
        let mut sums = [S::splat(0.0); 2];
        for i in (0..row.len()).step_by(TILE) {
            // Two vectors of four lanes or one of eight: the second of the pair stays unused then.
            let p = row.as_mut_ptr().add(i);
            let second = if S::LANES < TILE { S::load(p.add(S::LANES)) } else { high };
            let e = simd::exp::<S, 2>([S::sub(S::load(p), high), S::sub(second, high)]);
            sums[0] = S::add(sums[0], e[0]);
            S::store(p, e[0]);
            if S::LANES < TILE {
                sums[1] = S::add(sums[1], e[1]);
                S::store(p.add(S::LANES), e[1]);
            }
        }
        // `exp` saturates at e^-87 instead of reaching 0: the padding adds nothing that f32 could see.
        let inverse = S::splat(1.0 / S::sum(S::add(sums[0], sums[1])));
        for i in (0..row.len()).step_by(S::LANES) {
            let p = row.as_mut_ptr().add(i);
            S::store(p, S::mul(S::load(p), inverse));
        }
    }
}

/// `tile[q][c] = sum over j of weights[q][j] * values[j][c]` for 8 columns.
///
/// # Safety
/// As [`Simd`]; `weights` is `[4, stride]`, each of the `len` rows of `values` has 8 numbers, `width` apart.
#[inline(always)]
unsafe fn weigh<S: Simd>(weights: &[f32], stride: usize, values: &[f32], width: usize, len: usize, tile: &mut [f32; QUERIES * TILE]) {
    // SAFETY: j < len.
    unsafe {
        let mut acc = [[S::splat(0.0); 2]; QUERIES];
        for j in 0..len {
            let at = values.as_ptr().add(j * width);
            let v0 = S::load(at);
            let v1 = if S::LANES < TILE { S::load(at.add(S::LANES)) } else { v0 };
            for (q, acc) in acc.iter_mut().enumerate() {
                let a = S::splat(*weights.get_unchecked(q * stride + j));
                acc[0] = S::mul_add(a, v0, acc[0]);
                if S::LANES < TILE {
                    acc[1] = S::mul_add(a, v1, acc[1]);
                }
            }
        }
        for (q, acc) in acc.iter().enumerate() {
            let at = tile.as_mut_ptr().add(q * TILE);
            S::store(at, acc[0]);
            if S::LANES < TILE {
                S::store(at.add(S::LANES), acc[1]);
            }
        }
    }
}
