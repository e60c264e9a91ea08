//! Forward and backward passes of the sequence encoder's blocks over a ragged batch, written out by hand.
//!
//! The parameters lie as `rank::learned::sequence::BlockLayout` says. Not here: the loss, the optimizer, the epochs (`sequence`).

use rayon::prelude::*;

use super::linear::{matmul, matmul_left_transposed, matmul_right_transposed};
use crate::math::rng::Rng;
use crate::rank::learned::sequence::{BlockLayout, Shape, layer_norm};

/// Sequences packed end to end: sequence `s` is `tokens[offsets[s]..offsets[s + 1]]`, at most `window` long.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    pub tokens: Vec<u32>,
    pub offsets: Vec<usize>,
}

struct Normed {
    out: Vec<f32>,
    stats: Vec<(f32, f32)>,
}

struct BlockCache {
    x: Vec<f32>,
    norm1: Normed,
    qkv: [Vec<f32>; 3],
    /// Per sequence: `[heads, n, n]` attention weights.
    attention: Vec<Vec<f32>>,
    mixed: Vec<f32>,
    keep1: Vec<f32>,
    middle: Vec<f32>,
    norm2: Normed,
    inner: Vec<f32>,
    keep2: Vec<f32>,
}

/// What the backward pass needs of a forward pass.
pub struct Cache {
    keep0: Vec<f32>,
    blocks: Vec<BlockCache>,
    last: Vec<f32>,
    norm: Normed,
}

fn norm_forward(x: &[f32], d: usize, parameters: &[f32]) -> Normed {
    let mut out = vec![0f32; x.len()];
    let stats = out
        .chunks_exact_mut(d)
        .zip(x.chunks_exact(d))
        .map(|(y, x)| layer_norm(x, parameters, y))
        .collect();
    Normed { out, stats }
}

/// Adds to `dx`, and to the gradients of gain and bias.
fn norm_backward(dy: &[f32], x: &[f32], stats: &[(f32, f32)], gain: &[f32], dx: &mut [f32], dgain: &mut [f32]) {
    let d = gain.len();
    for (((dy, x), dx), &(mean, inverse)) in
        dy.chunks_exact(d).zip(x.chunks_exact(d)).zip(dx.chunks_exact_mut(d)).zip(stats)
    {
        let (mut sum, mut dot) = (0f32, 0f32);
        for i in 0..d {
            let hat = (x[i] - mean) * inverse;
            let g = dy[i] * gain[i];
            dgain[i] += dy[i] * hat;
            dgain[d + i] += dy[i];
            sum += g;
            dot += g * hat;
        }
        let (sum, dot) = (sum / d as f32, dot / d as f32);
        for i in 0..d {
            let hat = (x[i] - mean) * inverse;
            dx[i] += inverse * (dy[i] * gain[i] - sum - hat * dot);
        }
    }
}

/// y = x W + b.
fn affine(x: &[f32], parameters: &[f32], (input, output): (usize, usize)) -> Vec<f32> {
    let t = x.len() / input;
    let bias = &parameters[input * output..input * output + output];
    let mut y: Vec<f32> = bias.iter().copied().cycle().take(t * output).collect();
    matmul(&mut y, x, &parameters[..input * output], (t, input, output), true);
    y
}

/// Adds to `dx`, and to the gradients of W and b.
fn affine_backward(
    dy: &[f32],
    x: &[f32],
    parameters: &[f32],
    (input, output): (usize, usize),
    dx: &mut [f32],
    gradient: &mut [f32],
) {
    let t = x.len() / input;
    matmul_right_transposed(dx, dy, &parameters[..input * output], (t, output, input), true);
    matmul_left_transposed(&mut gradient[..input * output], x, dy, (input, t, output), true);
    let bias = &mut gradient[input * output..input * output + output];
    for row in dy.chunks_exact(output) {
        bias.iter_mut().zip(row).for_each(|(b, v)| *b += v);
    }
}

/// 0 or 1 / (1 - p) per value; empty for p = 0.
fn dropout(len: usize, p: f32, rng: &mut Rng) -> Vec<f32> {
    if p <= 0.0 {
        return Vec::new();
    }
    let keep = 1.0 / (1.0 - p);
    let limit = (f64::from(p) * f64::from(1u32 << 16)) as u64;
    let mut out = Vec::with_capacity(len + 3);
    while out.len() < len {
        let bits = rng.next_u64();
        out.extend((0..4).map(|i| if (bits >> (16 * i)) & 0xffff < limit { 0.0 } else { keep }));
    }
    out.truncate(len);
    out
}

fn apply(values: &mut [f32], keep: &[f32]) {
    values.iter_mut().zip(keep).for_each(|(v, k)| *v *= k);
}

/// States `[tokens, dim]` after every token. `rng` of `None` turns dropout off.
pub fn forward(
    shape: &Shape,
    parameters: &[f32],
    table: &[f32],
    batch: &Packed,
    drop: f32,
    mut rng: Option<&mut Rng>,
) -> (Vec<f32>, Cache) {
    let (d, h, t) = (shape.dim, shape.hidden, batch.tokens.len());
    let layout = BlockLayout::new(shape);
    let mut mask = |len: usize| rng.as_deref_mut().map_or(Vec::new(), |rng| dropout(len, drop, rng));
    let mut x = Vec::with_capacity(t * d);
    for &item in &batch.tokens {
        x.extend_from_slice(&table[item as usize * d..(item as usize + 1) * d]);
    }
    let keep0 = mask(t * d);
    apply(&mut x, &keep0);
    let mut blocks = Vec::with_capacity(shape.blocks);
    for block in 0..shape.blocks {
        let p = &parameters[block * layout.len..(block + 1) * layout.len];
        let norm1 = norm_forward(&x, d, &p[layout.norm1..]);
        let qkv = layout.qkv.map(|at| affine(&norm1.out, &p[at..], (d, d)));
        let (attention, mixed) = attend(shape, &p[layout.distance..], &qkv, &batch.offsets);
        let mut out = affine(&mixed, &p[layout.output..], (d, d));
        let keep1 = mask(t * d);
        apply(&mut out, &keep1);
        let middle: Vec<f32> = x.iter().zip(&out).map(|(a, b)| a + b).collect();
        let norm2 = norm_forward(&middle, d, &p[layout.norm2..]);
        let mut inner = affine(&norm2.out, &p[layout.inner..], (d, h));
        inner.iter_mut().for_each(|v| *v = v.max(0.0));
        let mut out = affine(&inner, &p[layout.outer..], (h, d));
        let keep2 = mask(t * d);
        apply(&mut out, &keep2);
        let next = middle.iter().zip(&out).map(|(a, b)| a + b).collect();
        blocks.push(BlockCache { x, norm1, qkv, attention, mixed, keep1, middle, norm2, inner, keep2 });
        x = next;
    }
    let norm = norm_forward(&x, d, &parameters[shape.blocks * layout.len..]);
    let out = norm.out.clone();
    (out, Cache { keep0, blocks, last: x, norm })
}

fn attend(
    shape: &Shape,
    distance: &[f32],
    qkv: &[Vec<f32>; 3],
    offsets: &[usize],
) -> (Vec<Vec<f32>>, Vec<f32>) {
    let (d, heads, window) = (shape.dim, shape.heads, shape.window);
    let head = d / heads;
    let scale = 1.0 / (head as f32).sqrt();
    let parts: Vec<(Vec<f32>, Vec<f32>)> = offsets
        .par_windows(2)
        .map(|w| {
            let (start, n) = (w[0], w[1] - w[0]);
            let row = |i: usize, h: usize| {
                (start + i) * d + h * head..(start + i) * d + (h + 1) * head
            };
            let mut weights = vec![0f32; heads * n * n];
            let mut mixed = vec![0f32; n * d];
            for h in 0..heads {
                for i in 0..n {
                    let line = &mut weights[(h * n + i) * n..(h * n + i + 1) * n];
                    let q = &qkv[0][row(i, h)];
                    let mut largest = f32::MIN;
                    for j in 0..=i {
                        let k = &qkv[1][row(j, h)];
                        line[j] = q.iter().zip(k).map(|(a, b)| a * b).sum::<f32>() * scale + distance[h * window + i - j];
                        largest = largest.max(line[j]);
                    }
                    let mut total = 0f32;
                    line[..=i].iter_mut().for_each(|w| {
                        *w = (*w - largest).exp();
                        total += *w;
                    });
                    let out = &mut mixed[i * d + h * head..i * d + (h + 1) * head];
                    for j in 0..=i {
                        line[j] /= total;
                        let weight = line[j];
                        out.iter_mut().zip(&qkv[2][row(j, h)]).for_each(|(o, v)| *o += weight * v);
                    }
                }
            }
            (weights, mixed)
        })
        .collect();
    let mut weights = Vec::with_capacity(parts.len());
    let mut mixed = Vec::with_capacity(qkv[0].len());
    for (w, m) in parts {
        weights.push(w);
        mixed.extend_from_slice(&m);
    }
    (weights, mixed)
}

/// Gradients of query, key and value; adds to the distance bias's.
fn attend_backward(
    shape: &Shape,
    qkv: &[Vec<f32>; 3],
    attention: &[Vec<f32>],
    dmixed: &[f32],
    offsets: &[usize],
    ddistance: &mut [f32],
) -> [Vec<f32>; 3] {
    let (d, heads, window) = (shape.dim, shape.heads, shape.window);
    let head = d / heads;
    let scale = 1.0 / (head as f32).sqrt();
    let parts: Vec<([Vec<f32>; 3], Vec<f32>)> = offsets
        .par_windows(2)
        .zip(attention)
        .map(|(w, weights)| {
            let (start, n) = (w[0], w[1] - w[0]);
            let at = |i: usize, h: usize| (start + i) * d + h * head..(start + i) * d + (h + 1) * head;
            let own = |i: usize, h: usize| i * d + h * head..i * d + (h + 1) * head;
            let mut out = [vec![0f32; n * d], vec![0f32; n * d], vec![0f32; n * d]];
            let mut bias = vec![0f32; heads * window];
            let mut dweight = vec![0f32; n];
            for h in 0..heads {
                for i in 0..n {
                    let line = &weights[(h * n + i) * n..(h * n + i + 1) * n];
                    let dout = &dmixed[at(i, h)];
                    let mut dot = 0f32;
                    for j in 0..=i {
                        let v = &qkv[2][at(j, h)];
                        dweight[j] = dout.iter().zip(v).map(|(a, b)| a * b).sum();
                        dot += dweight[j] * line[j];
                        out[2][own(j, h)].iter_mut().zip(dout).for_each(|(o, g)| *o += line[j] * g);
                    }
                    for j in 0..=i {
                        let g = line[j] * (dweight[j] - dot);
                        bias[h * window + i - j] += g;
                        let g = g * scale;
                        out[0][own(i, h)].iter_mut().zip(&qkv[1][at(j, h)]).for_each(|(o, k)| *o += g * k);
                        out[1][own(j, h)].iter_mut().zip(&qkv[0][at(i, h)]).for_each(|(o, q)| *o += g * q);
                    }
                }
            }
            (out, bias)
        })
        .collect();
    let mut gradients = [Vec::new(), Vec::new(), Vec::new()];
    for (part, bias) in parts {
        gradients.iter_mut().zip(part).for_each(|(g, p)| g.extend_from_slice(&p));
        ddistance.iter_mut().zip(bias).for_each(|(g, b)| *g += b);
    }
    gradients
}

/// Adds the gradients of the blocks to `gradient` and of the input embeddings, token by token, to `dtable`.
pub fn backward(
    shape: &Shape,
    parameters: &[f32],
    batch: &Packed,
    cache: &Cache,
    dout: &[f32],
    gradient: &mut [f32],
    dtable: &mut [f32],
) {
    let (d, h) = (shape.dim, shape.hidden);
    let layout = BlockLayout::new(shape);
    let tail = shape.blocks * layout.len;
    let mut dx = vec![0f32; dout.len()];
    norm_backward(dout, &cache.last, &cache.norm.stats, &parameters[tail..tail + d], &mut dx, &mut gradient[tail..]);
    for block in (0..shape.blocks).rev() {
        let p = &parameters[block * layout.len..(block + 1) * layout.len];
        let g = &mut gradient[block * layout.len..(block + 1) * layout.len];
        let c = &cache.blocks[block];
        // Feed-forward: x = middle + keep2 * outer(relu(inner(norm2(middle)))).
        let mut branch = dx.clone();
        apply(&mut branch, &c.keep2);
        let mut dinner = vec![0f32; c.inner.len()];
        affine_backward(&branch, &c.inner, &p[layout.outer..], (h, d), &mut dinner, &mut g[layout.outer..]);
        dinner.iter_mut().zip(&c.inner).for_each(|(g, v)| *g = if *v > 0.0 { *g } else { 0.0 });
        let mut dnorm = vec![0f32; dx.len()];
        affine_backward(&dinner, &c.norm2.out, &p[layout.inner..], (d, h), &mut dnorm, &mut g[layout.inner..]);
        let gain = &p[layout.norm2..layout.norm2 + d];
        norm_backward(&dnorm, &c.middle, &c.norm2.stats, gain, &mut dx, &mut g[layout.norm2..]);
        // Attention: middle = x + keep1 * output(attend(norm1(x))).
        let mut branch = dx.clone();
        apply(&mut branch, &c.keep1);
        let mut dmixed = vec![0f32; dx.len()];
        affine_backward(&branch, &c.mixed, &p[layout.output..], (d, d), &mut dmixed, &mut g[layout.output..]);
        let distance = &mut g[layout.distance..layout.distance + shape.heads * shape.window];
        let dqkv = attend_backward(shape, &c.qkv, &c.attention, &dmixed, &batch.offsets, distance);
        let mut dnorm = vec![0f32; dx.len()];
        for (at, dy) in layout.qkv.into_iter().zip(&dqkv) {
            affine_backward(dy, &c.norm1.out, &p[at..], (d, d), &mut dnorm, &mut g[at..]);
        }
        let gain = &p[layout.norm1..layout.norm1 + d];
        norm_backward(&dnorm, &c.x, &c.norm1.stats, gain, &mut dx, &mut g[layout.norm1..]);
    }
    apply(&mut dx, &cache.keep0);
    for (&item, row) in batch.tokens.iter().zip(dx.chunks_exact(d)) {
        dtable[item as usize * d..(item as usize + 1) * d].iter_mut().zip(row).for_each(|(g, v)| *g += v);
    }
}
