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
        scratch.scores.resize(QUERIES * padded_len, 0.0);
        for head in 0..heads {
            let table = &bias[head * entries..][..entries];
            // Of four rows from `first` on, the last one again where there are fewer: `part` 0 is queries, 1 keys.
            let four = |first: usize, part: usize| -> [&[f32]; QUERIES] {
                std::array::from_fn(|i| &x[group[(first + i).min(len - 1)] * 3 * dim + part * dim + head * width..][..width])
            };
            for j in (0..len).step_by(QUERIES) {
                // SAFETY: j + 4 <= padded_len.
                unsafe { turn::<S>(four(j, 1), &mut scratch.keys, j, padded_len) };
            }
            for (row, to) in group.iter().zip(scratch.values.chunks_exact_mut(padded_width)) {
                // SAFETY: the caller has the instructions.
                unsafe { simd::copy::<S>(&x[row * 3 * dim + 2 * dim + head * width..][..width], to) };
            }
            for first in (0..len).step_by(QUERIES) {
                let real = QUERIES.min(len - first);
                // No query of the tile sees what is behind.
                let near = if mask == Mask::Causal { first + real } else { len };
                // SAFETY: the buffers were sized above to whole tiles.
                unsafe {
                    scores::<S>(four(first, 0), &scratch.keys, padded_len, near, &mut scratch.scores);
                    if entries > 0 {
                        for (q, scores) in scratch.scores.chunks_exact_mut(padded_len).enumerate().take(real) {
                            add_bias(table, places[first + q], places, scale, &mut scores[..len]);
                        }
                    }
                    let seen = std::array::from_fn(|q| if mask == Mask::Causal { (first + q + 1).min(near) } else { len });
                    let weights = softmax::<S>(&mut scratch.scores, padded_len, seen, if entries > 0 { 1.0 } else { scale });
                    let mut tile = [0.0f32; QUERIES * TILE];
                    for col in (0..width).step_by(TILE) {
                        weigh::<S>(&scratch.scores, padded_len, &scratch.values[col..], padded_width, near, weights, &mut tile);
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

/// Writes rows `[4, width]` as columns `j` to `j + 3` of `to` `[width, len]`.
///
/// # Safety
/// As [`Simd`]; `to` has room for them.
#[inline(always)]
unsafe fn turn<S: Simd>(rows: [&[f32]; QUERIES], to: &mut [f32], j: usize, len: usize) {
    let width = rows[0].len();
    let whole = width / S::LANES * S::LANES;
    // SAFETY: all rows are of the same length.
    unsafe {
        for d in (0..whole).step_by(S::LANES) {
            S::turn(rows.map(|row| row.as_ptr().add(d)), to.as_mut_ptr().add(d * len + j), len);
        }
        for d in whole..width {
            to.as_mut_ptr().add(d * len + j).cast::<[f32; QUERIES]>().write_unaligned(rows.map(|row| *row.get_unchecked(d)));
        }
    }
}

/// Scales the scores of the query that stands at `place` and adds what the table has for its distance to each key.
#[inline(always)]
fn add_bias(table: &[f32], place: isize, places: &[isize], scale: f32, scores: &mut [f32]) {
    let (middle, last) = (place + (table.len() / 2) as isize, table.len() as isize - 1);
    for (score, key) in scores.iter_mut().zip(places) {
        *score = *score * scale + table[(middle - key).clamp(0, last) as usize];
    }
}

/// `scores[q][j] = queries[q] . keys[.][j]` for the first `near` keys and those up to a whole tile.
///
/// # Safety
/// As [`Simd`]; `keys` is `[width, len]`, `scores` `[4, len]`, len a multiple of 8, `near` at most len.
#[inline(always)]
unsafe fn scores<S: Simd>(queries: [&[f32]; QUERIES], keys: &[f32], len: usize, near: usize, scores: &mut [f32]) {
    // SAFETY: j + 8 <= len, d < width.
    unsafe {
        for j in (0..near).step_by(TILE) {
            let mut acc = [[S::splat(0.0); 2]; QUERIES];
            for d in 0..queries[0].len() {
                let at = keys.as_ptr().add(d * len + j);
                let k0 = S::load(at);
                let k1 = if S::LANES < TILE { S::load(at.add(S::LANES)) } else { k0 };
                for (query, acc) in queries.iter().zip(&mut acc) {
                    let a = S::splat(*query.get_unchecked(d));
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

/// Scores to weights, of which each query sees so many; what is behind becomes 0. Gives what the weights are to be multiplied by, so
/// that they add up to 1.
///
/// # Safety
/// As [`Simd`]; `scores` is `[4, len]`, len a multiple of 8, of which each query sees at least one.
#[inline(always)]
unsafe fn softmax<S: Simd>(scores: &mut [f32], len: usize, seen: [usize; QUERIES], scale: f32) -> [f32; QUERIES] {
    let end = seen[QUERIES - 1].next_multiple_of(TILE);
    for (row, seen) in scores.chunks_exact_mut(len).zip(seen) {
        row[seen..end].fill(f32::NEG_INFINITY);
    }
    // SAFETY: end is a whole number of vectors, at most len.
    unsafe {
        let at: [*mut f32; QUERIES] = std::array::from_fn(|q| scores.as_mut_ptr().add(q * len));
        let mut high = [S::splat(f32::NEG_INFINITY); QUERIES];
        for i in (0..end).step_by(S::LANES) {
            for q in 0..QUERIES {
                high[q] = S::max(high[q], S::load(at[q].add(i)));
            }
        }
        let high = high.map(|high| S::splat(S::maximum(high)));
        let (scale, mut sums) = (S::splat(scale), [S::splat(0.0); QUERIES]);
        for i in (0..end).step_by(S::LANES) {
            // Four at once: a vector alone takes longer for the constants of `exp` than for itself.
            let e = simd::exp::<S, QUERIES>(std::array::from_fn(|q| S::mul(S::sub(S::load(at[q].add(i)), high[q]), scale)));
            for q in 0..QUERIES {
                S::store(at[q].add(i), e[q]);
                sums[q] = S::add(sums[q], e[q]);
            }
        }
        // `exp` saturates at e^-87 instead of reaching 0: the padding adds nothing that f32 could see.
        sums.map(|sums| 1.0 / S::sum(sums))
    }
}

/// `tile[q][c] = factors[q] * sum over j of weights[q][j] * values[j][c]` for 8 columns.
///
/// # Safety
/// As [`Simd`]; `weights` is `[4, stride]`, each of the `len` rows of `values` has 8 numbers, `width` apart.
#[inline(always)]
unsafe fn weigh<S: Simd>(weights: &[f32], stride: usize, values: &[f32], width: usize, len: usize, factors: [f32; QUERIES], tile: &mut [f32; QUERIES * TILE]) {
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
            let (at, factor) = (tile.as_mut_ptr().add(q * TILE), S::splat(factors[q]));
            S::store(at, S::mul(acc[0], factor));
            if S::LANES < TILE {
                S::store(at.add(S::LANES), S::mul(acc[1], factor));
            }
        }
    }
}
