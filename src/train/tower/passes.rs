//! Forward and backward passes through a tower's graph in f32, one small group of pictures or sounds at a time.
//!
//! What runs here is the same graph that pages run, so that nothing is said twice. Values are `[positions, channels]` of all
//! pictures of the group end to end. Not here: the loss, the optimizer, and ops that no tower has.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::recurrent::Recurrence;
use crate::compute::graph::{Activation, Graph, Op, PoolKind, Rows, Window};
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
        Op::Input { .. } | Op::Unfold { .. } | Op::Depthwise { .. } | Op::Normalize { .. } | Op::Lstm { .. } => true,
        Op::Pool { kind, .. } => matches!(kind, PoolKind::Mean | PoolKind::Last),
        Op::Linear { parts, activation, residual, .. } => parts.len() == 1 && (residual.is_none() || *activation == Activation::None),
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

fn activate(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::Relu => values.iter_mut().for_each(|v| *v = v.max(0.0)),
        Activation::Relu6 => values.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0)),
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

/// The outputs of all nodes for `items` pictures, `pixels` `[items, positions, 3]`.
pub fn forward(graph: &Graph, weights: &Weights, pixels: Vec<f32>, items: usize) -> Vec<Vec<f32>> {
    let mut outs: Vec<Vec<f32>> = Vec::with_capacity(graph.nodes.len());
    let mut pixels = Some(pixels);
    for node in &graph.nodes {
        let cols = node.shape.cols;
        let out = match &node.op {
            Op::Linear { x, parts, activation, residual } => {
                let (x, (w, bias)) = (&outs[x.0], parts[0]);
                let inputs = weights[w.0].len() / cols;
                let rows = x.len() / inputs;
                let mut y = match bias {
                    Some(b) => weights[b.0].iter().copied().cycle().take(rows * cols).collect(),
                    None => vec![0.0; rows * cols],
                };
                let w = MatRef::from_row_major_slice(&weights[w.0], cols, inputs);
                product(&mut y, Accum::Add, MatRef::from_row_major_slice(x, rows, inputs), w.transpose());
                activate(&mut y, *activation);
                if let Some(r) = residual {
                    y.iter_mut().zip(&outs[r.0]).for_each(|(y, r)| *y += r);
                }
                y
            }
            Op::Depthwise { x, weight, bias, window, activation } => {
                let (w, bias) = (&weights[weight.0], bias.map(|b| &weights[b.0]));
                let mut y: Vec<f32> = match bias {
                    Some(b) => b.iter().copied().cycle().take(items * window.outputs() * cols).collect(),
                    None => vec![0.0; items * window.outputs() * cols],
                };
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
                let rows = outs[x.0].len() / (items * cols);
                let positions = if *kind == PoolKind::Last { 1 } else { rows };
                let pooled = outs[x.0].chunks_exact(rows * cols).map(|x| &x[(rows - positions) * cols..]);
                for (y, x) in y.chunks_exact_mut(cols).zip(pooled) {
                    x.chunks_exact(cols).for_each(|x| y.iter_mut().zip(x).for_each(|(y, x)| *y += x / positions as f32));
                }
                y
            }
            Op::Normalize { x } => {
                let mut y = outs[x.0].clone();
                y.chunks_exact_mut(cols).for_each(|row| {
                    let inverse = 1.0 / length(row);
                    row.iter_mut().for_each(|v| *v *= inverse);
                });
                y
            }
            _ => pixels.take().unwrap_or_default(),
        };
        outs.push(out);
    }
    outs
}

fn length(row: &[f32]) -> f32 {
    row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12)
}

/// Adds the gradients of the weights to `gradient`, from those of the last node's output; nodes before `first` are left as they are.
pub fn backward(graph: &Graph, weights: &Weights, outs: &[Vec<f32>], last: Vec<f32>, first: usize, gradient: &mut Weights) {
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
                deactivate(&mut dy, &outs[at], *activation);
                let (w, bias) = parts[0];
                let inputs = weights[w.0].len() / cols;
                let rows = dy.len() / cols;
                let d = MatRef::from_row_major_slice(&dy, rows, cols);
                product(&mut gradient[w.0], Accum::Add, d.transpose(), MatRef::from_row_major_slice(&outs[x.0], rows, inputs));
                if let Some(b) = bias {
                    dy.chunks_exact(cols).for_each(|row| gradient[b.0].iter_mut().zip(row).for_each(|(g, d)| *g += d));
                }
                if wanted(x.0) && !matches!(&graph.nodes[x.0].op, Op::Unfold { x, .. } if !wanted(x.0)) {
                    let dx = room(&mut grads[x.0], rows * inputs);
                    product(dx, Accum::Add, d, MatRef::from_row_major_slice(&weights[w.0], cols, inputs));
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
                let steps = match node.shape.rows {
                    Rows::PerItem(n) => n,
                    Rows::Ragged(_) => continue,
                };
                let recurrence = Recurrence { weights: &weights[weight.0], hidden: cols, items: dy.len() / (steps * cols) };
                let dx = room(&mut grads[x.0], outs[x.0].len());
                recurrence.backward(&outs[x.0], &outs[at], &dy, dx, &mut gradient[weight.0]);
            }
            Op::Pool { x, kind } => {
                let items = dy.len() / cols;
                let rows = outs[x.0].len() / (items * cols);
                let positions = if *kind == PoolKind::Last { 1 } else { rows };
                let dx = room(&mut grads[x.0], outs[x.0].len());
                for (dx, dy) in dx.chunks_exact_mut(rows * cols).map(|dx| &mut dx[(rows - positions) * cols..]).zip(dy.chunks_exact(cols)) {
                    dx.chunks_exact_mut(cols).for_each(|dx| dx.iter_mut().zip(dy).for_each(|(g, d)| *g += d / positions as f32));
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
