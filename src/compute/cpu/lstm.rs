//! The recurrence of an LSTM, item by item, in f32.
//!
//! Weights stand by input, `[hidden][4][padded]`, so that what a number of the state adds to all gates is one row.

use super::activation::{sigmoid, tanh};
use super::isa::entry;
use crate::math::simd::Simd;

/// Numbers of a gate are padded to whole tiles: four gates are four of them.
const TILE: usize = 8;
/// Numbers that stay in registers while the state goes by.
const BLOCK: usize = 4 * TILE;

/// The weights of the recurrence, laid out for the kernel.
pub struct Recurrence {
    hidden: usize,
    by_input: Vec<f32>,
}

impl Recurrence {
    /// From `[4 * hidden, hidden]`, the gates one below the other.
    pub fn new(weights: &[f32], hidden: usize) -> Self {
        let padded = hidden.next_multiple_of(TILE);
        let mut by_input = vec![0.0; hidden * 4 * padded];
        for (row, from) in weights.chunks_exact(hidden).enumerate() {
            let place = row / hidden * padded + row % hidden;
            from.iter().enumerate().for_each(|(k, &w)| by_input[k * 4 * padded + place] = w);
        }
        Self { hidden, by_input }
    }
}

entry! {
    /// `x` is `[rows, 4 * hidden]`, `out` `[rows, hidden]`; `offsets` bound the items, each of which begins with a state of zeros.
    pub fn lstm(x: &[f32], offsets: &[u32], weights: &Recurrence, out: &mut [f32]) = body
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn body<S: Simd>(x: &[f32], offsets: &[u32], weights: &Recurrence, out: &mut [f32]) {
    let hidden = weights.hidden;
    let padded = hidden.next_multiple_of(TILE);
    let rows = offsets.last().copied().unwrap_or(0) as usize;
    assert!(x.len() == rows * 4 * hidden && out.len() == rows * hidden);
    let (mut gates, mut state, mut cell) = (vec![0.0f32; 4 * padded], vec![0.0f32; padded], vec![0.0f32; padded]);
    for bounds in offsets.windows(2) {
        cell.fill(0.0);
        for row in bounds[0] as usize..bounds[1] as usize {
            let from = &x[row * 4 * hidden..(row + 1) * 4 * hidden];
            gates.chunks_exact_mut(padded).zip(from.chunks_exact(hidden)).for_each(|(gate, from)| gate[..hidden].copy_from_slice(from));
            // SAFETY: all of them are whole tiles.
            unsafe {
                if row > bounds[0] as usize {
                    add_product::<S>(&mut gates, &weights.by_input, &state[..hidden]);
                }
                turn::<S>(&gates, &mut state, &mut cell);
            }
            out[row * hidden..(row + 1) * hidden].copy_from_slice(&state[..hidden]);
        }
    }
}

/// `gates[j] += sum over k of weights[k][j] * state[k]`.
///
/// # Safety
/// As [`Simd`]; `gates` is a whole number of blocks long, `weights` as many a number of the state.
#[inline(always)]
unsafe fn add_product<S: Simd>(gates: &mut [f32], weights: &[f32], state: &[f32]) {
    let width = gates.len();
    // SAFETY: first + BLOCK <= width, k below the state's length.
    unsafe {
        for first in (0..width).step_by(BLOCK) {
            let vectors = BLOCK / S::LANES;
            let to = gates.as_mut_ptr().add(first);
            let mut sums = [S::splat(0.0); BLOCK / 4];
            (0..vectors).for_each(|v| sums[v] = S::load(to.add(v * S::LANES)));
            for (k, &h) in state.iter().enumerate() {
                let from = weights.as_ptr().add(k * width + first);
                let h = S::splat(h);
                for (v, sum) in sums.iter_mut().enumerate().take(vectors) {
                    *sum = S::mul_add(h, S::load(from.add(v * S::LANES)), *sum);
                }
            }
            (0..vectors).for_each(|v| S::store(to.add(v * S::LANES), sums[v]));
        }
    }
}

/// `c = sigmoid(f) c + sigmoid(i) tanh(g)`, `h = sigmoid(o) tanh(c)`.
///
/// # Safety
/// As [`Simd`]; `gates` is four times as long as `state` and `cell`, which are whole tiles.
#[inline(always)]
unsafe fn turn<S: Simd>(gates: &[f32], state: &mut [f32], cell: &mut [f32]) {
    let padded = state.len();
    // SAFETY: at + LANES <= padded.
    unsafe {
        for at in (0..padded).step_by(S::LANES) {
            let gate = |which: usize| S::load(gates.as_ptr().add(which * padded + at));
            let [input, forget, output] = sigmoid::<S, 3>([gate(0), gate(1), gate(3)]);
            let [news] = tanh::<S, 1>([gate(2)]);
            let c = S::mul_add(forget, S::load(cell.as_ptr().add(at)), S::mul(input, news));
            S::store(cell.as_mut_ptr().add(at), c);
            let [open] = tanh::<S, 1>([c]);
            S::store(state.as_mut_ptr().add(at), S::mul(output, open));
        }
    }
}
