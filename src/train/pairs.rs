//! Pairs: the entries of a matrix that is symmetric but for a factor of each column, each standing for two, as int8.
//!
//! EASE's B[i, j] = -P[i, j] / P[j, j] is such a one, with content in the kernel too: S[i, j] = B[i, j] / h_j with h_j = 1 / P[j, j] is
//! symmetric. One scale a row would fit only one of a pair's rows: the scales t that bring every row's largest |S[i, j]| / (t_i t_j) to 1
//! fit both (Ruiz 2001, "A scaling algorithm to equilibrate both rows and columns norms in matrices"). Not here: which pairs are taken
//! (`entries`), how they are stored and scored (`rank::learned::sparse`).

use crate::rank::learned::sparse::SparseRows;

/// Rounds of scaling; the largest of a row is then within 2^-10 of what it would be in the end.
const ROUNDS: usize = 10;

/// How the two entries of a pair differ.
pub struct Sides {
    /// `[items]`: the entry (j, i) is the entry (i, j) times ratios[i] / ratios[j].
    pub ratios: Vec<f32>,
}

impl Sides {
    /// Of a shipped matrix; `None` where it is no mirrored one.
    pub fn of(rows: &SparseRows) -> Option<Self> {
        let (scales, heights) = rows.scales();
        let ratios = || heights.iter().zip(scales).map(|(height, scale)| height / scale).collect();
        rows.is_mirrored().then(|| Self { ratios: ratios() })
    }
}

/// Kept entries above the diagonal, `(column, B)` by row, as int8; `heights` by item, 0 where nothing is held.
pub fn pairs_of(kept: &[Vec<(u32, f32)>], heights: &[f32]) -> SparseRows {
    let each = |t: &[f32], of: &mut dyn FnMut(usize, usize, f32)| {
        for (row, entries) in kept.iter().enumerate() {
            entries.iter().for_each(|&(column, weight)| of(row, column as usize, (weight / heights[column as usize]).abs() / (t[row] * t[column as usize])));
        }
    };
    let mut t = vec![1f32; kept.len()];
    for _ in 0..ROUNDS {
        let mut largest = vec![0f32; kept.len()];
        each(&t, &mut |row, column, weight| {
            largest[row] = largest[row].max(weight);
            largest[column] = largest[column].max(weight);
        });
        t.iter_mut().zip(&largest).filter(|(_, largest)| **largest > 0.0).for_each(|(t, largest)| *t *= largest.sqrt());
    }
    let mut most = 0f32;
    each(&t, &mut |_, _, weight| most = most.max(weight));
    let step = (most / 127.0).sqrt();
    let scales: Vec<f32> = t.iter().map(|t| if step > 0.0 { t * step } else { 1.0 }).collect();
    let heights = scales.iter().zip(heights).map(|(scale, height)| scale * height).collect();
    SparseRows::from_pairs(kept, scales, heights)
}

/// Fewer of the entries of a mirrored matrix, their int8 as they were.
pub fn fewer(kept: &[Vec<(u32, f32)>], rows: &SparseRows) -> SparseRows {
    let (scales, heights) = rows.scales();
    SparseRows::from_pairs(kept, scales.to_vec(), heights.to_vec())
}
