//! Tests of `src/index` and of the scan that it rests on.

mod catalog;
mod scan;
