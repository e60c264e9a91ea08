//! The kernels as plain loops: for machines without one of their own, and the oracle of the others.

/// See [`super::dot_rows`].
pub fn dot_rows(rows: &[u8], query: &[i16], sums: &mut [i32]) {
    if query.is_empty() {
        sums.fill(0);
        return;
    }
    for (row, sum) in rows.chunks_exact(query.len()).zip(sums) {
        *sum = dot(row, query);
    }
}

/// One row's sum.
pub fn dot(row: &[u8], query: &[i16]) -> i32 {
    row.iter().zip(query).fold(0i32, |sum, (&q, &p)| sum.wrapping_add(i32::from(q as i8) * i32::from(p)))
}
