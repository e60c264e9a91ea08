//! Weights to int8.

use palate::compute::cpu::linear::pack::{CHAIN_LIMIT, chain_excess};
use palate::publish::quantize::{Calibration, Quantized};

use crate::ops::Numbers;

/// The numbers that a quantized row stands for.
fn numbers(found: &Quantized, row: usize, columns: usize) -> Vec<f32> {
    let scale = |c: usize| if found.outliers.contains(&(c as u32)) { found.outlier_scales[row] } else { found.scales[row] };
    (0..columns).map(|c| f32::from(found.q[row * columns + c]) * scale(c)).collect()
}

/// A checkpoint that was int8 before, with any step and largest integer, with outliers apart and without, loses nothing.
#[test]
fn quantize_keeps_weights_that_are_int8_already() {
    for columns in [3usize, 24, 96] {
        let mut random = Numbers(columns as u64);
        let calibration = Calibration::new(&random.take(200 * columns), columns);
        for (most, step) in [(1i32, 0.5f32), (14, 0.017_654_3), (63, 3.21e-4), (127, 0.011)] {
            // Few large ones, so that no chain is too large.
            let mut row = |at: usize| if at == columns / 2 { most } else { (random.next() * most.min(25) as f32) as i32 };
            let weights: Vec<f32> = (0..columns).map(|at| row(at) as f32 * step).collect();
            let found = calibration.quantize(&weights);
            let largest = most as f32 * step;
            for (found, wanted) in numbers(&found, 0, columns).iter().zip(&weights) {
                assert!((found - wanted).abs() <= 1e-6 * largest, "{found} for {wanted}, steps of {step}");
            }
        }
    }
}

/// Any other weights take all levels, but for chains that would overflow; zeros stay zeros.
#[test]
fn quantize_takes_all_levels_of_other_weights() {
    let columns = 40;
    let mut random = Numbers(5);
    let calibration = Calibration::new(&random.take(200 * columns), columns);
    let weights: Vec<f32> = random.take(8 * columns).iter().map(|w| w.powi(7)).chain(vec![0.0; columns]).collect();
    let found = calibration.quantize(&weights);
    for (row, wanted) in weights.chunks_exact(columns).enumerate() {
        let q = &found.q[row * columns..(row + 1) * columns];
        assert!(chain_excess(q) <= CHAIN_LIMIT);
        let largest = wanted.iter().fold(0.0f32, |m, w| m.max(w.abs()));
        if largest == 0.0 {
            assert!(q.iter().all(|&q| q == 0));
            continue;
        }
        assert!(found.scales[row] >= 0.999 * largest / 127.0, "row {row}");
        if found.scales[row] <= 1.001 * largest / 127.0 {
            assert!(q.iter().any(|q| q.abs() >= 126), "row {row}");
        }
    }
}
