//! The normal matrix of chosen rows times a vector, `out += sum_r w_r v_r (v_r . p)`, in the processor's widest registers.
//!
//! Plain loops, compiled twice: the sums are in the same order either way. Not here: what the rows mean.

/// Adds to `out` (`[dim]`) for every chosen row of `table` (`[n, dim]`, `dim` the length of `p`) its weight times its
/// product with `p` times itself.
pub fn add_normal(table: &[f32], chosen: &[u32], weights: &[f32], p: &[f32], out: &mut [f32]) {
    assert!(p.len() == out.len() && chosen.len() == weights.len(), "vectors must fit");
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just detected.
        unsafe { add_normal_avx2(table, chosen, weights, p, out) };
        return;
    }
    add_normal_plain(table, chosen, weights, p, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn add_normal_avx2(table: &[f32], chosen: &[u32], weights: &[f32], p: &[f32], out: &mut [f32]) {
    add_normal_plain(table, chosen, weights, p, out);
}

#[inline(always)]
fn add_normal_plain(table: &[f32], chosen: &[u32], weights: &[f32], p: &[f32], out: &mut [f32]) {
    let dim = p.len();
    for (&row, &weight) in chosen.iter().zip(weights) {
        let v = &table[row as usize * dim..(row as usize + 1) * dim];
        let mut sums = [0f32; 32];
        let (v32, p32) = (v.chunks_exact(32), p.chunks_exact(32));
        let tail: f32 = v32.remainder().iter().zip(p32.remainder()).map(|(x, y)| x * y).sum();
        for (x, y) in v32.zip(p32) {
            for lane in 0..32 {
                sums[lane] += x[lane] * y[lane];
            }
        }
        // Halving keeps the sum in vector registers.
        for half in [16, 8, 4, 2, 1] {
            for lane in 0..half {
                sums[lane] += sums[lane + half];
            }
        }
        let factor = weight * (sums[0] + tail);
        for (o, x) in out.iter_mut().zip(v) {
            *o += factor * x;
        }
    }
}
