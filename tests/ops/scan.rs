//! The scan of int8 rows on a GPU: the processor's scores to the bit.

use std::rc::Rc;

use palate::compute::webgpu::GpuScan;
use palate::math::rng::Rng;
use palate::math::scan::{Query, scan};
use palate::platform::native::wait;

use super::Numbers;
use super::webgpu::gpu;

#[test]
fn scan_on_the_gpu_gives_the_processors_scores_to_the_bit() {
    let Some(gpu) = gpu() else { return };
    let mut rng = Rng::new(7);
    for (dim, blocks, most) in [(1, vec![1], 9), (3, vec![7, 0, 2], 100), (16, vec![8], 8), (17, vec![5, 13, 30], 13), (100, vec![257], 64), (384, vec![1000, 23], 1 << 20), (1023, vec![9, 8], 9)] {
        let blocks: Vec<Vec<u8>> = blocks.iter().map(|&rows: &usize| (0..rows * dim).map(|_| rng.below(256) as u8).collect()).collect();
        let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        let on_gpu = wait(GpuScan::in_parts(Rc::clone(&gpu), dim, &slices, most)).unwrap();
        let rows = slices.concat();
        let n = rows.len() / dim;
        assert_eq!(on_gpu.rows(), n);
        let scales: Vec<f32> = (0..n).map(|_| rng.unit() as f32 + 0.01).collect();
        for seed in [1, 2] {
            let query = Query::new(&Numbers(seed).take(dim));
            let sums = wait(on_gpu.sums(&query)).unwrap();
            let exact = |row: &[u8]| row.iter().zip(query.values()).map(|(&r, &q)| i64::from(r as i8) * i64::from(q)).sum::<i64>();
            let expected: Vec<i64> = rows.chunks_exact(dim).map(exact).collect();
            assert_eq!(sums.iter().map(|&sum| i64::from(sum)).collect::<Vec<_>>(), expected, "{n} rows of {dim}");
            let mut scores = vec![0f32; n];
            scan(&rows, &scales, &query, &mut scores);
            let found: Vec<f32> = sums.iter().zip(&scales).map(|(&sum, &scale)| query.score(sum, scale)).collect();
            assert_eq!(found, scores);
        }
    }
}

#[test]
fn scan_on_the_gpu_does_not_overflow_at_the_extremes() {
    let Some(gpu) = gpu() else { return };
    for dim in [384, 4096] {
        let rows: Vec<u8> = (0..4 * dim).map(|at| if at / dim % 2 == 0 { 127 } else { 129 }).collect();
        let on_gpu = wait(GpuScan::new(Rc::clone(&gpu), dim, &[&rows])).unwrap();
        for sign in [1.0, -1.0] {
            let query = Query::new(&vec![sign; dim]);
            let sums = wait(on_gpu.sums(&query)).unwrap();
            let one = i64::from(query.values()[0]) * dim as i64;
            assert_eq!(sums.iter().map(|&sum| i64::from(sum)).collect::<Vec<_>>(), [127 * one, -127 * one, 127 * one, -127 * one]);
        }
    }
}

#[test]
fn scan_on_the_gpu_refuses_what_does_not_fit() {
    let Some(gpu) = gpu() else { return };
    assert!(wait(GpuScan::new(Rc::clone(&gpu), 4, &[&[0; 7]])).is_err());
    let empty = wait(GpuScan::new(Rc::clone(&gpu), 4, &[])).unwrap();
    assert_eq!(wait(empty.sums(&Query::new(&[1.0; 4]))).unwrap(), Vec::<i32>::new());
    assert_eq!(wait(empty.sums(&Query::new(&[1.0; 3]))).err().unwrap().code(), "mismatch");
}
