//! The exact scan against plain f64 loops, and the machine's kernels against the portable ones.

use palate::math::scan::{Query, quantize_row, scan, scan_many};
use palate::math::simd::rows::{dot_rows, portable};

use crate::catalogs::Seeded;

/// Largest difference from the cosine in f64 of the stored rows: the query's 16 bits and f32's rounding.
const TOLERANCE: f64 = 5e-5;
/// Largest difference from the cosine of the vectors before they were stored at 8 bits.
const STORED: f64 = 0.02;

/// Dimensions around every boundary of the kernels.
const DIMS: [usize; 14] = [1, 2, 7, 15, 16, 17, 31, 32, 33, 64, 100, 383, 384, 1000];

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
    let norms = (a.iter().map(|x| x * x).sum::<f64>() * b.iter().map(|x| x * x).sum::<f64>()).sqrt();
    if norms == 0.0 { 0.0 } else { dot / norms }
}

#[test]
fn scan_gives_the_cosine_of_the_stored_rows() {
    let mut chance = Seeded(11);
    for dim in DIMS {
        for n in [1, 2, 3, 4, 5, 8, 513, 1030] {
            let vectors: Vec<Vec<f32>> = (0..n).map(|_| chance.vector(dim)).collect();
            let (rows, scales): (Vec<Vec<i8>>, Vec<f32>) = vectors.iter().map(|v| quantize_row(v)).unzip();
            let bytes: Vec<u8> = rows.iter().flatten().map(|&q| q as u8).collect();
            let query: Vec<f32> = chance.vector(dim).iter().map(|x| x * 1000.0).collect();
            let wide: Vec<f64> = query.iter().map(|&x| f64::from(x)).collect();
            let mut scores = vec![f32::NAN; n];
            scan(&bytes, &scales, &Query::new(&query), &mut scores);
            for at in 0..n {
                let stored: Vec<f64> = rows[at].iter().map(|&q| f64::from(q)).collect();
                let exact = cosine(&wide, &stored);
                assert!((f64::from(scores[at]) - exact).abs() <= TOLERANCE, "dim {dim}, row {at}: {} for {exact}", scores[at]);
                let before: Vec<f64> = vectors[at].iter().map(|&x| f64::from(x)).collect();
                assert!((f64::from(scores[at]) - cosine(&wide, &before)).abs() <= STORED, "dim {dim}, row {at}");
            }
        }
    }
}

#[test]
fn scan_never_overflows_at_the_largest_sums() {
    for dim in [384, 4096, 65_536] {
        for sign in [1.0f32, -1.0] {
            let (row, scale) = quantize_row(&vec![1.0; dim]);
            let bytes: Vec<u8> = row.iter().map(|&q| q as u8).collect();
            let mut score = [0f32];
            scan(&bytes, &[scale], &Query::new(&vec![sign * 3e30; dim]), &mut score);
            assert!((score[0] - sign).abs() <= 1e-4, "dim {dim}: {}", score[0]);
        }
    }
}

#[test]
fn scan_kernels_equal_the_portable_one() {
    let mut chance = Seeded(12);
    for dim in DIMS {
        for n in [0, 1, 3, 4, 6, 9] {
            // Every byte, -128 too, and queries up to what Query may hold.
            let rows: Vec<u8> = (0..n * dim).map(|_| chance.next() as u8).collect();
            let most = (i32::MAX / 128 / dim as i32).min(i32::from(i16::MAX));
            let query: Vec<i16> = (0..dim).map(|_| (chance.signed() * most as f32) as i16).collect();
            let (mut fast, mut plain) = (vec![7; n], vec![9; n]);
            dot_rows(&rows, &query, &mut fast);
            portable::dot_rows(&rows, &query, &mut plain);
            assert_eq!(fast, plain, "dim {dim}, {n} rows");
        }
    }
}

#[test]
fn scan_of_vectors_without_direction_scores_zero() {
    for bad in [vec![0.0; 8], vec![f32::NAN; 8], [vec![f32::INFINITY], vec![1.0; 7]].concat()] {
        assert_eq!(quantize_row(&bad), (vec![0; 8], 0.0));
        let (row, scale) = quantize_row(&[1.0; 8]);
        let bytes: Vec<u8> = row.iter().map(|&q| q as u8).collect();
        let mut score = [f32::NAN];
        scan(&bytes, &[scale], &Query::new(&bad), &mut score);
        assert_eq!(score, [0.0]);
    }
}

#[test]
fn scan_of_tiny_and_huge_numbers_keeps_the_direction() {
    for size in [1e-38f32, 1e-20, 1.0, 1e30] {
        let vector: Vec<f32> = [0.5f32, -1.0, 0.25].iter().map(|x| x * size).collect();
        let (row, scale) = quantize_row(&vector);
        assert_eq!(row, vec![64, -127, 32], "{size}");
        let bytes: Vec<u8> = row.iter().map(|&q| q as u8).collect();
        let mut score = [0f32];
        scan(&bytes, &[scale], &Query::new(&vector), &mut score);
        assert!((score[0] - 1.0).abs() < 1e-4, "{size}: {}", score[0]);
    }
}

#[test]
fn scan_of_many_queries_gives_what_each_gives_alone() {
    let mut chance = Seeded(21);
    for dim in [1, 16, 33, 384] {
        for n in [0usize, 1, 170, 5000] {
            let (rows, scales): (Vec<Vec<i8>>, Vec<f32>) = (0..n).map(|_| quantize_row(&chance.vector(dim))).unzip();
            let bytes: Vec<u8> = rows.iter().flatten().map(|&q| q as u8).collect();
            let queries: Vec<Query> = (0..3).map(|_| Query::new(&chance.vector(dim))).collect();
            let mut together = vec![vec![f32::NAN; n]; 3];
            scan_many(&bytes, &scales, &queries, &mut together.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
            for (query, together) in queries.iter().zip(together) {
                let mut alone = vec![f32::NAN; n];
                scan(&bytes, &scales, query, &mut alone);
                assert!(alone.iter().zip(&together).all(|(a, b)| a.to_bits() == b.to_bits()), "dim {dim}, {n} rows");
            }
        }
    }
    scan_many(&[], &[], &[], &mut []);
}
