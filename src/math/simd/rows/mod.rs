//! Products of int8 rows with a 16-bit query, in the machine's own instructions, behind one safe function.
//!
//! Integer sums: every kernel gives exactly what the portable one gives. Not here: what the numbers mean.

pub mod portable;

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

/// Sums of products of each int8 row with an int16 query: `sums[i] = sum_j rows[i * dim + j] * query[j]`.
///
/// `rows`: `[n, dim]` int8 as raw bytes; `query`: `[dim]`; `sums`: `[n]`. The caller bounds the query so that
/// `127 * sum |query|` fits an i32. Sums wrap where it does not.
pub fn dot_rows(rows: &[u8], query: &[i16], sums: &mut [i32]) {
    assert!(rows.len() == query.len() * sums.len(), "rows, query and sums must fit");
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just detected.
        unsafe { x86::dot_rows(rows, query, sums) };
        return;
    }
    #[cfg(target_arch = "aarch64")]
    {
        neon::dot_rows(rows, query, sums);
        return;
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    {
        wasm::dot_rows(rows, query, sums);
        return;
    }
    #[cfg(not(any(target_arch = "aarch64", all(target_arch = "wasm32", target_feature = "simd128"))))]
    portable::dot_rows(rows, query, sums);
}
