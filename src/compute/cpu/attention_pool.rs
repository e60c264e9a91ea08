//! Attention of one learned query to the rows of each item.

/// `x` is `[rows, 2 * dim]` (keys, values), `query` `[dim]`, `out` `[items, dim]`; `offsets` bound the items. An item without
/// rows gives zeros. One query makes no tiles: this is a small share of any model's work.
pub fn attention_pool(x: &[f32], offsets: &[u32], query: &[f32], heads: usize, out: &mut [f32]) {
    let dim = query.len();
    let width = dim / heads;
    let scale = 1.0 / (width as f32).sqrt();
    let mut weights = Vec::new();
    for (bounds, y) in offsets.windows(2).zip(out.chunks_exact_mut(dim)) {
        let rows = &x[bounds[0] as usize * 2 * dim..bounds[1] as usize * 2 * dim];
        y.fill(0.0);
        for head in (0..dim).step_by(width) {
            let query = &query[head..head + width];
            let score = |row: &[f32]| query.iter().zip(&row[head..head + width]).map(|(q, k)| q * k).sum::<f32>() * scale;
            weights.clear();
            weights.extend(rows.chunks_exact(2 * dim).map(score));
            let high = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            weights.iter_mut().for_each(|w| *w = (*w - high).exp());
            let inverse = 1.0 / weights.iter().sum::<f32>();
            for (row, weight) in rows.chunks_exact(2 * dim).zip(&weights) {
                let values = &row[dim + head..][..width];
                y[head..head + width].iter_mut().zip(values).for_each(|(y, v)| *y += weight * inverse * v);
            }
        }
    }
}
