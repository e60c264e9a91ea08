//! Item-kNN: cosine similarity of items by the users they share, damped for small overlaps.
//!
//! Sarwar et al. 2001; damping as in Deshpande & Karypis 2004: n_ij / (sqrt(n_i n_j) + shrink). Not here: EASE.

use rayon::prelude::*;

use super::matrix::Csr;

/// Rows of similarities, `[items]` rows of `(item, similarity)`, each the `k` largest.
pub fn item_knn(x: &Csr, shrink: f32, k: usize) -> Vec<Vec<(u32, f32)>> {
    let transposed = x.transpose();
    let norm: Vec<f32> = (0..x.columns).map(|i| transposed.row(i).1.iter().map(|v| v * v).sum::<f32>().sqrt()).collect();
    (0..x.columns)
        .into_par_iter()
        .map_init(
            || vec![0f32; x.columns],
            |dense, i| {
                let mut touched = Vec::new();
                for (r, v) in transposed.entries(i) {
                    for (c, w) in x.entries(r as usize) {
                        if dense[c as usize] == 0.0 {
                            touched.push(c);
                        }
                        dense[c as usize] += v * w;
                    }
                }
                touched.sort_unstable();
                let mut row: Vec<(u32, f32)> = touched
                    .into_iter()
                    .map(|c| (c, std::mem::take(&mut dense[c as usize])))
                    .filter(|(c, _)| *c as usize != i)
                    .map(|(c, dot)| (c, dot / (norm[i] * norm[c as usize] + shrink)))
                    .collect();
                row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                row.truncate(k);
                row
            },
        )
        .collect()
}
