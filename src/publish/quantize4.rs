//! Weights to four bits, a scale for every 16 inputs ([`crate::compute::int4`]).
//!
//! Of each group the scale is searched that loses least, numbers weighed by the energy of their inputs. The number that is
//! largest becomes -8, so that all sixteen levels are used (the rule of GGML's Q4_0). The rounding is GPTQ's, as for int8.

use half::f16;
use rayon::prelude::*;

use super::quantize::Calibration;
use crate::compute::int4::GROUP;

/// A four-bit matrix `[rows, cols]`.
pub struct Quantized4 {
    /// From -8 to 7, row-major; 0 in the outlier columns.
    pub q: Vec<i8>,
    /// Bits of half-precision numbers, `[rows, groups]`.
    pub scales: Vec<u16>,
    /// Input columns kept apart in int8, ascending: what rounding them to four bits would lose, their energy multiplies.
    pub outliers: Vec<u32>,
    /// Their weights `[rows, outliers]` and scales `[rows]`.
    pub apart: Vec<i8>,
    pub apart_scales: Vec<f32>,
}

/// A matrix that reads the inputs of a calibration.
pub fn quantize(calibration: &Calibration, weights: &[f32]) -> Quantized4 {
    let cols = calibration.energy().len();
    let outliers = calibration.outliers();
    let is_apart: Vec<bool> = (0..cols).map(|at| outliers.contains(&(at as u32))).collect();
    let row = |row: &[f32]| {
        let main: Vec<f32> = row.iter().zip(&is_apart).map(|(&v, &apart)| if apart { 0.0 } else { v }).collect();
        let halves = scales(&main, calibration.energy());
        let steps: Vec<f32> = halves.iter().map(|half| half.to_f32()).collect();
        let apart_scale = outliers.iter().fold(0.0f32, |most, &c| most.max(row[c as usize].abs())) / 127.0;
        let level = |_: usize, at: usize| if is_apart[at] { (apart_scale, -127.0, 127.0) } else { (steps[at / GROUP], -8.0, 7.0) };
        let mut q = calibration.round(&[row], level).pop().unwrap_or_default();
        let apart: Vec<i8> = outliers.iter().map(|&c| std::mem::take(&mut q[c as usize])).collect();
        (q, halves, apart, apart_scale)
    };
    let rows: Vec<_> = weights.par_chunks_exact(cols).map(row).collect();
    Quantized4 {
        q: rows.iter().flat_map(|row| &row.0).copied().collect(),
        scales: rows.iter().flat_map(|row| &row.1).map(|half| half.to_bits()).collect(),
        outliers: outliers.to_vec(),
        apart: rows.iter().flat_map(|row| &row.2).copied().collect(),
        apart_scales: rows.iter().map(|row| row.3).collect(),
    }
}

/// A table: every column matters as much as the next.
pub fn quantize_rows(values: &[f32], cols: usize) -> Quantized4 {
    let even = vec![1.0; cols];
    let rows: Vec<(Vec<i8>, Vec<f16>)> = values
        .par_chunks_exact(cols)
        .map(|row| {
            let halves = scales(row, &even);
            (row.iter().enumerate().map(|(at, &v)| level(v, halves[at / GROUP].to_f32())).collect(), halves)
        })
        .collect();
    Quantized4 {
        q: rows.iter().flat_map(|(q, _)| q).copied().collect(),
        scales: rows.iter().flat_map(|(_, halves)| halves).map(|half| half.to_bits()).collect(),
        outliers: Vec::new(),
        apart: Vec::new(),
        apart_scales: Vec::new(),
    }
}

/// The scales of a row's groups.
fn scales(row: &[f32], energy: &[f64]) -> Vec<f16> {
    row.chunks(GROUP).zip(energy.chunks(GROUP)).map(|(group, energy)| scale(group, energy)).collect()
}

/// The scale of a group that loses least.
fn scale(group: &[f32], energy: &[f64]) -> f16 {
    let largest = group.iter().fold(0.0f32, |most, &v| if v.abs() > most.abs() { v } else { most });
    let loss = |half: f16| -> f64 {
        let scale = half.to_f32();
        group.iter().zip(energy).map(|(&v, e)| f64::from(f32::from(level(v, scale)) * scale - v).powi(2) * e).sum()
    };
    let candidates = (0..28).map(|at| f16::from_f32(-largest / 8.0 * (0.65 + at as f32 * 0.0175)));
    candidates.min_by(|&a, &b| loss(a).total_cmp(&loss(b))).unwrap_or(f16::ZERO)
}

fn level(v: f32, scale: f32) -> i8 {
    if scale == 0.0 { 0 } else { (v / scale).round_ties_even().clamp(-8.0, 7.0) as i8 }
}
