//! A sparse item-item matrix as devices download it: per row the k largest weights, int8 with one scale.
//!
//! Not here: where the weights come from (`train`), byte layouts of shards (`format`).

/// Rows of `(column, int8)`, columns ascending within a row. Row i holds what having met item i adds to the others.
///
/// | part | bytes |
/// | --- | --- |
/// | per row: offset, scale | 4 + 4 |
/// | per entry: column, weight | 2 (3 above 65,536 items) + 1 |
/// | per column, where there is a base | 4 |
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SparseRows {
    columns: usize,
    offsets: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<i8>,
    scales: Vec<f32>,
    /// What every row holds of a column besides its entries, `[columns]` or empty.
    base: Vec<f32>,
}

impl SparseRows {
    /// From rows of `(column, weight)`, keeping of each the `k` largest magnitudes (ties by column).
    pub fn from_rows(columns: usize, rows: impl Iterator<Item = Vec<(u32, f32)>>, k: usize) -> Self {
        let mut matrix = Self { columns, offsets: vec![0], ..Self::default() };
        for mut row in rows {
            keep_largest(&mut row, k);
            let largest = row.iter().fold(0.0f32, |m, (_, w)| m.max(w.abs()));
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            row.sort_unstable_by_key(|(column, _)| *column);
            for (column, weight) in row {
                let value = (weight / scale).round() as i8;
                if value != 0 {
                    matrix.indices.push(column);
                    matrix.values.push(value);
                }
            }
            matrix.scales.push(scale);
            matrix.offsets.push(matrix.indices.len() as u32);
        }
        matrix
    }

    /// From a dense row-major `[rows, columns]` matrix.
    pub fn from_dense(weights: &[f32], columns: usize, k: usize) -> Self {
        let row = |row: &[f32]| top_magnitudes(row, k);
        Self::from_rows(columns, weights.chunks_exact(columns.max(1)).map(row), k)
    }

    /// The same with a base: what every row holds of a column besides its entries, `[columns]`.
    pub fn with_base(self, base: Vec<f32>) -> Self {
        Self { base, ..self }
    }

    /// The columns' base, empty where there is none.
    pub fn base(&self) -> &[f32] {
        &self.base
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The entries of `row`, none for a row that does not exist.
    pub fn row(&self, row: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        let row = row as usize;
        let (range, scale) = match row < self.rows() {
            true => (self.offsets[row] as usize..self.offsets[row + 1] as usize, self.scales[row]),
            false => (0..0, 0.0),
        };
        self.indices[range.clone()].iter().zip(&self.values[range]).map(move |(&c, &v)| (c, f32::from(v) * scale))
    }

    /// One entry, 0 where there is none; the base is not in it.
    pub fn get(&self, row: u32, column: u32) -> f32 {
        let at = row as usize;
        if at >= self.rows() {
            return 0.0;
        }
        let (start, end) = (self.offsets[at] as usize, self.offsets[at + 1] as usize);
        match self.indices[start..end].binary_search(&column) {
            Ok(found) => f32::from(self.values[start + found]) * self.scales[at],
            Err(_) => 0.0,
        }
    }

    /// Adds `factor` times `row` to `out`.
    pub fn add_row(&self, row: u32, factor: f32, out: &mut [f32]) {
        let at = row as usize;
        if at >= self.rows() {
            return;
        }
        let range = self.offsets[at] as usize..self.offsets[at + 1] as usize;
        let factor = factor * self.scales[at];
        for (&column, &value) in self.indices[range.clone()].iter().zip(&self.values[range]) {
            out[column as usize] += factor * f32::from(value);
        }
    }

    /// The dot product of `row` with a dense vector over the columns.
    pub fn dot_row(&self, row: u32, vector: &[f32]) -> f32 {
        let at = row as usize;
        if at >= self.rows() {
            return 0.0;
        }
        let range = self.offsets[at] as usize..self.offsets[at + 1] as usize;
        let pairs = self.indices[range.clone()].iter().zip(&self.values[range]);
        self.scales[at] * pairs.map(|(&c, &v)| vector[c as usize] * f32::from(v)).sum::<f32>()
    }

    /// Bytes to download, see the table above.
    pub fn download_bytes(&self) -> usize {
        let index = if self.columns <= 1 << 16 { 2 } else { 3 };
        self.rows() * 8 + self.indices.len() * (index + 1) + 4 * self.base.len()
    }

    /// Number of entries.
    pub fn entries(&self) -> usize {
        self.indices.len()
    }

    /// The parts, for the shard writer: offsets `[rows + 1]`, columns, int8 weights, scales `[rows]`.
    pub fn parts(&self) -> (&[u32], &[u32], &[i8], &[f32]) {
        (&self.offsets, &self.indices, &self.values, &self.scales)
    }

    /// From the parts of a shard; `None` where they do not fit together.
    pub fn from_parts(
        columns: usize,
        offsets: Vec<u32>,
        indices: Vec<u32>,
        values: Vec<i8>,
        scales: Vec<f32>,
        base: Vec<f32>,
    ) -> Option<Self> {
        let fits = offsets.len() == scales.len() + 1
            && offsets.first() == Some(&0)
            && offsets.windows(2).all(|w| w[0] <= w[1])
            && offsets.last().is_some_and(|&end| end as usize == indices.len())
            && (base.is_empty() || base.len() == columns)
            && indices.len() == values.len()
            && indices.iter().all(|&c| (c as usize) < columns)
            && offsets.windows(2).all(|w| indices[w[0] as usize..w[1] as usize].windows(2).all(|p| p[0] < p[1]));
        fits.then_some(Self { columns, offsets, indices, values, scales, base })
    }
}

/// The `k` entries of `row` with the largest magnitudes, zeros left out.
pub fn top_magnitudes(row: &[f32], k: usize) -> Vec<(u32, f32)> {
    let mut entries: Vec<(u32, f32)> =
        row.iter().enumerate().filter(|(_, w)| **w != 0.0).map(|(c, &w)| (c as u32, w)).collect();
    keep_largest(&mut entries, k);
    entries
}

/// Cuts a row to its `k` largest magnitudes, of equal ones the first columns.
pub fn keep_largest(entries: &mut Vec<(u32, f32)>, k: usize) {
    if entries.len() > k {
        entries.select_nth_unstable_by(k, |a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        entries.truncate(k);
    }
}
