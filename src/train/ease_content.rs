//! EASE with content in the kernel: the items' attributes, words or vectors stand as further rows under the users.
//!
//! The collective form of Add-EASE and L3AE (arXiv 2508.13500) with one closed form: EASE on X stacked over alpha F',
//! F the unit content rows. Not here: EASE itself (`ease`), features (`features`).

use super::ease::ease_with_heights;
use super::features::Features;
use super::inverse::Stand;
use super::matrix::Csr;
use crate::Result;

/// B as row-major `[items, items]`, and its heights as EASE has them. `alpha` weighs a unit content row against one user; 0 is plain EASE.
pub fn ease_content(x: &Csr, features: &Features, lambda: f32, alpha: f32, stand: &Stand<'_>) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut stacked = x.clone();
    if alpha > 0.0 && features.sparse.rows() == x.columns {
        stacked = stacked.stack(&features.sparse.transpose(), alpha);
    }
    if alpha > 0.0 {
        for column in 0..features.dim {
            stacked.push_row((0..x.columns).filter_map(|item| {
                let value = features.dense[item * features.dim + column] * alpha;
                (value != 0.0).then_some((item as u32, value))
            }));
        }
    }
    ease_with_heights(&stacked, lambda, stand)
}
