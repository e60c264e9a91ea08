//! The kernels for WebAssembly with simd128, which both of our modules have.

use std::arch::wasm32::*;

use super::portable;

/// See [`super::dot_rows`]: four rows at a time share the loads of the query.
pub fn dot_rows(rows: &[u8], query: &[i16], sums: &mut [i32]) {
    let dim = query.len();
    let whole = dim / 16 * 16;
    if whole == 0 {
        return portable::dot_rows(rows, query, sums);
    }
    let mut fours = sums.chunks_exact_mut(4);
    let mut blocks = rows.chunks_exact(4 * dim);
    for (four, block) in (&mut fours).zip(&mut blocks) {
        let mut acc = [i32x4_splat(0); 4];
        for at in (0..whole).step_by(16) {
            // SAFETY: at + 16 <= dim, and every row of the block has dim bytes, the query dim numbers.
            unsafe {
                let low = v128_load(query.as_ptr().add(at).cast());
                let high = v128_load(query.as_ptr().add(at + 8).cast());
                for (r, acc) in acc.iter_mut().enumerate() {
                    let q = block.as_ptr().add(r * dim + at);
                    // Two widening loads are one instruction each where a load and two extensions are three.
                    let first = i32x4_dot_i16x8(i16x8_load_extend_i8x8(q.cast()), low);
                    let second = i32x4_dot_i16x8(i16x8_load_extend_i8x8(q.add(8).cast()), high);
                    *acc = i32x4_add(*acc, i32x4_add(first, second));
                }
            }
        }
        for (r, (sum, acc)) in four.iter_mut().zip(acc).enumerate() {
            let pairs = i32x4_add(acc, i32x4_shuffle::<2, 3, 0, 1>(acc, acc));
            let head = i32x4_extract_lane::<0>(pairs).wrapping_add(i32x4_extract_lane::<1>(pairs));
            *sum = head.wrapping_add(portable::dot(&block[r * dim + whole..(r + 1) * dim], &query[whole..]));
        }
    }
    portable::dot_rows(blocks.remainder(), query, fours.into_remainder());
}
