//! The integer tile of AArch64: bytes multiplied to 16 bits, pairs added into 32.

use std::arch::aarch64::*;

use super::{Ahead, Kernel, TILE_COLS};
use crate::math::simd::{Simd, neon::Neon};

impl Kernel for Neon {
    const INTERLEAVE: usize = 4;
    const LEVELS: f32 = 127.0;
    type A = u8;
    type Row = [int32x4_t; 2];

    #[inline(always)]
    unsafe fn store_a(p: *mut u8, q: [Self::F; 4]) {
        unsafe { Self::store_u8(p, q) }
    }

    #[inline(always)]
    unsafe fn tile<const R: usize, const B: usize>(rows: [*const u8; R], w: [*const i8; B], k: usize, _chain: bool, _ahead: Ahead) -> [[Self::Row; B]; R] {
        // SAFETY: i + 4 <= k, and a block of weights has 8 * k of them; NEON is part of AArch64.
        unsafe {
            // Per row, block and pair of outputs: lanes [o k01, o k23, o' k01, o' k23].
            let mut acc = [[[vdupq_n_s32(0); 4]; B]; R];
            for i in (0..k).step_by(4) {
                for (b, w) in w.iter().enumerate() {
                    let w0 = vld1q_s8(w.add(i * TILE_COLS));
                    let w1 = vld1q_s8(w.add(i * TILE_COLS + 16));
                    let halves = [vget_low_s8(w0), vget_high_s8(w0), vget_low_s8(w1), vget_high_s8(w1)];
                    for (acc, row) in acc.iter_mut().zip(rows) {
                        let a = vreinterpret_s8_u32(vdup_n_u32(row.add(i).cast::<u32>().read_unaligned()));
                        for (acc, half) in acc[b].iter_mut().zip(halves) {
                            *acc = vpadalq_s16(*acc, vmull_s8(half, a));
                        }
                    }
                }
            }
            acc.map(|blocks| blocks.map(|[a, b, c, d]| [vpaddq_s32(a, b), vpaddq_s32(c, d)]))
        }
    }

    #[inline(always)]
    unsafe fn sums(row: &Self::Row, v: usize) -> Self::I {
        row[v]
    }
}
