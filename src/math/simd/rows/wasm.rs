//! The kernels for WebAssembly with simd128, which both of our modules have.

use std::arch::wasm32::*;

use super::portable;

/// Bytes of a row that one step takes.
const STEP: usize = 32;

/// See [`super::dot_rows`].
///
/// Two rows at a time share the loads of the query. More rows side by side are no faster while the rows are cached, and
/// half as fast when they come from memory: there is no prefetch instruction, and the processor's own wants few streams.
pub fn dot_rows(rows: &[u8], query: &[i16], sums: &mut [i32]) {
    let dim = query.len();
    let whole = dim / STEP * STEP;
    if whole == 0 {
        return portable::dot_rows(rows, query, sums);
    }
    let mut twos = sums.chunks_exact_mut(2);
    let mut blocks = rows.chunks_exact(2 * dim);
    for (two, block) in (&mut twos).zip(&mut blocks) {
        let (first, second) = block.split_at(dim);
        let (mut a, mut b) = (i32x4_splat(0), i32x4_splat(0));
        for at in (0..whole).step_by(STEP) {
            // SAFETY: at + STEP <= dim, and both rows have dim bytes, the query dim numbers.
            unsafe {
                let (p, q, r) = (query.as_ptr().add(at), first.as_ptr().add(at), second.as_ptr().add(at));
                for half in [0, STEP / 2] {
                    let low = v128_load(p.add(half).cast());
                    let high = v128_load(p.add(half + 8).cast());
                    a = i32x4_add(a, i32x4_add(eight(q.add(half), low), eight(q.add(half + 8), high)));
                    b = i32x4_add(b, i32x4_add(eight(r.add(half), low), eight(r.add(half + 8), high)));
                }
            }
        }
        two[0] = total(a).wrapping_add(portable::dot(&first[whole..], &query[whole..]));
        two[1] = total(b).wrapping_add(portable::dot(&second[whole..], &query[whole..]));
    }
    portable::dot_rows(blocks.remainder(), query, twos.into_remainder());
}

/// Four sums of two products each of the eight bytes at `row`. A widening load is one instruction where a load and two
/// extensions are three.
///
/// # Safety
/// Eight bytes can be read at `row`.
#[inline(always)]
unsafe fn eight(row: *const u8, query: v128) -> v128 {
    // SAFETY: as above.
    unsafe { i32x4_dot_i16x8(i16x8_load_extend_i8x8(row.cast()), query) }
}

fn total(sums: v128) -> i32 {
    let pairs = i32x4_add(sums, i32x4_shuffle::<2, 3, 0, 1>(sums, sums));
    i32x4_extract_lane::<0>(pairs).wrapping_add(i32x4_extract_lane::<1>(pairs))
}
