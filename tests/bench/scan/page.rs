//! The same as a module for the browser (`scan.mjs`). Never part of the package.

#![cfg(target_arch = "wasm32")]

mod fold;
mod measure;

use fold::{DIMS, fold};
use js_sys::Function;
use measure::{Measured, ROWS, measure};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Rows of the catalogs that are measured.
#[wasm_bindgen]
pub fn sizes() -> Vec<u32> {
    ROWS.map(|rows| rows as u32).to_vec()
}

/// Milliseconds of the read and of the scan, and the ratio; `now` gives milliseconds.
#[wasm_bindgen]
pub fn times(rows: u32, rounds: u32, now: &Function) -> Vec<f64> {
    let Measured { read, scan, ratio } = measure(rows as usize, rounds as usize, clock(now));
    vec![read, scan, ratio]
}

/// Dimensions that the fold-in is measured in.
#[wasm_bindgen]
pub fn dims() -> Vec<u32> {
    DIMS.map(|dim| dim as u32).to_vec()
}

/// Milliseconds of each of so many fold-ins, the least first; `now` gives milliseconds.
#[wasm_bindgen]
pub fn folds(dim: u32, rounds: u32, now: &Function) -> Vec<f64> {
    fold(dim as usize, rounds as usize, clock(now))
}

fn clock(now: &Function) -> impl Fn() -> f64 + '_ {
    || now.call0(&JsValue::NULL).ok().and_then(|ms| ms.as_f64()).unwrap_or(f64::NAN)
}
