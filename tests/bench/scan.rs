//! How fast the exact scan goes, against a plain streaming read of the same bytes: `cargo bench --bench scan`.
//!
//! One thread. Prints one JSON object a size; the bar is a ratio of at most 1.3 at 1M x 384.

use std::hint::black_box;
use std::time::Instant;

use palate::math::scan::{Query, scan};

const DIM: usize = 384;
const ROUNDS: usize = 15;

fn main() {
    for rows in [10_000, 100_000, 1_000_000] {
        let bytes: Vec<u8> = (0..rows * DIM).map(|at| ((at as u32).wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let scales = vec![0.001f32; rows];
        let query: Vec<f32> = (0..DIM).map(|at| (at as f32).sin()).collect();
        let query = Query::new(&query);
        let mut scores = vec![0f32; rows];
        let (mut read, mut scanned) = (Vec::new(), Vec::new());
        // Interleaved, so that both meet the same neighbors on a shared machine.
        for _ in 0..ROUNDS {
            let start = Instant::now();
            black_box(stream(black_box(&bytes)));
            read.push(start.elapsed().as_secs_f64() * 1e3);
            let start = Instant::now();
            scan(black_box(&bytes), black_box(&scales), &query, black_box(&mut scores));
            scanned.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let (read, scanned) = (median(read), median(scanned));
        println!(
            "{{\"rows\": {rows}, \"dim\": {DIM}, \"read_ms\": {read:.3}, \"scan_ms\": {scanned:.3}, \"ratio\": {:.3}, \"read_gb_s\": {:.1}}}",
            scanned / read,
            bytes.len() as f64 / read / 1e6
        );
    }
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
