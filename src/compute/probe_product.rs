//! The probe's question after products of bytes or halves: one product alone, whose right answer is known to the last digit.

use super::builder::Builder;
use super::graph::{Activation, Batch, Graph};
use super::probe::{file, int8};
use crate::error::Result;
use crate::format::tensors::{Part, TensorFile};
use crate::math::rng::Rng;

/// An int8 product of `rows` rows alone, whose inputs are whole numbers up to `most` times a power of two: bytes (127) and halves (1: sums
/// of four of the weights are no larger than a half counts to) hold them and what comes of them without a loss, so that it is held to
/// [`super::probe::TOLERANCE`] like everything else. The graph, its weights, the same in f32, and the inputs.
///
/// # Errors
/// None that is not a bug.
pub fn product(rows: usize, most: f32) -> Result<(Graph, TensorFile, TensorFile, Batch)> {
    const IN: usize = 110;
    const OUT: usize = 70;
    let mut rng = Rng::new(13);
    let mut number = || rng.unit() as f32 * 2.0 - 1.0;
    let (packed, numbers) = int8("w.weight", OUT, IN, true, &mut number);
    let with_bias = |mut parts: Vec<Part<'_>>| {
        parts.push(Part::f32("w.bias", &[OUT], &[0.25; OUT]));
        file(&parts)
    };
    let (packed, plain) = (with_bias(packed)?, with_bias(vec![Part::f32("w.weight", &[OUT, IN], &numbers)])?);
    let mut builder = Builder::new(&packed);
    let x = builder.float_rows(0, IN);
    builder.linear(x, &[("w", OUT)], Activation::None, None)?;
    let floats = vec![(0..rows * IN).map(|_| (number() * most).round() / 64.0).collect()];
    let batch = Batch { items: 1, offsets: vec![vec![0, rows as u32]], floats, ..Batch::default() };
    Ok((builder.finish(), packed, plain, batch))
}
