//! Content features of items for training: tf-idf rows over words and attributes, and dense vectors.
//!
//! Not here: reading items (`publish::item_features`), encoders.

use std::collections::HashMap;

use super::matrix::Csr;

/// Content of every item of the catalog.
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// Unit rows `[items, terms]`, columns ascending; items without content have empty rows.
    pub sparse: Csr,
    /// Unit rows `[items, dim]` from an encoder, empty where none was given; items without a vector have zeros.
    pub dense: Vec<f32>,
    pub dim: usize,
    /// Categories of each item (genres, tags), for calibration.
    pub categories: Vec<Vec<u32>>,
    pub category_count: usize,
}

impl Features {
    /// Whether no item has any content.
    pub fn is_empty(&self) -> bool {
        self.sparse.indices.is_empty() && self.dense.is_empty()
    }

    /// Whether `item` has any content.
    pub fn has(&self, item: usize) -> bool {
        let sparse = item < self.sparse.rows() && self.sparse.offsets[item] < self.sparse.offsets[item + 1];
        sparse || self.dense_row(item).iter().any(|v| *v != 0.0)
    }

    /// The dense vector of `item`, empty where there are none.
    pub fn dense_row(&self, item: usize) -> &[f32] {
        self.dense.get(item * self.dim..(item + 1) * self.dim).unwrap_or(&[])
    }
}

/// tf-idf rows from each item's weighted terms. tf = sqrt(weight sum), idf = ln(items / df), rows scaled to length 1;
/// terms of one item only and of more than 30 % of the items are left out, unless nothing else would remain.
pub fn tf_idf(items: &[Vec<(String, f32)>]) -> Csr {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut frequency: Vec<u32> = Vec::new();
    let mut rows: Vec<Vec<(u32, f32)>> = Vec::with_capacity(items.len());
    for item in items {
        let mut sums: HashMap<u32, f32> = HashMap::new();
        for (term, weight) in item {
            let next = numbers.len() as u32;
            let number = *numbers.entry(term.as_str()).or_insert(next);
            *sums.entry(number).or_insert(0.0) += weight;
        }
        let mut row: Vec<(u32, f32)> = sums.into_iter().collect();
        row.sort_unstable_by_key(|(term, _)| *term);
        frequency.resize(numbers.len(), 0);
        for (term, _) in &row {
            frequency[*term as usize] += 1;
        }
        rows.push(row);
    }
    let n = items.iter().filter(|i| !i.is_empty()).count().max(1) as f32;
    let keep = |df: u32| df >= 2 && df as f32 <= (0.3 * n).max(2.0);
    let mut matrix = Csr::new(frequency.len());
    for row in rows {
        let weigh = |all: bool| -> Vec<(u32, f32)> {
            row.iter()
                .filter(|(term, _)| all || keep(frequency[*term as usize]))
                .map(|&(term, sum)| (term, sum.sqrt() * ((n + 1.0) / frequency[term as usize] as f32).ln()))
                .collect()
        };
        let mut row = weigh(false);
        if row.is_empty() {
            row = weigh(true);
        }
        let norm = row.iter().map(|(_, v)| v * v).sum::<f32>().sqrt();
        matrix.push_row(row.into_iter().map(|(term, v)| (term, v / norm.max(1e-12))));
    }
    matrix
}

/// Words of a text: runs of letters and digits, lower case, at least two characters.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() > 1)
        .map(|w| w.chars().flat_map(char::to_lowercase).collect())
}

/// Scales each `[dim]` row to length 1 (zeros stay).
pub fn unit_rows(values: &mut [f32], dim: usize) {
    for row in values.chunks_exact_mut(dim.max(1)) {
        let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        if norm > 0.0 {
            row.iter_mut().for_each(|v| *v /= norm);
        }
    }
}
