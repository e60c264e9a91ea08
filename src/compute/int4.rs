//! Weights of four bits: how they are packed, and how they become the int8 that the processor multiplies by.
//!
//! A row is cut into groups of [`GROUP`] inputs, each with a scale of its own; a weight is its integer from -8 to 7 times that.
//! Two integers stand in a byte, the even column in the lower half, 8 added to each; a row begins with a byte of its own. Not
//! here: choosing the integers (`publish::quantize4`), the GPU's unpacking (`webgpu/linear.wgsl`).

use super::cpu::linear::pack::{CHAIN_LIMIT, chain_excess};

/// Inputs that share a scale.
pub const GROUP: usize = 16;

/// Integers `[rows, cols]` as bytes, `[rows, ceil(cols / 2)]`.
pub fn pack(q: &[i8], cols: usize) -> Vec<u8> {
    let nibble = |v: i8| (v + 8) as u8 & 15;
    q.chunks_exact(cols).flat_map(|row| row.chunks(2)).map(|pair| nibble(pair[0]) | nibble(pair.get(1).copied().unwrap_or(-8)) << 4).collect()
}

/// The integers of packed rows, `[rows, cols]`.
pub fn unpack(bytes: &[u8], cols: usize) -> Vec<i8> {
    let mut q = Vec::with_capacity(bytes.len() * 2);
    for row in bytes.chunks_exact(cols.div_ceil(2)) {
        let both = row.iter().flat_map(|byte| [byte & 15, byte >> 4]);
        q.extend(both.take(cols).map(|nibble| nibble as i8 - 8));
    }
    q
}

/// Groups of a row.
pub fn groups(cols: usize) -> usize {
    cols.div_ceil(GROUP)
}

/// The numbers of rows `[rows, cols]` with scales `[rows, groups]`.
pub fn numbers(q: &[i8], scales: &[f32], cols: usize) -> Vec<f32> {
    let rows = q.chunks_exact(cols).zip(scales.chunks_exact(groups(cols)));
    rows.flat_map(|(row, scales)| row.iter().enumerate().map(|(at, &v)| f32::from(v) * scales[at / GROUP])).collect()
}

/// Numbers as int8 `[rows, cols]` with one scale a row, and one more for the columns `outliers`, which are kept apart: what is
/// lost is a sixteenth of what four bits lost.
pub fn to_int8(numbers: &[f32], cols: usize, outliers: &[u32]) -> (Vec<i8>, Vec<f32>, Vec<f32>) {
    let apart: Vec<bool> = (0..cols).map(|at| outliers.binary_search(&(at as u32)).is_ok()).collect();
    let (mut q, mut scales, mut apart_scales) = (Vec::with_capacity(numbers.len()), Vec::new(), Vec::new());
    for row in numbers.chunks_exact(cols) {
        let largest = |which: bool| row.iter().zip(&apart).filter(|(_, apart)| **apart == which).fold(0.0f32, |m, (v, _)| m.max(v.abs()));
        let mut scale = largest(false) / 127.0;
        let apart_scale = largest(true) / 127.0;
        let round = |v: f32, scale: f32| if scale > 0.0 { (v / scale).round_ties_even() as i8 } else { 0 };
        let mut main: Vec<i8>;
        loop {
            main = row.iter().zip(&apart).map(|(&v, &apart)| if apart { 0 } else { round(v, scale) }).collect();
            let excess = chain_excess(&main);
            if excess <= CHAIN_LIMIT {
                break;
            }
            scale *= 1.002 * excess as f32 / CHAIN_LIMIT as f32;
        }
        q.extend(row.iter().zip(&apart).zip(main).map(|((&v, &apart), main)| if apart { round(v, apart_scale) } else { main }));
        scales.push(scale);
        apart_scales.push(apart_scale);
    }
    if outliers.is_empty() {
        apart_scales.clear();
    }
    (q, scales, apart_scales)
}
