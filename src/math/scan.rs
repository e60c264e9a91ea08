//! Exact scan: the cosine of one query with every int8 row of a matrix.
//!
//! Not here: the machine's own instructions ([`super::simd::rows`]) and which rows are wanted (`index`).
//!
//! A row v of unit length is stored as q = round(127 v / max|v|) with one scale s = 1 / |q|, so that s q has unit
//! length again and the scan gives true cosines of the stored rows. The query x is held as p = round(t x), 16 bits;
//! t is as large as 16 bits allow and small enough that 127 sum|p| < 2^31, so no sum of any order overflows.
//! Then cos(x, v) = (s / (t |x|)) sum p q, whose sum is exact: the same score on every device.

use super::simd::rows::dot_rows;

/// Rows scored at a time, so that their integer sums stay in the nearest cache.
const BLOCK: usize = 512;
/// Bytes of rows that several queries are scored against before the next rows are looked at: they stay in a near cache.
const NEAR: usize = 64 << 10;

/// A vector as an int8 row and its scale; zeros (scale 0) where it has no direction (zero, NaN or infinite).
pub fn quantize_row(vector: &[f32]) -> (Vec<i8>, f32) {
    let max = vector.iter().fold(0f32, |m, v| m.max(v.abs()));
    if max == 0.0 || !vector.iter().all(|v| v.is_finite()) {
        return (vec![0; vector.len()], 0.0);
    }
    let row: Vec<i8> = vector.iter().map(|v| (f64::from(*v) * 127.0 / f64::from(max)).round() as i8).collect();
    let squares: i64 = row.iter().map(|&q| i64::from(q) * i64::from(q)).sum();
    (row, (1.0 / (squares as f64).sqrt()) as f32)
}

/// A query at 16 bits, ready to be scanned with.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    values: Vec<i16>,
    /// 1 / (t |x|): what turns an integer sum times a row's scale into a cosine.
    scale: f32,
}

impl Query {
    /// From a vector of any length but zero; one without direction scores 0 everywhere.
    pub fn new(vector: &[f32]) -> Self {
        let max = vector.iter().fold(0f64, |m, v| m.max(f64::from(v.abs())));
        if max == 0.0 || !vector.iter().all(|v| v.is_finite()) {
            return Self { values: vec![0; vector.len()], scale: 0.0 };
        }
        let sum: f64 = vector.iter().map(|v| f64::from(v.abs())).sum();
        // Rounding adds at most 1/2 a number; the bound leaves room for it.
        let room = f64::from(i32::MAX) / 127.0 - vector.len() as f64;
        let t = (f64::from(i16::MAX) / max).min(room / sum);
        let values = vector.iter().map(|&v| (f64::from(v) * t).round() as i16).collect();
        let norm = vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        Self { values, scale: (1.0 / (t * norm)) as f32 }
    }

    /// Its numbers.
    pub fn values(&self) -> &[i16] {
        &self.values
    }

    /// The cosine with a row of this scale, from the sum of products of the numbers.
    #[inline(always)]
    pub fn score(&self, sum: i32, scale: f32) -> f32 {
        sum as f32 * (scale * self.scale)
    }

    /// Numbers in it.
    pub fn dim(&self) -> usize {
        self.values.len()
    }
}

/// Writes the cosine of `query` with each row to `scores`.
///
/// `rows`: `[n, dim]` int8 (as raw bytes), row-major; `scales`: `[n]`; `scores`: `[n]`. What does not fit the shortest
/// of the three is left alone.
pub fn scan(rows: &[u8], scales: &[f32], query: &Query, scores: &mut [f32]) {
    let dim = query.dim();
    if dim == 0 {
        return;
    }
    let mut sums = [0i32; BLOCK];
    let blocks = rows.chunks(BLOCK * dim).zip(scales.chunks(BLOCK)).zip(scores.chunks_mut(BLOCK));
    for ((rows, scales), scores) in blocks {
        let n = (rows.len() / dim).min(scales.len()).min(scores.len());
        dot_rows(&rows[..n * dim], &query.values, &mut sums[..n]);
        for ((score, &sum), &scale) in scores.iter_mut().zip(&sums[..n]).zip(scales) {
            *score = query.score(sum, scale);
        }
    }
}

/// As [`scan`] over rows that are held as numbers.
pub fn scan_signed(rows: &[i8], scales: &[f32], query: &Query, scores: &mut [f32]) {
    // SAFETY: an i8 and a u8 have the same size and alignment, and every pattern of bits is one of either.
    let bytes = unsafe { std::slice::from_raw_parts(rows.as_ptr().cast::<u8>(), rows.len()) };
    scan(bytes, scales, query, scores);
}

/// As [`scan`] for several queries of one dimension, each into its own of `scores`; the rows are read from memory once.
pub fn scan_many(rows: &[u8], scales: &[f32], queries: &[Query], scores: &mut [&mut [f32]]) {
    let Some(dim) = queries.first().map(Query::dim).filter(|&dim| dim > 0) else { return };
    let near = (NEAR / dim).max(1);
    for (part, (rows, scales)) in rows.chunks(near * dim).zip(scales.chunks(near)).enumerate() {
        for (query, scores) in queries.iter().zip(scores.iter_mut()) {
            let start = (part * near).min(scores.len());
            scan(rows, scales, query, &mut scores[start..]);
        }
    }
}
