//! Which instruction set is fastest here, where a module has several to choose from: by what the processor's instruction gives
//! outside what is specified, else a tile timed with each.

use super::isa::Isa;

/// The fastest of [`Isa::available`] by `now` (milliseconds, any origin).
///
/// Only relaxed SIMD leaves a choice. The dot product of bytes is specified for inputs of 7 bits; beyond them it gives what the
/// machine's instruction gives, and so tells which one it is: exact sums of unsigned bytes are VNNI's, sums that stop at 16 bits are
/// of SSE's pairs. That takes no time, and a first visit waits for the model as long as this thread is busy. Signed bytes (ARM, and
/// the newest of x86) may be one instruction or several: there a tile is timed. Whole products are no good to time: engines first run quickly compiled code, in which one
/// instruction or five make little difference, and their function is large enough to stay there for a tenth of a second (on a
/// processor with VNNI the slower set was chosen in three of four pages, at a cost of a fifth). A tile alone is compiled well within
/// milliseconds. A browser's clock goes in steps of a tenth of one, so each measurement goes on for a whole one; twenty in all.
pub fn fastest(now: impl Fn() -> f64) -> Isa {
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    return relaxed::fastest(now);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
    {
        let _ = now;
        Isa::best()
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed {
    use super::Isa;
    use crate::compute::cpu::linear::wasm::{PAIRS, VNNI, WasmChain, WasmDot, beyond, spin};

    /// Milliseconds of a measurement at least, and most of its tiles, should the clock stand still.
    const LEAST: f64 = 1.0;
    const MOST: u32 = 1 << 20;
    const ROUNDS: usize = 10;
    /// Inputs of a tile.
    const K: usize = 384;

    pub fn fastest(now: impl Fn() -> f64) -> Isa {
        match beyond() {
            VNNI => Isa::WasmDot,
            PAIRS => Isa::WasmChain,
            _ => timed(now),
        }
    }

    fn timed(now: impl Fn() -> f64) -> Isa {
        let a: Vec<u8> = (0..4 * K).map(|i| (i * 31 % 61) as u8).collect();
        let w: Vec<i8> = (0..8 * K).map(|i| (i * 37 % 41) as i8 - 20).collect();
        let sets: [(Isa, fn(&[u8], &[i8])); 2] = [(Isa::WasmChain, spin::<WasmChain, K>), (Isa::WasmDot, spin::<WasmDot, K>)];
        let mut best = [f64::INFINITY; 2];
        for _ in 0..ROUNDS {
            for ((_, tile), best) in sets.iter().zip(&mut best) {
                let (start, mut took, mut tiles) = (now(), 0.0, 0);
                while took < LEAST && tiles < MOST {
                    for _ in 0..256 {
                        tile(&a, &w);
                    }
                    tiles += 256;
                    took = now() - start;
                }
                *best = best.min(took / f64::from(tiles));
            }
        }
        sets[usize::from(best[1] < best[0])].0
    }
}
