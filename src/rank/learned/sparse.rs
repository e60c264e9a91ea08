//! A sparse item-item matrix as devices download it: per row the k largest weights, int8 with one scale.
//!
//! A matrix that is symmetric but for a factor of each column (EASE's is: B_ij = -P_ij / P_jj) comes as what lies above its diagonal, and
//! is mirrored when it is opened. Not here: where the weights come from (`train`), byte layouts of shards (`format`).

use crate::format::gaps;

/// Rows of `(column, int8)`, columns ascending within a row. Row i holds what having met item i adds to the others.
///
/// | part | bytes |
/// | --- | --- |
/// | per row: entries, scale | 1 or 2, 4 |
/// | per entry: gap to the one before, weight | 1 (2 where it is wide), 1; mirrored, half as many entries |
/// | per column, where there is a base, or a height | 4 |
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SparseRows {
    columns: usize,
    offsets: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<i8>,
    scales: Vec<f32>,
    /// What every row holds of a column besides its entries, `[columns]` or empty.
    base: Vec<f32>,
    /// What the entries of each column are multiplied by besides their row's scale: `[columns]` where the matrix is mirrored, else empty.
    heights: Vec<f32>,
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

    /// Whether an entry stands for two.
    pub fn is_mirrored(&self) -> bool {
        !self.heights.is_empty()
    }

    fn height(&self, column: u32) -> f32 {
        self.heights.get(column as usize).copied().unwrap_or(1.0)
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
        self.indices[range.clone()].iter().zip(&self.values[range]).map(move |(&c, &v)| (c, f32::from(v) * scale * self.height(c)))
    }

    /// One entry, 0 where there is none; the base is not in it.
    pub fn get(&self, row: u32, column: u32) -> f32 {
        let at = row as usize;
        if at >= self.rows() {
            return 0.0;
        }
        let (start, end) = (self.offsets[at] as usize, self.offsets[at + 1] as usize);
        match self.indices[start..end].binary_search(&column) {
            Ok(found) => f32::from(self.values[start + found]) * self.scales[at] * self.height(column),
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
            out[column as usize] += factor * f32::from(value) * self.height(column);
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
        self.scales[at] * pairs.map(|(&c, &v)| vector[c as usize] * f32::from(v) * self.height(c)).sum::<f32>()
    }

    /// Bytes to download, see the table above.
    pub fn download_bytes(&self) -> usize {
        let upper = self.is_mirrored();
        let columns = (0..self.rows()).map(|row| gaps::row_bytes(row, upper, self.held(row).map(|(column, _)| column))).sum::<usize>();
        columns + self.entries() + 4 * (self.rows() + self.base.len() + self.heights.len())
    }

    /// Number of entries that are downloaded.
    pub fn entries(&self) -> usize {
        if self.is_mirrored() { self.indices.len() / 2 } else { self.indices.len() }
    }

    /// The entries of a row that are downloaded.
    fn held(&self, row: usize) -> impl Iterator<Item = (u32, i8)> + '_ {
        let range = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        let entries = self.indices[range.clone()].iter().copied().zip(self.values[range].iter().copied());
        entries.filter(move |(column, _)| !self.is_mirrored() || *column as usize > row)
    }

    /// The parts, for the shard writer: offsets `[rows + 1]`, columns and int8 weights of the entries that are downloaded.
    pub fn parts(&self) -> (Vec<u32>, Vec<u32>, Vec<i8>) {
        let (mut offsets, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in 0..self.rows() {
            self.held(row).for_each(|(column, value)| {
                columns.push(column);
                values.push(value);
            });
            offsets.push(columns.len() as u32);
        }
        (offsets, columns, values)
    }

    /// What rows and columns are multiplied by: `[rows]`, and `[columns]` where the matrix is mirrored.
    pub fn scales(&self) -> (&[f32], &[f32]) {
        (&self.scales, &self.heights)
    }

    /// A square matrix from what lies above its diagonal: an entry (i, j, q) is q scale_i height_j in row i, and q scale_j height_i in
    /// row j. `None` where the parts do not fit together.
    pub fn mirrored(offsets: Vec<u32>, indices: Vec<u32>, values: Vec<i8>, scales: Vec<f32>, heights: Vec<f32>) -> Option<Self> {
        let n = scales.len();
        let upper = Self::from_parts(n, offsets, indices, values, scales, Vec::new())?;
        let above = (0..n).all(|row| upper.held(row).next().is_none_or(|(column, _)| column as usize > row));
        (heights.len() == n && above).then(|| upper.reflected(heights))
    }

    /// The same from weights `(column, weight)` above the diagonal, columns ascending, to the nearest int8.
    pub fn from_pairs(rows: &[Vec<(u32, f32)>], scales: Vec<f32>, heights: Vec<f32>) -> Self {
        let mut upper = Self { columns: rows.len(), offsets: vec![0], ..Self::default() };
        for (entries, scale) in rows.iter().zip(&scales) {
            for &(column, weight) in entries {
                let value = (weight / (scale * heights[column as usize])).round() as i8;
                if value != 0 {
                    upper.indices.push(column);
                    upper.values.push(value);
                }
            }
            upper.offsets.push(upper.indices.len() as u32);
        }
        Self { scales, ..upper }.reflected(heights)
    }

    /// With the entries below the diagonal of a matrix that holds those above it.
    fn reflected(self, heights: Vec<f32>) -> Self {
        let n = self.rows();
        let mut sizes: Vec<u32> = self.offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
        self.indices.iter().for_each(|&column| sizes[column as usize] += 1);
        let mut offsets = vec![0u32];
        sizes.iter().for_each(|size| offsets.push(offsets[offsets.len() - 1] + size));
        let mut next = offsets.clone();
        let (mut indices, mut values) = (vec![0; 2 * self.indices.len()], vec![0; 2 * self.indices.len()]);
        let mut put = |row: usize, column: usize, value: i8| {
            let at = next[row] as usize;
            (indices[at], values[at]) = (column as u32, value);
            next[row] += 1;
        };
        // What lies below the diagonal first, row by row: so columns ascend.
        (0..n).for_each(|row| self.held(row).for_each(|(column, value)| put(column as usize, row, value)));
        (0..n).for_each(|row| self.held(row).for_each(|(column, value)| put(row, column as usize, value)));
        Self { offsets, indices, values, heights, ..self }
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
        fits.then_some(Self { columns, offsets, indices, values, scales, base, heights: Vec::new() })
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
