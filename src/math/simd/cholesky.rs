//! Small least-squares systems, (base + ridge I + sum_r w_r v_r v_r') x = sum_r w_r v_r, by Cholesky's factors in the processor's widest
//! registers.
//!
//! One loop over [`Simd`], entered with and without AVX2 (which also rounds once a step rather than twice). Building the matrix and
//! factoring it are the same work, products of tiles held in registers. Not here: large systems (`train::linear`).

use super::normal::Chosen;
use super::{Simd, portable::Portable};
use crate::math::vector::add_scaled;

/// Columns of a tile.
const COLUMNS: usize = 4;
/// Dimensions are filled up to a multiple of this, which tiles of every instruction set divide.
const WHOLE: usize = 16;
/// Rows that are added together: they stay in the innermost cache while every tile reads them.
const BATCH: usize = 64;
/// Smaller pivots count as this.
const LEAST: f32 = 1e-20;

/// Room for one system after another of the same size.
pub struct System {
    dim: usize,
    /// `dim`, filled up.
    width: usize,
    /// `[width, width]`, a column after the other; what is above the diagonal means nothing.
    matrix: Vec<f32>,
    /// `[BATCH, width]`, the chosen rows times the roots of their weights.
    rows: Vec<f32>,
    /// `[width]`: the right side, then the solution.
    right: Vec<f32>,
    /// `[width]`: what the factors' diagonal divides by.
    inverses: Vec<f32>,
}

impl System {
    /// For `dim` unknowns.
    pub fn new(dim: usize) -> Self {
        let width = dim.next_multiple_of(WHOLE);
        let zeros = |n: usize| vec![0f32; n];
        Self { dim, width, matrix: zeros(width * width), rows: zeros(BATCH * width), right: zeros(width), inverses: zeros(width) }
    }

    /// The solution (`[dim]`) for the shared symmetric `base` (`[dim, dim]`) and the chosen rows of a table `[n, dim]`, whose weights are
    /// not negative.
    pub fn solve(&mut self, base: &[f32], chosen: Chosen, ridge: f32, out: &mut [f32]) {
        assert!(base.len() == self.dim * self.dim && out.len() == self.dim && chosen.rows.len() == chosen.weights.len(), "vectors must fit");
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: AVX2 and FMA were just detected; the vectors fit.
            unsafe { self.solve_avx2(base, chosen, ridge, out) };
            return;
        }
        // SAFETY: every processor has what `Portable` needs; the vectors fit.
        unsafe { self.solve_in::<Portable>(base, chosen, ridge, out) }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn solve_avx2(&mut self, base: &[f32], chosen: Chosen, ridge: f32, out: &mut [f32]) {
        unsafe { self.solve_in::<super::avx2::Avx2>(base, chosen, ridge, out) }
    }

    /// [`Self::solve`] on a given instruction set.
    ///
    /// # Safety
    /// As [`Simd`]; the vectors fit.
    #[inline(always)]
    pub unsafe fn solve_in<S: Simd>(&mut self, base: &[f32], chosen: Chosen, ridge: f32, out: &mut [f32]) {
        let (dim, width) = (self.dim, self.width);
        // What is filled up is the identity, apart from everything else.
        for (j, column) in self.matrix.chunks_exact_mut(width).enumerate() {
            let known = if j < dim { &base[j * dim..(j + 1) * dim] } else { &[] };
            column[..known.len()].copy_from_slice(known);
            column[known.len()..].fill(0.0);
            column[j] += if j < dim { ridge } else { 1.0 };
        }
        self.right.fill(0.0);
        for (chosen_rows, weights) in chosen.rows.chunks(BATCH).zip(chosen.weights.chunks(BATCH)) {
            for ((to, &row), &weight) in self.rows.chunks_exact_mut(width).zip(chosen_rows).zip(weights) {
                let v = &chosen.table[row as usize * dim..(row as usize + 1) * dim];
                let root = weight.sqrt();
                to.iter_mut().zip(v).for_each(|(to, v)| *to = v * root);
                add_scaled(&mut self.right, v, weight);
            }
            // SAFETY: the matrix is `[width, width]`, the rows `[BATCH, width]`.
            unsafe { add_products::<S>(self.matrix.as_mut_ptr(), self.rows.as_ptr(), chosen_rows.len(), width) };
        }
        // SAFETY: the matrix is `[width, width]`, the inverses `[width]`.
        unsafe { factor::<S>(self.matrix.as_mut_ptr(), &mut self.inverses, width) };
        // SAFETY: as above, and the right side is `[width]`.
        unsafe {
            forward::<S>(&self.matrix, &self.inverses, &mut self.right);
            backward::<S>(&self.matrix, &self.inverses, &mut self.right);
        }
        out.copy_from_slice(&self.right[..dim]);
    }
}

/// A tile: columns of two vectors.
type Tile<S> = [[<S as Simd>::F; 2]; COLUMNS];

/// sum_r x_r[column..] x_r[row..]' over `n` rows of `x` (`[n, width]`).
///
/// # Safety
/// As [`Simd`]; the tile lies within `width`.
#[inline(always)]
unsafe fn products<S: Simd>(x: *const f32, n: usize, width: usize, column: usize, row: usize) -> Tile<S> {
    unsafe {
        let mut sums = [[S::splat(0.0); 2]; COLUMNS];
        for r in 0..n {
            let x = x.add(r * width);
            let below = [S::load(x.add(row)), S::load(x.add(row + S::LANES))];
            for c in 0..COLUMNS {
                let across = S::splat(*x.add(column + c));
                sums[c] = [S::mul_add(across, below[0], sums[c][0]), S::mul_add(across, below[1], sums[c][1])];
            }
        }
        sums
    }
}

/// Adds sum_r x_r x_r' over `n` rows of `x` to the lower triangle of `matrix`.
///
/// # Safety
/// As [`Simd`]; `matrix` is `[width, width]`, `x` `[n, width]`, `width` a multiple of [`WHOLE`].
#[inline(always)]
unsafe fn add_products<S: Simd>(matrix: *mut f32, x: *const f32, n: usize, width: usize) {
    let high = 2 * S::LANES;
    for column in (0..width).step_by(COLUMNS) {
        for row in (column / high * high..width).step_by(high) {
            unsafe {
                let sums = products::<S>(x, n, width, column, row);
                for (c, sums) in sums.into_iter().enumerate() {
                    for (half, sum) in sums.into_iter().enumerate() {
                        let at = matrix.add((column + c) * width + row + half * S::LANES);
                        S::store(at, S::add(S::load(at), sum));
                    }
                }
            }
        }
    }
}

/// Replaces the lower triangle of `matrix` by its factor, four columns after the other: what the columns before them leave, then
/// the four among themselves.
///
/// # Safety
/// As [`Simd`]; `matrix` is `[width, width]`, `inverses` `[width]`, `width` a multiple of [`WHOLE`].
#[inline(always)]
unsafe fn factor<S: Simd>(matrix: *mut f32, inverses: &mut [f32], width: usize) {
    let high = 2 * S::LANES;
    for (block, inverses) in inverses.chunks_exact_mut(COLUMNS).enumerate() {
        let column = block * COLUMNS;
        let first = column / high * high;
        // `[COLUMNS, COLUMNS]`: the four's own factor, negated.
        let mut own = [[0f32; COLUMNS]; COLUMNS];
        for row in (first..width).step_by(high) {
            unsafe {
                let at = |c: usize, half: usize| matrix.add((column + c) * width + row + half * S::LANES);
                let mut tile = products::<S>(matrix, column, width, column, row);
                for (c, vectors) in tile.iter_mut().enumerate() {
                    for (half, vector) in vectors.iter_mut().enumerate() {
                        *vector = S::sub(S::load(at(c, half)), *vector);
                    }
                }
                if row == first {
                    for (c, vectors) in tile.iter().enumerate() {
                        S::store(at(c, 0), vectors[0]);
                        S::store(at(c, 1), vectors[1]);
                    }
                    own = own_factor(matrix.add(column * width + column), inverses, width);
                }
                for c in 0..COLUMNS {
                    for half in 0..2 {
                        let mut vector = tile[c][half];
                        for p in 0..c {
                            vector = S::mul_add(S::splat(own[p][c]), tile[p][half], vector);
                        }
                        tile[c][half] = S::mul(vector, S::splat(inverses[c]));
                        S::store(at(c, half), tile[c][half]);
                    }
                }
            }
        }
    }
}

/// The factor of the four columns' own part of the diagonal, negated, and what its diagonal divides by.
///
/// # Safety
/// From `corner` on, [`COLUMNS`] columns of [`COLUMNS`] entries can be read, `width` apart.
#[inline(always)]
unsafe fn own_factor(corner: *const f32, inverses: &mut [f32], width: usize) -> [[f32; COLUMNS]; COLUMNS] {
    let mut own = [[0f32; COLUMNS]; COLUMNS];
    for c in 0..COLUMNS {
        let left = |row: usize, own: &[[f32; COLUMNS]; COLUMNS]| {
            // SAFETY: the caller's.
            let entry = unsafe { *corner.add(c * width + row) };
            (0..c).fold(entry, |left, p| left - own[p][c] * own[p][row])
        };
        inverses[c] = 1.0 / left(c, &own).max(LEAST).sqrt();
        for row in c + 1..COLUMNS {
            own[c][row] = -left(row, &own) * inverses[c];
        }
    }
    own
}

/// Solves L y = b in place, four unknowns after the others.
///
/// # Safety
/// As [`Simd`]; `factor` is `[width, width]`, the others `[width]`, a multiple of [`WHOLE`].
#[inline(always)]
unsafe fn forward<S: Simd>(factor: &[f32], inverses: &[f32], b: &mut [f32]) {
    let width = b.len();
    for column in (0..width).step_by(COLUMNS) {
        let entry = |c: usize, row: usize| factor[(column + c) * width + row];
        for c in 0..COLUMNS {
            b[column + c] *= inverses[column + c];
            for row in column + c + 1..column + COLUMNS {
                b[row] -= entry(c, row) * b[column + c];
            }
        }
        let known: [f32; COLUMNS] = std::array::from_fn(|c| b[column + c]);
        let next = (column + COLUMNS).next_multiple_of(S::LANES);
        for row in column + COLUMNS..next {
            b[row] -= (0..COLUMNS).map(|c| entry(c, row) * known[c]).sum::<f32>();
        }
        let known = known.map(|y| unsafe { S::splat(-y) });
        for row in (next..width).step_by(S::LANES) {
            unsafe {
                let at = b.as_mut_ptr().add(row);
                let mut left = S::load(at);
                for (c, y) in known.iter().enumerate() {
                    left = S::mul_add(S::load(factor.as_ptr().add((column + c) * width + row)), *y, left);
                }
                S::store(at, left);
            }
        }
    }
}

/// Solves L' x = y in place, four unknowns after the others, the last first.
///
/// # Safety
/// As [`forward`].
#[inline(always)]
unsafe fn backward<S: Simd>(factor: &[f32], inverses: &[f32], y: &mut [f32]) {
    let width = y.len();
    for column in (0..width).step_by(COLUMNS).rev() {
        let entry = |c: usize, row: usize| factor[(column + c) * width + row];
        let next = (column + COLUMNS).next_multiple_of(S::LANES);
        let mut sums = unsafe { [S::splat(0.0); COLUMNS] };
        for row in (next..width).step_by(S::LANES) {
            unsafe {
                let x = S::load(y.as_ptr().add(row));
                for (c, sum) in sums.iter_mut().enumerate() {
                    *sum = S::mul_add(S::load(factor.as_ptr().add((column + c) * width + row)), x, *sum);
                }
            }
        }
        for c in (0..COLUMNS).rev() {
            let near: f32 = (column + c + 1..next).map(|row| entry(c, row) * y[row]).sum();
            y[column + c] = (y[column + c] - near - unsafe { S::sum(sums[c]) }) * inverses[column + c];
        }
    }
}
