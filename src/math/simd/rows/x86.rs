//! The kernels for x86-64 with AVX2.

use std::arch::x86_64::*;

use super::portable;

/// How far ahead rows are fetched, in bytes: the processor's own prefetchers stop at every page.
const AHEAD: usize = 4096;

/// See [`super::dot_rows`]: four rows at a time share the loads of the query.
#[target_feature(enable = "avx2")]
pub fn dot_rows(rows: &[u8], query: &[i16], sums: &mut [i32]) {
    let dim = query.len();
    let whole = dim / 16 * 16;
    if whole == 0 {
        return portable::dot_rows(rows, query, sums);
    }
    let mut fours = sums.chunks_exact_mut(4);
    let mut blocks = rows.chunks_exact(4 * dim);
    for (four, block) in (&mut fours).zip(&mut blocks) {
        for line in (0..4 * dim).step_by(64) {
            // A prefetch past the end is nothing to the processor.
            _mm_prefetch::<_MM_HINT_T0>(block.as_ptr().wrapping_add(AHEAD + line).cast());
        }
        let mut acc = [_mm256_setzero_si256(); 4];
        for at in (0..whole).step_by(16) {
            // SAFETY: at + 16 <= dim, and every row of the block has dim bytes, the query dim numbers.
            unsafe {
                let p = _mm256_loadu_si256(query.as_ptr().add(at).cast());
                for (r, acc) in acc.iter_mut().enumerate() {
                    let q = _mm_loadu_si128(block.as_ptr().add(r * dim + at).cast());
                    *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(_mm256_cvtepi8_epi16(q), p));
                }
            }
        }
        // Two rounds of pairwise sums leave row r in lane r of both halves.
        let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(acc[0], acc[1]), _mm256_hadd_epi32(acc[2], acc[3]));
        let total = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
        // SAFETY: `four` has four i32, 16 bytes.
        unsafe { _mm_storeu_si128(four.as_mut_ptr().cast(), total) };
        if whole < dim {
            for (r, sum) in four.iter_mut().enumerate() {
                *sum = sum.wrapping_add(portable::dot(&block[r * dim + whole..(r + 1) * dim], &query[whole..]));
            }
        }
    }
    portable::dot_rows(blocks.remainder(), query, fours.into_remainder());
}
