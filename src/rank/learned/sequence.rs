//! The sequence encoder on the device: a small causal transformer over the latest events, and its item table in int8.
//!
//! SASRec (Kang & McAuley 2018) with pre-norm blocks and a learned bias per head and distance in place of positions, so
//! that the latest event is distance 0 for every history length. Not here: learning it (`train::sequence`).

use super::terms::{Seen, Shares, Term};

/// Sizes of the encoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    pub items: usize,
    pub dim: usize,
    pub heads: usize,
    pub blocks: usize,
    /// Events looked at.
    pub window: usize,
    pub hidden: usize,
}

/// Where each parameter of a block lies in its flat vector. Matrices are row-major `[in, out]`.
///
/// | part | floats |
/// | --- | --- |
/// | norm 1: gain, bias | 2 d |
/// | query, key, value, output: weights, bias | 4 (d d + d) |
/// | distance bias | heads window |
/// | norm 2: gain, bias | 2 d |
/// | in, out of the feed-forward: weights, bias | d h + h + h d + d |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockLayout {
    pub norm1: usize,
    pub qkv: [usize; 3],
    pub output: usize,
    pub distance: usize,
    pub norm2: usize,
    pub inner: usize,
    pub outer: usize,
    pub len: usize,
}

impl BlockLayout {
    /// The layout for a shape.
    pub fn new(shape: &Shape) -> Self {
        let (d, h) = (shape.dim, shape.hidden);
        let square = d * d + d;
        let norm1 = 0;
        let q = norm1 + 2 * d;
        let output = q + 3 * square;
        let distance = output + square;
        let norm2 = distance + shape.heads * shape.window;
        let inner = norm2 + 2 * d;
        let outer = inner + d * h + h;
        Self {
            norm1,
            qkv: [q, q + square, q + 2 * square],
            output,
            distance,
            norm2,
            inner,
            outer,
            len: outer + h * d + d,
        }
    }
}

/// The shipped encoder.
#[derive(Debug, Clone)]
pub struct SequenceEncoder {
    pub shape: Shape,
    /// Item table, int8 rows `[items, dim]` with a scale each.
    pub table: Vec<i8>,
    pub scales: Vec<f32>,
    /// Blocks in order, then the final norm's gain and bias.
    pub blocks: Vec<f32>,
}

/// `y = norm(x) * gain + bias` over one row; returns (mean, 1 / deviation).
pub fn layer_norm(x: &[f32], gain_bias: &[f32], y: &mut [f32]) -> (f32, f32) {
    let d = x.len();
    let mean = x.iter().sum::<f32>() / d as f32;
    let variance = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / d as f32;
    let inverse = 1.0 / (variance + 1e-6).sqrt();
    for i in 0..d {
        y[i] = (x[i] - mean) * inverse * gain_bias[i] + gain_bias[d + i];
    }
    (mean, inverse)
}

fn affine(x: &[f32], weights: &[f32], out: usize) -> Vec<f32> {
    let (matrix, bias) = weights.split_at(x.len() * out);
    let mut y = bias[..out].to_vec();
    for (value, row) in x.iter().zip(matrix.chunks_exact(out)) {
        for (y, w) in y.iter_mut().zip(row) {
            *y += value * w;
        }
    }
    y
}

impl SequenceEncoder {
    fn embedding(&self, item: u32) -> Vec<f32> {
        let (at, d) = (item as usize, self.shape.dim);
        let scale = self.scales[at];
        self.table[at * d..(at + 1) * d].iter().map(|&v| f32::from(v) * scale).collect()
    }

    /// The state after the last event, `[dim]`; `None` for a history without known items.
    pub fn encode(&self, history: &[Seen]) -> Option<Vec<f32>> {
        let Shape { items, dim: d, heads, blocks, window, hidden } = self.shape;
        let known: Vec<u32> =
            history.iter().filter(|e| (e.item as usize) < items && e.weight > 0.0).map(|e| e.item).collect();
        let latest = &known[known.len().saturating_sub(window)..];
        let mut states: Vec<Vec<f32>> = latest.iter().map(|&i| self.embedding(i)).collect();
        let layout = BlockLayout::new(&self.shape);
        let head = d / heads;
        let n = states.len();
        for block in 0..blocks {
            let p = &self.blocks[block * layout.len..(block + 1) * layout.len];
            let mut normed = vec![0f32; d];
            let mut qkv: Vec<[Vec<f32>; 3]> = Vec::with_capacity(n);
            for state in &states {
                layer_norm(state, &p[layout.norm1..], &mut normed);
                qkv.push([0, 1, 2].map(|i| affine(&normed, &p[layout.qkv[i]..], d)));
            }
            // In the last block only the last event's state is needed.
            let first = if block + 1 == blocks { n.saturating_sub(1) } else { 0 };
            for i in first..n {
                let mut mixed = vec![0f32; d];
                for h in 0..heads {
                    let range = h * head..(h + 1) * head;
                    let bias = &p[layout.distance + h * window..];
                    let mut weights: Vec<f32> = (0..=i)
                        .map(|j| {
                            let pairs = qkv[i][0][range.clone()].iter().zip(&qkv[j][1][range.clone()]);
                            pairs.map(|(a, b)| a * b).sum::<f32>() / (head as f32).sqrt() + bias[i - j]
                        })
                        .collect();
                    let largest = weights.iter().copied().fold(f32::MIN, f32::max);
                    weights.iter_mut().for_each(|w| *w = (*w - largest).exp());
                    let total: f32 = weights.iter().sum();
                    for (j, weight) in weights.iter().enumerate() {
                        for (m, v) in mixed[range.clone()].iter_mut().zip(&qkv[j][2][range.clone()]) {
                            *m += weight / total * v;
                        }
                    }
                }
                let out = affine(&mixed, &p[layout.output..], d);
                states[i].iter_mut().zip(out).for_each(|(s, o)| *s += o);
                layer_norm(&states[i], &p[layout.norm2..], &mut normed);
                let mut inner = affine(&normed, &p[layout.inner..], hidden);
                inner.iter_mut().for_each(|v| *v = v.max(0.0));
                let out = affine(&inner, &p[layout.outer..], d);
                states[i].iter_mut().zip(out).for_each(|(s, o)| *s += o);
            }
        }
        let last = states.last()?;
        let mut out = vec![0f32; d];
        layer_norm(last, &self.blocks[blocks * layout.len..], &mut out);
        Some(out)
    }

    fn score(&self, state: &[f32], item: usize) -> f32 {
        let d = self.shape.dim;
        let row = &self.table[item * d..(item + 1) * d];
        self.scales[item] * row.iter().zip(state).map(|(&v, s)| f32::from(v) * s).sum::<f32>()
    }
}

impl Term for SequenceEncoder {
    fn name(&self) -> &str {
        "sequence"
    }

    fn items(&self) -> usize {
        self.shape.items
    }

    fn download_bytes(&self) -> usize {
        self.table.len() + 4 * self.scales.len() + 4 * self.blocks.len()
    }

    fn add(&self, history: &[Seen], gain: f32, out: &mut [f32]) {
        if let Some(state) = self.encode(history) {
            for (item, out) in out.iter_mut().enumerate().take(self.shape.items) {
                *out += gain * self.score(&state, item);
            }
        }
    }

    /// Occlusion: an event's share is what the score loses without the event; the base is the rest. Not linear, so the
    /// shares add up by that base alone.
    fn shares(&self, history: &[Seen], item: u32) -> Shares {
        let of = |history: &[Seen]| self.encode(history).map_or(0.0, |s| self.score(&s, item as usize));
        let full = of(history);
        let events: Vec<f32> = (0..history.len())
            .map(|without| {
                let mut rest = history.to_vec();
                rest.remove(without);
                full - of(&rest)
            })
            .collect();
        Shares { base: full - events.iter().sum::<f32>(), events }
    }
}
