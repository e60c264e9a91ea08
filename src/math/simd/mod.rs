//! SIMD written once over a trait: each instruction set is one small file, each algorithm one generic function.
//!
//! [`Simd`] is implemented by zero-sized types. Generic code over it is `#[inline(always)]` and is entered through
//! a function with the matching `target_feature`, see `compute::cpu::isa`.

#[cfg(target_arch = "x86_64")]
pub mod avx2;
pub mod cholesky;
#[cfg(target_arch = "aarch64")]
pub mod neon;
pub mod normal;
pub mod portable;
pub mod rows;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

/// A vector of `LANES` single-precision numbers and what the kernels do with it.
///
/// # Safety
/// All methods are unsafe for one reason: the processor must have the instructions of the implementing type.
/// `load` and `store` also need `LANES` readable or writable numbers at the pointer (no alignment).
pub trait Simd: Copy + 'static {
    /// Numbers in one vector; divides 8.
    const LANES: usize;
    type F: Copy;
    type I: Copy;

    unsafe fn splat(x: f32) -> Self::F;
    unsafe fn load(p: *const f32) -> Self::F;
    unsafe fn store(p: *mut f32, x: Self::F);
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, fused where that is one instruction.
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    /// `a` to the nearest integer and two to that power, for `a` in -126..=127.
    unsafe fn power(a: Self::F) -> (Self::F, Self::F);
    unsafe fn from_i32(a: Self::I) -> Self::F;
    /// Sixteen numbers in 0..=255 (of as many vectors as they fill) to the nearest integers, ties to even, as bytes at `p`.
    unsafe fn store_u8(p: *mut u8, a: [Self::F; 4]);
    /// Bytes at `p`, as signed numbers.
    unsafe fn load_i8(p: *const i8) -> Self::F;
    /// Four rows of `LANES` numbers as so many columns of four, `stride` numbers apart.
    #[inline(always)]
    unsafe fn turn(rows: [*const f32; 4], to: *mut f32, stride: usize) {
        for d in 0..Self::LANES {
            unsafe { to.add(d * stride).cast::<[f32; 4]>().write_unaligned(rows.map(|row| *row.add(d))) };
        }
    }
    unsafe fn sum(a: Self::F) -> f32;
    unsafe fn maximum(a: Self::F) -> f32;
    unsafe fn minimum(a: Self::F) -> f32;
}

/// `e^x` of several vectors, relative error below 2e-7 on [-87, 88], saturating outside (Cephes `expf`: Cody-Waite reduction and a
/// polynomial of degree 5).
///
/// Several, because an engine of WebAssembly puts every constant together anew wherever it is used, in three instructions: a vector
/// alone takes longer for its constants than for itself.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub unsafe fn exp<S: Simd, const N: usize>(x: [S::F; N]) -> [S::F; N] {
    unsafe {
        let x = x.map(|x| S::min(S::max(x, S::splat(-87.3)), S::splat(88.0)));
        let n = x.map(|x| S::power(S::mul(x, S::splat(std::f32::consts::LOG2_E))));
        let r: [S::F; N] = std::array::from_fn(|i| S::mul_add(n[i].0, S::splat(-0.693_359_4), x[i]));
        let r: [S::F; N] = std::array::from_fn(|i| S::mul_add(n[i].0, S::splat(2.121_944_4e-4), r[i]));
        let mut p = [S::splat(1.987_569_1e-4); N];
        for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            p = std::array::from_fn(|i| S::mul_add(p[i], r[i], S::splat(c)));
        }
        std::array::from_fn(|i| {
            let y = S::add(S::mul_add(S::mul(r[i], r[i]), p[i], r[i]), S::splat(1.0));
            // Two steps, so that n = 127 and -126 do not overflow the exponent of one factor.
            S::mul(y, n[i].1)
        })
    }
}

/// Coefficients of `erf(z) ~ z P(z^2) / Q(z^2)` on [-4, 4], highest power first (the rational minimax of Eigen's
/// single-precision erf): half of exp's work, as no exponent has to be put together.
const ERF_P: [f32; 7] =
    [-2.726_142_3e-10, 2.770_681_4e-8, -2.101_024e-6, -5.692_506_4e-5, -7.349_906_3e-4, -2.954_599_8e-3, -1.609_603_3e-2];
const ERF_Q: [f32; 5] = [-1.456_607_2e-5, -2.133_740_5e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];

/// The exact GELU `x * (1 + erf(x / sqrt 2)) / 2` of several vectors (as of [`exp`]), absolute error below 2e-7.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub unsafe fn gelu<S: Simd, const N: usize>(x: [S::F; N]) -> [S::F; N] {
    unsafe {
        let z = x.map(|x| S::mul(x, S::splat(std::f32::consts::FRAC_1_SQRT_2)));
        let z = z.map(|z| S::min(S::max(z, S::splat(-4.0)), S::splat(4.0)));
        let square = z.map(|z| S::mul(z, z));
        let (mut p, mut q) = ([S::splat(ERF_P[0]); N], [S::splat(ERF_Q[0]); N]);
        for c in &ERF_P[1..] {
            p = std::array::from_fn(|i| S::mul_add(p[i], square[i], S::splat(*c)));
        }
        for c in &ERF_Q[1..] {
            q = std::array::from_fn(|i| S::mul_add(q[i], square[i], S::splat(*c)));
        }
        std::array::from_fn(|i| {
            let erf = S::div(S::mul(z[i], p[i]), q[i]);
            let half = S::mul(x[i], S::splat(0.5));
            S::mul_add(half, erf, half)
        })
    }
}

/// Applies `f` to `N` vectors of `values` at a time, in the end to vectors with zeros behind.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub unsafe fn map_in_place<S: Simd, const N: usize>(values: &mut [f32], mut f: impl FnMut([S::F; N]) -> [S::F; N]) {
    const MOST: usize = 32;
    let step = N * S::LANES;
    assert!(step <= MOST);
    let whole = values.len() / step * step;
    let tail = values.len() - whole;
    let mut rest = [0.0f32; MOST];
    rest[..tail].copy_from_slice(&values[whole..]);
    // One loop for both: what `f` does stands in the code once, and is inlined.
    for (p, len) in [(values.as_mut_ptr(), whole), (rest.as_mut_ptr(), tail)] {
        for i in (0..len).step_by(step) {
            // SAFETY: i + step <= len, or the rest, which has that much room.
            unsafe {
                let y = f(std::array::from_fn(|v| S::load(p.add(i + v * S::LANES))));
                for (v, y) in y.into_iter().enumerate() {
                    S::store(p.add(i + v * S::LANES), y);
                }
            }
        }
    }
    values[whole..].copy_from_slice(&rest[..tail]);
}

/// Copies `from` to the front of `to`. An engine of WebAssembly calls out for a copy whose length is not known beforehand; short ones
/// are many times faster by vectors.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub unsafe fn copy<S: Simd>(from: &[f32], to: &mut [f32]) {
    let to = &mut to[..from.len()];
    let whole = from.len() / S::LANES * S::LANES;
    for i in (0..whole).step_by(S::LANES) {
        // SAFETY: i + LANES <= the length of both.
        unsafe { S::store(to.as_mut_ptr().add(i), S::load(from.as_ptr().add(i))) }
    }
    for i in whole..from.len() {
        to[i] = from[i];
    }
}
