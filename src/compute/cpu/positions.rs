//! Learned rows before each item's own, and a learned table of positions on all of them.

/// `x` is `[items, n, cols]`, `first` `[m, cols]`, `table` `[m + n, cols]`, `out` `[items, m + n, cols]`, all row-major.
pub fn positions(x: &[f32], first: &[f32], table: &[f32], out: &mut [f32]) {
    let own = table.len() - first.len();
    for (x, y) in x.chunks_exact(own).zip(out.chunks_exact_mut(table.len())) {
        for ((y, x), t) in y.iter_mut().zip(first.iter().chain(x)).zip(table) {
            *y = x + t;
        }
    }
}
