//! The integer tile in plain Rust; also the oracle of the others.

use super::{Ahead, Kernel, TILE_COLS};
use crate::math::simd::{Simd, portable::Portable};

impl Kernel for Portable {
    const INTERLEAVE: usize = 4;
    const LEVELS: f32 = 127.0;
    type A = u8;
    type Row = [i32; TILE_COLS];

    #[inline(always)]
    unsafe fn store_a(p: *mut u8, q: [Self::F; 4]) {
        unsafe { Self::store_u8(p, q) }
    }

    #[inline(always)]
    unsafe fn tile<const R: usize, const B: usize>(rows: [*const u8; R], w: [*const i8; B], k: usize, _chain: bool, _ahead: Ahead) -> [[Self::Row; B]; R] {
        let mut acc = [[[0i32; TILE_COLS]; B]; R];
        for i in (0..k).step_by(4) {
            for (b, w) in w.iter().enumerate() {
                // SAFETY: i + 4 <= k, and a block of weights has 8 * k of them.
                unsafe {
                    let w = w.add(i * TILE_COLS).cast::<[[i8; 4]; TILE_COLS]>().read_unaligned();
                    for (acc, row) in acc.iter_mut().zip(rows) {
                        let a = row.add(i).cast::<[u8; 4]>().read_unaligned();
                        for (acc, w) in acc[b].iter_mut().zip(&w) {
                            for (a, w) in a.iter().zip(w) {
                                *acc += i32::from(*a) * i32::from(*w);
                            }
                        }
                    }
                }
            }
        }
        acc
    }

    #[inline(always)]
    unsafe fn sums(row: &Self::Row, _v: usize) -> Self::I {
        *row
    }
}
