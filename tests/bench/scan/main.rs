//! How fast the exact scan goes natively: `cargo bench --bench scan`. In Chromium: `node tests/bench/scan.mjs`.
//!
//! Prints one JSON object a size.

mod measure;

use std::time::Instant;

use measure::{DIM, Measured, ROWS, measure};

fn main() {
    let start = Instant::now();
    for rows in ROWS {
        let Measured { read, scan, ratio } = measure(rows, 15, || start.elapsed().as_secs_f64() * 1e3);
        let speed = (rows * DIM) as f64 / read / 1e6;
        println!("{{\"rows\": {rows}, \"dim\": {DIM}, \"read_ms\": {read:.3}, \"scan_ms\": {scan:.3}, \"ratio\": {ratio:.3}, \"read_gb_s\": {speed:.1}}}");
    }
}
