//! How fast the exact scan goes natively: `cargo bench --bench scan`; `-- fold`: iALS's fold-in. In Chromium: `node tests/bench/scan.mjs`.
//!
//! Prints one JSON object a size.

mod fold;
mod measure;

use std::time::Instant;

use fold::{DIMS, fold};
use measure::{DIM, Measured, ROWS, measure};

fn main() {
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64() * 1e3;
    if std::env::args().any(|argument| argument == "fold") {
        for dim in DIMS {
            let times = fold(dim, 200, now);
            println!("{{\"fold_in\": \"1000 events\", \"dim\": {dim}, \"least_ms\": {:.3}, \"ms\": {:.3}, \"p95\": {:.3}}}", times[0], times[100], times[190]);
        }
        return;
    }
    for rows in ROWS {
        let Measured { read, scan, ratio } = measure(rows, 15, now);
        let speed = (rows * DIM) as f64 / read / 1e6;
        println!("{{\"rows\": {rows}, \"dim\": {DIM}, \"read_ms\": {read:.3}, \"scan_ms\": {scan:.3}, \"ratio\": {ratio:.3}, \"read_gb_s\": {speed:.1}}}");
    }
}
