//! Forward and backward passes through a tower's graph in f32, one small group of items at a time.
//!
//! What runs here is the same graph that pages run, so that nothing is said twice. Values are `[positions, channels]` of all
//! items of the group end to end. Not here: the loss, the optimizer, and ops that no tower has.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::attentive::{self, Heads};
use super::recurrent::Recurrence;
use crate::compute::graph::{Activation, Batch, Graph, Mask, Op, PoolKind, Rows, Weight, Window};
use crate::error::{Error, Result};

/// Numbers by weight of the graph: values or gradients.
pub type Weights = Vec<Vec<f32>>;

/// Zeros as large as the graph's weights.
pub fn zeros(graph: &Graph) -> Weights {
    graph.weights.iter().map(|decl| vec![0.0; decl.shape.iter().product()]).collect()
}

/// Checks that every op of the graph can be learned.
///
/// # Errors
/// [`Error::Input`] for one that cannot.
pub fn check(graph: &Graph) -> Result<()> {
    let learnable = |op: &Op| match op {
        Op::Input { .. } | Op::Embed { .. } | Op::Unfold { .. } | Op::Depthwise { .. } | Op::Normalize { .. } => true,
        Op::LayerNorm { .. } => true,
        Op::Attention { mask, bias, .. } => bias.is_none() && !matches!(mask, Mask::Tiles { .. }),
        Op::Lstm { x, .. } => matches!(graph.shape(*x).rows, Rows::PerItem(_)),
        Op::Pool { kind, .. } => matches!(kind, PoolKind::Mean | PoolKind::Last),
        Op::Linear { activation, residual, .. } => {
            let known = matches!(activation, Activation::None | Activation::Relu | Activation::Relu6 | Activation::Gelu);
            known && (residual.is_none() || *activation == Activation::None)
        }
        _ => false,
    };
    match graph.nodes.iter().find(|node| !learnable(&node.op)) {
        Some(node) => Err(Error::input(format!("a tower with the op {} cannot be learned; start from a MobileNetV2.", node.op.stem()))),
        None => Ok(()),
    }
}

/// Row-major `[m, k]` times `[k, n]`, either transposed as it is stored.
pub(super) fn product(out: &mut [f32], accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    let (m, n) = (a.nrows(), b.ncols());
    // One thread a group: groups run side by side, and the sums are the same on any number of threads.
    matmul(MatMut::from_row_major_slice_mut(out, m, n), accum, a, b, 1.0, Par::Seq);
}

/// `x W^T + b` of stacked matrices, each with its outputs beside those before it; `[rows, cols]`.
fn linear(x: &[f32], weights: &Weights, parts: &[(Weight, Option<Weight>)], graph: &Graph, cols: usize) -> Vec<f32> {
    let inputs = graph.weights[parts[0].0.0].shape[1];
    let rows = x.len() / inputs;
    let mut y = vec![0.0; rows * cols];
    let mut first = 0;
    for (w, bias) in parts {
        let wide = weights[w.0].len() / inputs;
        if let Some(b) = bias {
            y.chunks_exact_mut(cols).for_each(|row| row[first..first + wide].copy_from_slice(&weights[b.0]));
        }
        let w = MatRef::from_row_major_slice(&weights[w.0], wide, inputs);
        let to = MatMut::from_row_major_slice_mut(&mut y, rows, cols).subcols_mut(first, wide);
        matmul(to, Accum::Add, MatRef::from_row_major_slice(x, rows, inputs), w.transpose(), 1.0, Par::Seq);
        first += wide;
    }
    y
}

fn activate(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::Relu => values.iter_mut().for_each(|v| *v = v.max(0.0)),
        Activation::Relu6 => values.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0)),
        Activation::Gelu => values.iter_mut().for_each(|v| *v = attentive::gelu(*v)),
        _ => {}
    }
}

/// Gradients behind an activation to those before it, from its outputs.
fn deactivate(dy: &mut [f32], y: &[f32], activation: Activation) {
    let top = match activation {
        Activation::Relu => f32::INFINITY,
        Activation::Relu6 => 6.0,
        _ => return,
    };
    dy.iter_mut().zip(y).for_each(|(d, &y)| *d = if y > 0.0 && y < top { *d } else { 0.0 });
}

/// Calls `each(output position, tap, input position)` for the taps of a window inside of the picture.
fn taps(w: &Window, mut each: impl FnMut(usize, usize, usize)) {
    for oy in 0..w.out_height {
        for ox in 0..w.out_width {
            for ky in 0..w.kernel {
                let Some(y) = (oy * w.stride + ky).checked_sub(w.top).filter(|&y| y < w.height) else { continue };
                for kx in 0..w.kernel_width {
                    let Some(x) = (ox * w.stride + kx).checked_sub(w.left).filter(|&x| x < w.width) else { continue };
                    each(oy * w.out_width + ox, ky * w.kernel_width + kx, y * w.width + x);
                }
            }
        }
    }
}

/// The outputs of all nodes for a batch that fits the graph.
pub fn forward(graph: &Graph, weights: &Weights, batch: &Batch) -> Vec<Vec<f32>> {
    let items = batch.items;
    let mut outs: Vec<Vec<f32>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let cols = node.shape.cols;
        let out = match &node.op {
            Op::Linear { x, parts, activation, residual } => {
                let mut y = linear(&outs[x.0], weights, parts, graph, cols);
                activate(&mut y, *activation);
                if let Some(r) = residual {
                    y.iter_mut().zip(&outs[r.0]).for_each(|(y, r)| *y += r);
                }
                y
            }
            Op::Depthwise { x, weight, bias, window, activation } => {
                let (w, bias) = (&weights[weight.0], bias.map(|b| &weights[b.0]));
                let mut y = vec![0.0; items * window.outputs() * cols];
                if let Some(b) = bias {
                    y.chunks_exact_mut(cols).for_each(|row| row.copy_from_slice(b));
                }
                for (y, x) in y.chunks_exact_mut(window.outputs() * cols).zip(outs[x.0].chunks_exact(window.inputs() * cols)) {
                    taps(window, |to, tap, from| {
                        let (w, x) = (&w[tap * cols..][..cols], &x[from * cols..][..cols]);
                        y[to * cols..][..cols].iter_mut().zip(w).zip(x).for_each(|((y, w), x)| *y += w * x);
                    });
                }
                activate(&mut y, *activation);
                y
            }
            Op::Unfold { x, window } => {
                let channels = cols / window.taps();
                let mut y = vec![0.0; items * window.outputs() * cols];
                for (y, x) in y.chunks_exact_mut(window.outputs() * cols).zip(outs[x.0].chunks_exact(window.inputs() * channels)) {
                    taps(window, |to, tap, from| y[to * cols + tap * channels..][..channels].copy_from_slice(&x[from * channels..][..channels]));
                }
                y
            }
            Op::Lstm { x, weight } => Recurrence { weights: &weights[weight.0], hidden: cols, items }.forward(&outs[x.0]),
            Op::Pool { x, kind } => {
                let mut y = vec![0.0; items * cols];
                for (y, rows) in y.chunks_exact_mut(cols).zip(pooled(graph.shape(*x).rows, batch, *kind)) {
                    let share = rows.len() as f32;
                    outs[x.0][rows.start * cols..rows.end * cols].chunks_exact(cols).for_each(|x| y.iter_mut().zip(x).for_each(|(y, x)| *y += x / share));
                }
                y
            }
            Op::LayerNorm { x, weight, bias, eps } => attentive::norm(&outs[x.0], &weights[weight.0], &weights[bias.0], *eps),
            Op::Attention { x, heads, mask, .. } => heads_of(*heads, cols, *mask).forward(&outs[x.0], &graph.shape(*x).rows.offsets(batch)),
            Op::Embed { parts } => {
                let mut y = vec![0.0; node.shape.rows.count(batch) * cols];
                for (table, input) in parts {
                    for (y, &id) in y.chunks_exact_mut(cols).zip(&batch.ids[*input]) {
                        y.iter_mut().zip(&weights[table.0][id as usize * cols..]).for_each(|(y, t)| *y += t);
                    }
                }
                y
            }
            Op::Input { input } => batch.floats[*input].clone(),
            Op::Normalize { x } => {
                let mut y = outs[x.0].clone();
                y.chunks_exact_mut(cols).for_each(|row| {
                    let inverse = 1.0 / length(row);
                    row.iter_mut().for_each(|v| *v *= inverse);
                });
                y
            }
            // None that `check` lets through.
            Op::AttentionPool { .. } | Op::Positions { .. } => Vec::new(),
        };
        outs.push(out);
    }
    outs
}

fn heads_of(heads: usize, cols: usize, mask: Mask) -> Heads {
    Heads { heads, width: cols / heads, causal: mask == Mask::Causal }
}

/// The rows of each item that are pooled.
fn pooled(rows: Rows, batch: &Batch, kind: PoolKind) -> Vec<std::ops::Range<usize>> {
    let of = |bounds: &[u32]| {
        let (first, end) = (bounds[0] as usize, bounds[1] as usize);
        if kind == PoolKind::Last { end.saturating_sub(1).max(first)..end } else { first..end }
    };
    rows.offsets(batch).windows(2).map(of).collect()
}

fn length(row: &[f32]) -> f32 {
    row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12)
}

/// Adds the gradients of the weights to `gradient`, from those of the last node's output; nodes before `first` are left as they are.
pub fn backward(graph: &Graph, weights: &Weights, batch: &Batch, outs: &[Vec<f32>], last: Vec<f32>, first: usize, gradient: &mut Weights) {
    let mut grads: Vec<Vec<f32>> = vec![Vec::new(); outs.len()];
    if let Some(end) = grads.last_mut() {
        *end = last;
    }
    for (at, node) in graph.nodes.iter().enumerate().skip(first).rev() {
        let cols = node.shape.cols;
        let mut dy = std::mem::take(&mut grads[at]);
        if dy.is_empty() {
            continue;
        }
        // The input needs no gradient.
        let wanted = |x: usize| x >= first && !matches!(graph.nodes[x].op, Op::Input { .. });
        match &node.op {
            Op::Linear { x, parts, activation, residual } => {
                match activation {
                    // Its slope is that of what went in, which is not kept.
                    Activation::Gelu => dy.iter_mut().zip(linear(&outs[x.0], weights, parts, graph, cols)).for_each(|(d, z)| *d *= attentive::gelu_slope(z)),
                    other => deactivate(&mut dy, &outs[at], *other),
                }
                let inputs = graph.weights[parts[0].0.0].shape[1];
                let rows = dy.len() / cols;
                let needed = wanted(x.0) && !matches!(&graph.nodes[x.0].op, Op::Unfold { x, .. } if !wanted(x.0));
                let mut start = 0;
                for (w, bias) in parts {
                    let wide = weights[w.0].len() / inputs;
                    let d = MatRef::from_row_major_slice(&dy, rows, cols).subcols(start, wide);
                    product(&mut gradient[w.0], Accum::Add, d.transpose(), MatRef::from_row_major_slice(&outs[x.0], rows, inputs));
                    if let Some(b) = bias {
                        dy.chunks_exact(cols).for_each(|row| gradient[b.0].iter_mut().zip(&row[start..]).for_each(|(g, d)| *g += d));
                    }
                    if needed {
                        let dx = room(&mut grads[x.0], rows * inputs);
                        product(dx, Accum::Add, d, MatRef::from_row_major_slice(&weights[w.0], wide, inputs));
                    }
                    start += wide;
                }
                if let Some(r) = residual {
                    let dr = room(&mut grads[r.0], dy.len());
                    dr.iter_mut().zip(&dy).for_each(|(g, d)| *g += d);
                }
            }
            Op::Depthwise { x, weight, bias, window, activation } => {
                deactivate(&mut dy, &outs[at], *activation);
                if let Some(b) = bias {
                    dy.chunks_exact(cols).for_each(|row| gradient[b.0].iter_mut().zip(row).for_each(|(g, d)| *g += d));
                }
                // The first node that learns may be one; what stands before it gets gradients that nobody reads.
                let (w, x) = (&weights[weight.0], x.0);
                let dx = room(&mut grads[x], outs[x].len());
                let pictures = dy.chunks_exact(window.outputs() * cols).zip(outs[x].chunks_exact(window.inputs() * cols));
                for ((dy, x), dx) in pictures.zip(dx.chunks_exact_mut(window.inputs() * cols)) {
                    taps(window, |to, tap, from| {
                        let dy = &dy[to * cols..][..cols];
                        gradient[weight.0][tap * cols..][..cols].iter_mut().zip(dy).zip(&x[from * cols..][..cols]).for_each(|((g, d), x)| *g += d * x);
                        dx[from * cols..][..cols].iter_mut().zip(dy).zip(&w[tap * cols..][..cols]).for_each(|((g, d), w)| *g += d * w);
                    });
                }
            }
            Op::Unfold { x, window } if wanted(x.0) => {
                let channels = cols / window.taps();
                let dx = room(&mut grads[x.0], outs[x.0].len());
                for (dy, dx) in dy.chunks_exact(window.outputs() * cols).zip(dx.chunks_exact_mut(window.inputs() * channels)) {
                    taps(window, |to, tap, from| {
                        let dy = &dy[to * cols + tap * channels..][..channels];
                        dx[from * channels..][..channels].iter_mut().zip(dy).for_each(|(g, d)| *g += d);
                    });
                }
            }
            Op::Lstm { x, weight } => {
                let recurrence = Recurrence { weights: &weights[weight.0], hidden: cols, items: batch.items };
                let dx = room(&mut grads[x.0], outs[x.0].len());
                recurrence.backward(&outs[x.0], &outs[at], &dy, dx, &mut gradient[weight.0]);
            }
            Op::Pool { x, kind } => {
                let dx = room(&mut grads[x.0], outs[x.0].len());
                for (dy, rows) in dy.chunks_exact(cols).zip(pooled(graph.shape(*x).rows, batch, *kind)) {
                    let share = rows.len() as f32;
                    dx[rows.start * cols..rows.end * cols].chunks_exact_mut(cols).for_each(|dx| dx.iter_mut().zip(dy).for_each(|(g, d)| *g += d / share));
                }
            }
            Op::LayerNorm { x, weight, bias, eps } => {
                let dx = room(&mut grads[x.0], dy.len());
                let (mut gain, mut offset) = (std::mem::take(&mut gradient[weight.0]), std::mem::take(&mut gradient[bias.0]));
                attentive::norm_backward(&outs[x.0], &weights[weight.0], *eps, &dy, dx, [&mut gain, &mut offset]);
                (gradient[weight.0], gradient[bias.0]) = (gain, offset);
            }
            Op::Attention { x, heads, mask, .. } => {
                let dx = room(&mut grads[x.0], outs[x.0].len());
                heads_of(*heads, cols, *mask).backward(&outs[x.0], &graph.shape(*x).rows.offsets(batch), &dy, dx);
            }
            Op::Embed { parts } => {
                for (table, input) in parts {
                    for (dy, &id) in dy.chunks_exact(cols).zip(&batch.ids[*input]) {
                        gradient[table.0][id as usize * cols..].iter_mut().zip(dy).for_each(|(g, d)| *g += d);
                    }
                }
            }
            Op::Normalize { x } => {
                let dx = room(&mut grads[x.0], dy.len());
                let rows = dy.chunks_exact(cols).zip(outs[at].chunks_exact(cols)).zip(outs[x.0].chunks_exact(cols));
                for (dx, ((dy, y), x)) in dx.chunks_exact_mut(cols).zip(rows) {
                    let (dot, inverse) = (dy.iter().zip(y).map(|(d, y)| d * y).sum::<f32>(), 1.0 / length(x));
                    dx.iter_mut().zip(dy).zip(y).for_each(|((g, d), y)| *g += (d - y * dot) * inverse);
                }
            }
            _ => {}
        }
    }
}

/// A gradient that is there, zeros where nothing has come yet.
fn room(gradient: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if gradient.is_empty() {
        gradient.resize(len, 0.0);
    }
    gradient
}
