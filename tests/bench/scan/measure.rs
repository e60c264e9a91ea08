//! The exact scan against a plain streaming read of the same bytes, whatever tells the time.

use std::hint::black_box;

use palate::math::scan::{Query, scan};

/// Numbers of a row.
pub const DIM: usize = 384;
/// Rows of the catalogs that are measured; the bar is a ratio of at most 1.3 for the largest.
pub const ROWS: [usize; 3] = [10_000, 100_000, 1_000_000];

/// Medians over rounds, times in milliseconds.
pub struct Measured {
    pub read: f64,
    pub scan: f64,
    /// Scan over read, round by round, so that a neighbor's burst spoils a round and not the ratio.
    pub ratio: f64,
}

/// One thread, interleaved, so that both meet the same neighbors on a shared machine. `now` gives milliseconds.
pub fn measure(rows: usize, rounds: usize, now: impl Fn() -> f64) -> Measured {
    let bytes: Vec<u8> = (0..rows * DIM).map(|at| ((at as u32).wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let scales = vec![0.001f32; rows];
    let query: Vec<f32> = (0..DIM).map(|at| (at as f32).sin()).collect();
    let query = Query::new(&query);
    let mut scores = vec![0f32; rows];
    let (mut read, mut scanned) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = now();
        black_box(stream(black_box(&bytes)));
        read.push(now() - start);
        let start = now();
        scan(black_box(&bytes), black_box(&scales), &query, black_box(&mut scores));
        scanned.push(now() - start);
    }
    let ratio = median(read.iter().zip(&scanned).map(|(read, scanned)| scanned / read).collect());
    Measured { read: median(read), scan: median(scanned), ratio }
}

/// A plain read: the sum of all bytes as 64-bit words, eight sums side by side.
fn stream(bytes: &[u8]) -> u64 {
    let mut sums = [0u64; 8];
    for line in bytes.chunks_exact(64) {
        for (sum, word) in sums.iter_mut().zip(line.chunks_exact(8)) {
            let mut eight = [0u8; 8];
            eight.copy_from_slice(word);
            *sum = sum.wrapping_add(u64::from_le_bytes(eight));
        }
    }
    sums.iter().fold(0, |sum, s| sum.wrapping_add(*s))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
