//! The kernels for 64-bit ARM, where NEON is always there.

use std::arch::aarch64::*;

use super::portable;

/// See [`super::dot_rows`].
pub fn dot_rows(rows: &[u8], query: &[i16], sums: &mut [i32]) {
    let dim = query.len();
    let whole = dim / 16 * 16;
    if whole == 0 {
        return portable::dot_rows(rows, query, sums);
    }
    for (row, sum) in rows.chunks_exact(dim).zip(sums) {
        // SAFETY: NEON belongs to the baseline of aarch64; at + 16 <= dim for the row and the query.
        let head = unsafe {
            let mut acc = [vdupq_n_s32(0); 4];
            for at in (0..whole).step_by(16) {
                let q = vld1q_s8(row.as_ptr().add(at).cast());
                let (low, high) = (vmovl_s8(vget_low_s8(q)), vmovl_s8(vget_high_s8(q)));
                let p = vld1q_s16(query.as_ptr().add(at));
                let r = vld1q_s16(query.as_ptr().add(at + 8));
                acc[0] = vmlal_s16(acc[0], vget_low_s16(low), vget_low_s16(p));
                acc[1] = vmlal_s16(acc[1], vget_high_s16(low), vget_high_s16(p));
                acc[2] = vmlal_s16(acc[2], vget_low_s16(high), vget_low_s16(r));
                acc[3] = vmlal_s16(acc[3], vget_high_s16(high), vget_high_s16(r));
            }
            vaddvq_s32(vaddq_s32(vaddq_s32(acc[0], acc[1]), vaddq_s32(acc[2], acc[3])))
        };
        *sum = head.wrapping_add(portable::dot(&row[whole..], &query[whole..]));
    }
}
