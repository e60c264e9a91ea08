//! Every op as plain loops in f64 (copies and single sums in f32), straight from its definition in `compute::graph::Op`.

use palate::compute::graph::{Activation, Mask, PoolKind, Window};

/// Numbers as f64.
pub fn f64s(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&v| f64::from(v)).collect()
}

/// erf by its Maclaurin series below 2, by Laplace's continued fraction of erfc above.
pub fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a > 2.0 {
        let fraction = (1..80).rev().fold(a, |f, n| a + f64::from(n) * 0.5 / f);
        return x.signum() * (1.0 - (-a * a).exp() / fraction / std::f64::consts::PI.sqrt());
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..60 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// An activation.
pub fn activate(activation: Activation, y: f64) -> f64 {
    match activation {
        Activation::None => y,
        Activation::GeluTanh => 0.5 * y * (1.0 + (std::f64::consts::FRAC_2_PI.sqrt() * (y + 0.044_715 * y.powi(3))).tanh()),
        Activation::QuickGelu => y / (1.0 + (-1.702 * y).exp()),
        Activation::Relu6 => y.clamp(0.0, 6.0),
        Activation::Gelu => 0.5 * y * (1.0 + erf(y / std::f64::consts::SQRT_2)),
        Activation::Relu => y.max(0.0),
        Activation::Tanh => y.tanh(),
    }
}

/// `x W^T + b`: `x` `[rows, k]`, `weights` `[n, k]`, `bias` `[n]`.
pub fn linear(x: &[f64], weights: &[f64], bias: &[f32], k: usize) -> Vec<f64> {
    let row = |x: &[f64]| {
        let sums = weights.chunks_exact(k).map(|w| x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>());
        sums.zip(bias).map(|(sum, b)| sum + f64::from(*b)).collect::<Vec<_>>()
    };
    x.chunks_exact(k).flat_map(row).collect()
}

/// `x` `[rows, k]` as bytes hold it: in slices of 32 inputs of a row in steps of 2^-6 of the power of two below the largest number,
/// at most 127 of them; `outliers` stay as they are.
pub fn as_bytes(x: &[f32], k: usize, outliers: &[u32]) -> Vec<f64> {
    let mut out = f64s(x);
    for row in out.chunks_exact_mut(k) {
        for (slice, numbers) in row.chunks_mut(32).enumerate() {
            let inner = |at: usize| !outliers.contains(&((slice * 32 + at) as u32));
            let most = numbers.iter().enumerate().filter(|(at, _)| inner(*at)).fold(0.0f64, |most, (_, v)| most.max(v.abs()));
            if most > 0.0 {
                let step = most.log2().floor().exp2() / 64.0;
                let kept = numbers.iter_mut().enumerate().filter(|(at, _)| inner(*at));
                kept.for_each(|(_, v)| *v = (*v / step).round_ties_even().clamp(-127.0, 127.0) * step);
            }
        }
    }
    out
}

/// Rows with mean 0 and variance 1, times `weights`, plus `bias`.
pub fn layer_norm(x: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f64> {
    let n = weights.len();
    let mut out = Vec::new();
    for row in x.chunks_exact(n) {
        let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / n as f64;
        let variance = row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n as f64;
        out.extend((0..n).map(|i| (f64::from(row[i]) - mean) / (variance + 1e-5).sqrt() * f64::from(weights[i]) + f64::from(bias[i])));
    }
    out
}

/// Rows of length 1.
pub fn normalize(x: &[f32], cols: usize) -> Vec<f64> {
    let row = |row: &[f32]| {
        let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        row.iter().map(|&v| f64::from(v) / length).collect::<Vec<_>>()
    };
    x.chunks_exact(cols).flat_map(row).collect()
}

/// Attention over `[rows, 3 * heads * width]`, `bias` as in the graph, `[entries, heads]` or empty.
pub fn attention(x: &[f32], offsets: &[u32], heads: usize, width: usize, mask: Mask, bias: &[f32]) -> Vec<f64> {
    let dim = heads * width;
    let at = |r: usize, part: usize, h: usize, d: usize| f64::from(x[r * 3 * dim + part * dim + h * width + d]);
    let mut want = vec![0.0f64; x.len() / 3];
    for bounds in offsets.windows(2) {
        let range = bounds[0] as usize..bounds[1] as usize;
        // Where a row stands in its image, and in which tile.
        let place = |row: usize| match mask {
            Mask::Tiles { width, .. } => ((row - range.start) / width, (row - range.start) % width),
            _ => (0, row - range.start),
        };
        let tile = |row: usize| match mask {
            Mask::Tiles { side, cut, .. } => Some(((place(row).0 + cut) / side, (place(row).1 + cut) / side)),
            _ => None,
        };
        let biased = |q: usize, k: usize, h: usize| {
            let (lines, columns) = (place(q).0 as i64 - place(k).0 as i64, place(q).1 as i64 - place(k).1 as i64);
            let entries = (bias.len() / heads) as i64;
            let entry = match mask {
                _ if entries == 0 => return 0.0,
                Mask::Tiles { side, .. } => (lines + side as i64 - 1) * (2 * side as i64 - 1) + columns + side as i64 - 1,
                _ => (columns + entries / 2).clamp(0, entries - 1),
            };
            f64::from(bias[entry as usize * heads + h])
        };
        for h in 0..heads {
            for q in range.clone() {
                let range: Vec<usize> = range.clone().filter(|&k| (mask != Mask::Causal || k <= q) && tile(q) == tile(k)).collect();
                let scores: Vec<f64> = range
                    .iter()
                    .map(|&k| (0..width).map(|d| at(q, 0, h, d) * at(k, 1, h, d)).sum::<f64>() / (width as f64).sqrt() + biased(q, k, h))
                    .collect();
                let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - high).exp()).sum();
                for d in 0..width {
                    want[q * dim + h * width + d] = range.iter().zip(&scores).map(|(&k, s)| (s - high).exp() / sum * at(k, 2, h, d)).sum();
                }
            }
        }
    }
    want
}

/// Attention of `query` `[dim]` to the rows of each item, `x` `[rows, 2 * dim]`.
pub fn attention_pool(x: &[f32], offsets: &[u32], query: &[f32], heads: usize) -> Vec<f64> {
    let (dim, width) = (query.len(), query.len() / heads);
    let at = |r: u32, col: usize| f64::from(x[r as usize * 2 * dim + col]);
    let mut want = Vec::new();
    for bounds in offsets.windows(2) {
        for col in 0..dim {
            let head = col / width * width;
            let score = |r: u32| (0..width).map(|d| f64::from(query[head + d]) * at(r, head + d)).sum::<f64>() / (width as f64).sqrt();
            let total: f64 = (bounds[0]..bounds[1]).map(|r| score(r).exp()).sum();
            want.push((bounds[0]..bounds[1]).map(|r| score(r).exp() / total * at(r, dim + col)).sum());
        }
    }
    want
}

/// The states `[rows, hidden]` of `x` `[rows, 4 * hidden]`.
pub fn lstm(x: &[f32], offsets: &[u32], weights: &[f32], hidden: usize) -> Vec<f64> {
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let mut out = Vec::new();
    for bounds in offsets.windows(2) {
        let (mut state, mut cell) = (vec![0.0f64; hidden], vec![0.0f64; hidden]);
        for row in bounds[0] as usize..bounds[1] as usize {
            let gate = |which: usize, j: usize| {
                let at = which * hidden + j;
                let own: f64 = (0..hidden).map(|k| f64::from(weights[at * hidden + k]) * state[k]).sum();
                f64::from(x[row * 4 * hidden + at]) + own
            };
            let next: Vec<(f64, f64)> = (0..hidden)
                .map(|j| {
                    let c = sigmoid(gate(1, j)) * cell[j] + sigmoid(gate(0, j)) * gate(2, j).tanh();
                    (c, sigmoid(gate(3, j)) * c.tanh())
                })
                .collect();
            (cell, state) = next.into_iter().unzip();
            out.extend(&state);
        }
    }
    out
}

/// What the window sees of `x` `[items * inputs, channels]`.
pub fn unfold(x: &[f32], channels: usize, w: &Window) -> Vec<f32> {
    let mut want = Vec::new();
    for item in 0..x.len() / (w.inputs() * channels) {
        for oy in 0..w.out_height {
            for ox in 0..w.out_width {
                for ky in 0..w.kernel {
                    for kx in 0..w.kernel_width {
                        let (y, x_at) = ((oy * w.stride + ky) as i64 - w.top as i64, (ox * w.stride + kx) as i64 - w.left as i64);
                        let inside = (0..w.height as i64).contains(&y) && (0..w.width as i64).contains(&x_at);
                        for c in 0..channels {
                            let at = || ((item * w.height + y as usize) * w.width + x_at as usize) * channels + c;
                            want.push(if inside { x[at()] } else { 0.0 });
                        }
                    }
                }
            }
        }
    }
    want
}

/// A convolution of each channel, `taps` `[kernel * kernel, channels]`.
pub fn depthwise(x: &[f32], w: &Window, taps: &[f32], bias: &[f32], activation: Activation) -> Vec<f64> {
    let channels = bias.len();
    let mut want = Vec::new();
    for item in 0..x.len() / (w.inputs() * channels) {
        for oy in 0..w.out_height {
            for ox in 0..w.out_width {
                for c in 0..channels {
                    let mut sum = f64::from(bias[c]);
                    for (tap, k) in (0..w.kernel * w.kernel).map(|t| (t, (t / w.kernel, t % w.kernel))) {
                        let (y, x_at) = ((oy * w.stride + k.0) as i64 - w.top as i64, (ox * w.stride + k.1) as i64 - w.left as i64);
                        if (0..w.height as i64).contains(&y) && (0..w.width as i64).contains(&x_at) {
                            let at = ((item * w.height + y as usize) * w.width + x_at as usize) * channels + c;
                            sum += f64::from(x[at]) * f64::from(taps[tap * channels + c]);
                        }
                    }
                    want.push(activate(activation, sum));
                }
            }
        }
    }
    want
}

/// Each item's `own` rows behind the rows `first`, plus the rows `table`.
pub fn positions(x: &[f32], own: usize, first: &[f32], table: &[f32], cols: usize) -> Vec<f32> {
    let learned = first.len() / cols;
    let mut want = Vec::new();
    for item in 0..x.len() / (own * cols) {
        for row in 0..learned + own {
            for c in 0..cols {
                let number = if row < learned { first[row * cols + c] } else { x[(item * own + row - learned) * cols + c] };
                want.push(number + table[row * cols + c]);
            }
        }
    }
    want
}

/// One row an item, zeros for an item without any.
pub fn pool(x: &[f32], offsets: &[u32], cols: usize, kind: PoolKind) -> Vec<f64> {
    let mut want = Vec::new();
    for bounds in offsets.windows(2) {
        let rows: Vec<usize> = (bounds[0] as usize..bounds[1] as usize).collect();
        for c in 0..cols {
            let at = |r: &usize| f64::from(x[r * cols + c]);
            want.push(match kind {
                PoolKind::Mean => rows.iter().map(at).sum::<f64>() / rows.len().max(1) as f64,
                PoolKind::FirstTwo => rows.iter().take(2).map(at).sum::<f64>() / rows.len().clamp(1, 2) as f64,
                PoolKind::First => rows.first().map_or(0.0, at),
                PoolKind::Last => rows.last().map_or(0.0, at),
            });
        }
    }
    want
}
