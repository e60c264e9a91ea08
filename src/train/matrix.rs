//! Sparse matrices in compressed rows, for training.
//!
//! Not here: what devices download (`rank::learned::sparse`), dense algebra (`linear`).

use crate::evaluate::dataset::Sequence;

/// Compressed sparse rows, `[rows, columns]`, f32.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Csr {
    pub columns: usize,
    pub offsets: Vec<usize>,
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

impl Csr {
    /// No rows yet.
    pub fn new(columns: usize) -> Self {
        Self { columns, offsets: vec![0], indices: Vec::new(), values: Vec::new() }
    }

    /// Users times items, 1 where a user met an item.
    pub fn binary(sequences: &[Sequence], items: usize) -> Self {
        let entries = sequences.iter().map(Sequence::len).sum();
        let mut matrix = Self { columns: items, offsets: Vec::with_capacity(sequences.len() + 1), indices: Vec::with_capacity(entries), values: Vec::with_capacity(entries) };
        matrix.offsets.push(0);
        for sequence in sequences {
            matrix.push_row(sequence.items.iter().map(|&i| (i, 1.0)));
        }
        matrix
    }

    /// Appends a row.
    pub fn push_row(&mut self, entries: impl IntoIterator<Item = (u32, f32)>) {
        for (column, value) in entries {
            self.indices.push(column);
            self.values.push(value);
        }
        self.offsets.push(self.indices.len());
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The columns and values of one row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[row]..self.offsets[row + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// The entries of one row as pairs.
    pub fn entries(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let (columns, values) = self.row(row);
        columns.iter().copied().zip(values.iter().copied())
    }

    /// `[columns, rows]`, rows of the result in ascending column order.
    pub fn transpose(&self) -> Self {
        let mut offsets = vec![0usize; self.columns + 1];
        for &c in &self.indices {
            offsets[c as usize + 1] += 1;
        }
        for i in 0..self.columns {
            offsets[i + 1] += offsets[i];
        }
        let mut next = offsets.clone();
        let mut indices = vec![0u32; self.indices.len()];
        let mut values = vec![0f32; self.values.len()];
        for row in 0..self.rows() {
            for (column, value) in self.entries(row) {
                let at = &mut next[column as usize];
                indices[*at] = row as u32;
                values[*at] = value;
                *at += 1;
            }
        }
        Self { columns: self.rows(), offsets, indices, values }
    }

    /// The same with every row times n^(-power / 2), n its entries, and all of them times what leaves the sum of squares as it is. In
    /// products of columns a row of n entries then weighs as n^-power: with 1 as much as one of a single entry, with 0 nothing changes.
    pub fn balanced(mut self, power: f32) -> Self {
        if power == 0.0 {
            return self;
        }
        let squares = |values: &[f32]| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        let before = squares(&self.values);
        for row in 0..self.rows() {
            let range = self.offsets[row]..self.offsets[row + 1];
            let factor = (range.len() as f32).powf(-power / 2.0);
            self.values[range].iter_mut().for_each(|v| *v *= factor);
        }
        let factor = (before / squares(&self.values).max(f64::MIN_POSITIVE)).sqrt() as f32;
        self.values.iter_mut().for_each(|v| *v *= factor);
        self
    }

    /// Rows of `below` appended, each value times `factor`.
    pub fn stack(&self, below: &Self, factor: f32) -> Self {
        let mut out = self.clone();
        for row in 0..below.rows() {
            out.push_row(below.entries(row).map(|(c, v)| (c, v * factor)));
        }
        out
    }
}
