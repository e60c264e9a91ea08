//! Transitions: which items follow which, as a ridge regression from the weighted past to the weighted future.
//!
//! SLIT of Choi et al., WWW 2021, "Session-aware Linear Item-Item Models": every event is a cut; the row of S holds the
//! events before it, weighted exp(-distance / past), the row of T those after it, weighted exp(-distance / future);
//! B = (S'S + lambda I)^-1 S'T. Not here: the score on the device (`rank::learned::neighbors`).

use rayon::prelude::*;

use super::inverse::{Stand, inverse_of, ridge_inverse};
use super::linear::{add_diagonal, add_product_transposed, matmul};
use super::matrix::Csr;
use crate::Result;
use crate::evaluate::dataset::Sequence;

/// How transitions are weighed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransitionSettings {
    pub lambda: f32,
    /// Distances in events after which a past, a future event counts 1/e.
    pub past: f32,
    pub future: f32,
    /// At most so many events on either side of a cut.
    pub window: usize,
}

/// The matrices S and T of all cuts.
pub fn cuts(sequences: &[Sequence], items: usize, settings: &TransitionSettings) -> (Csr, Csr) {
    let (mut past, mut future) = (Csr::new(items), Csr::new(items));
    let fade = |distance: usize, scale: f32| (-(distance as f32) / scale).exp();
    for sequence in sequences {
        let events = &sequence.items;
        for cut in 1..events.len() {
            let first = cut.saturating_sub(settings.window);
            past.push_row((first..cut).map(|i| (events[i], fade(cut - 1 - i, settings.past))));
            let last = events.len().min(cut + settings.window);
            let weighed = (cut..last).map(|i| (events[i], fade(i - cut, settings.future)));
            future.push_row(weighed.filter(|(_, w)| *w > 1e-3));
        }
    }
    (past, future)
}

/// Events whose cuts stand in memory at once, about: some 300 bytes each with a window of 20.
pub const EVENTS: usize = 2_000_000;

/// B as row-major `[items, items]`: row i is what having just met item i adds to what comes next. Of more events than `most` at a
/// time ([`EVENTS`] are good) S'S and S'T are summed part by part, in dense matrices.
pub fn transitions(sequences: &[Sequence], items: usize, settings: &TransitionSettings, most: usize, stand: &Stand<'_>) -> Result<Vec<f32>> {
    if sequences.iter().map(Sequence::len).sum::<usize>() > most {
        return by_parts(sequences, items, settings, most, stand);
    }
    let (past, future) = cuts(sequences, items, settings);
    let inverse = ridge_inverse(&past, settings.lambda, stand)?;
    let target = sparse_product(&past, &future);
    let mut out = vec![0f32; items * items];
    out.par_chunks_mut(items.max(1)).enumerate().for_each(|(i, row)| {
        for (k, &factor) in inverse[i * items..(i + 1) * items].iter().enumerate() {
            if factor.abs() > 1e-9 {
                let (columns, values) = target.row(k);
                for (&c, &v) in columns.iter().zip(values) {
                    row[c as usize] += factor * v;
                }
            }
        }
        row[i] = 0.0;
    });
    Ok(out)
}

fn by_parts(sequences: &[Sequence], items: usize, settings: &TransitionSettings, most: usize, stand: &Stand<'_>) -> Result<Vec<f32>> {
    let add = |sum: &mut [f32], of: &dyn Fn(&Csr, &Csr, &mut [f32])| {
        let mut rest = sequences;
        while !rest.is_empty() {
            let mut events = 0;
            let many = rest.iter().take_while(|sequence| { events += sequence.len(); events <= most }).count().max(1);
            let (part, others) = rest.split_at(many);
            let (past, future) = cuts(part, items, settings);
            of(&past, &future, sum);
            rest = others;
        }
    };
    let system = || {
        let mut matrix = vec![0f32; items * items];
        add(&mut matrix, &|past, _, sum| add_product_transposed(sum, past, past));
        add_diagonal(&mut matrix, items, settings.lambda);
        matrix
    };
    let inverse = inverse_of(items, system, stand)?;
    let mut target = vec![0f32; items * items];
    add(&mut target, &|past, future, sum| add_product_transposed(sum, past, future));
    let mut out = vec![0f32; items * items];
    matmul(&mut out, &inverse, &target, (items, items, items), false);
    (0..items).for_each(|i| out[i * items + i] = 0.0);
    Ok(out)
}

/// `A'B` as sparse rows; one dense row per thread at a time.
fn sparse_product(a: &Csr, b: &Csr) -> Csr {
    let transposed = a.transpose();
    let rows: Vec<Vec<(u32, f32)>> = (0..a.columns)
        .into_par_iter()
        .map_init(
            || vec![0f32; b.columns],
            |dense, i| {
                let mut touched = Vec::new();
                for (r, v) in transposed.entries(i) {
                    for (c, w) in b.entries(r as usize) {
                        if dense[c as usize] == 0.0 {
                            touched.push(c);
                        }
                        dense[c as usize] += v * w;
                    }
                }
                touched.sort_unstable();
                touched.into_iter().map(|c| (c, std::mem::take(&mut dense[c as usize]))).collect()
            },
        )
        .collect();
    let mut out = Csr::new(b.columns);
    rows.into_iter().for_each(|row| out.push_row(row));
    out
}
