//! What Transformers have beside products, forward and back in f32: attention within each item, layer norms, the GELU.
//!
//! Weights of attention are computed again on the way back: a value of the graph is all that is kept.

/// How an attention's columns divide, as `Op::Attention` has them.
#[derive(Clone, Copy)]
pub struct Heads {
    pub heads: usize,
    /// Numbers of a head.
    pub width: usize,
    /// Whether a row sees itself and those before it alone.
    pub causal: bool,
}

impl Heads {
    /// Columns of a head's query, key or value in a row of `x`.
    fn part<'a>(&self, x: &'a [f32], row: usize, which: usize, head: usize) -> &'a [f32] {
        &x[self.columns(row, which, head)]
    }

    fn columns(&self, row: usize, which: usize, head: usize) -> std::ops::Range<usize> {
        let dim = self.heads * self.width;
        let start = row * 3 * dim + which * dim + head * self.width;
        start..start + self.width
    }

    /// Rows that `row` of an item `bounds` sees.
    fn seen(&self, bounds: &[u32], row: usize) -> std::ops::Range<usize> {
        bounds[0] as usize..if self.causal { row + 1 } else { bounds[1] as usize }
    }

    /// A row's weights for what it sees.
    fn weights(&self, x: &[f32], bounds: &[u32], row: usize, head: usize) -> Vec<f32> {
        let (query, scale) = (self.part(x, row, 0, head), 1.0 / (self.width as f32).sqrt());
        let mut weights: Vec<f32> = self.seen(bounds, row).map(|other| dot(query, self.part(x, other, 1, head)) * scale).collect();
        let most = weights.iter().copied().fold(f32::MIN, f32::max);
        weights.iter_mut().for_each(|w| *w = (*w - most).exp());
        let sum: f32 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        weights
    }

    /// `[rows, dim]` of `x` `[rows, 3 * dim]`; `offsets` bound the items.
    pub fn forward(&self, x: &[f32], offsets: &[u32]) -> Vec<f32> {
        let dim = self.heads * self.width;
        let mut out = vec![0.0; x.len() / 3];
        for bounds in offsets.windows(2) {
            for row in bounds[0] as usize..bounds[1] as usize {
                for head in 0..self.heads {
                    let out = &mut out[row * dim + head * self.width..][..self.width];
                    for (weight, other) in self.weights(x, bounds, row, head).into_iter().zip(self.seen(bounds, row)) {
                        out.iter_mut().zip(self.part(x, other, 2, head)).for_each(|(o, v)| *o += weight * v);
                    }
                }
            }
        }
        out
    }

    /// Adds the gradient of `x`, from that of the output `dy` `[rows, dim]`.
    pub fn backward(&self, x: &[f32], offsets: &[u32], dy: &[f32], dx: &mut [f32]) {
        let (dim, scale) = (self.heads * self.width, 1.0 / (self.width as f32).sqrt());
        for bounds in offsets.windows(2) {
            for row in bounds[0] as usize..bounds[1] as usize {
                for head in 0..self.heads {
                    let dy = &dy[row * dim + head * self.width..][..self.width];
                    let weights = self.weights(x, bounds, row, head);
                    let slopes: Vec<f32> = self.seen(bounds, row).map(|other| dot(dy, self.part(x, other, 2, head))).collect();
                    let mean = dot(&weights, &slopes);
                    for ((weight, slope), other) in weights.into_iter().zip(slopes).zip(self.seen(bounds, row)) {
                        let score = weight * (slope - mean) * scale;
                        let mut add = |row: usize, which: usize, by: f32, from: &[f32]| {
                            dx[self.columns(row, which, head)].iter_mut().zip(from).for_each(|(d, v)| *d += by * v);
                        };
                        add(row, 0, score, self.part(x, other, 1, head));
                        add(other, 1, score, self.part(x, row, 0, head));
                        add(other, 2, weight, dy);
                    }
                }
            }
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Mean of a row, and one over its deviation.
fn spread(row: &[f32], eps: f32) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = row.iter().sum::<f32>() / n;
    let variance = row.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n;
    (mean, 1.0 / (variance + eps).sqrt())
}

/// A layer norm of the rows of `x`.
pub fn norm(x: &[f32], gain: &[f32], bias: &[f32], eps: f32) -> Vec<f32> {
    let row = |row: &[f32]| {
        let (mean, inverse) = spread(row, eps);
        row.iter().zip(gain.iter().zip(bias)).map(|(v, (g, b))| (v - mean) * inverse * g + b).collect::<Vec<f32>>()
    };
    x.chunks_exact(gain.len()).flat_map(row).collect()
}

/// Adds the gradients of `x`, of the gain and of the bias, from that of the output `dy`.
pub fn norm_backward(x: &[f32], gain: &[f32], eps: f32, dy: &[f32], dx: &mut [f32], [dgain, dbias]: [&mut [f32]; 2]) {
    let d = gain.len();
    for ((x, dy), dx) in x.chunks_exact(d).zip(dy.chunks_exact(d)).zip(dx.chunks_exact_mut(d)) {
        let (mean, inverse) = spread(x, eps);
        let hat: Vec<f32> = x.iter().map(|v| (v - mean) * inverse).collect();
        let slopes: Vec<f32> = dy.iter().zip(gain).map(|(dy, g)| dy * g).collect();
        let (level, along) = (slopes.iter().sum::<f32>() / d as f32, dot(&slopes, &hat) / d as f32);
        for i in 0..d {
            dgain[i] += dy[i] * hat[i];
            dbias[i] += dy[i];
            dx[i] += inverse * (slopes[i] - level - hat[i] * along);
        }
    }
}

/// The share of a normal distribution below `x` (Abramowitz and Stegun 7.1.26).
fn below(x: f32) -> f32 {
    let a = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let tail = t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4)))) * (-a * a).exp();
    if x < 0.0 { 0.5 * tail } else { 1.0 - 0.5 * tail }
}

/// `x Phi(x)`.
pub fn gelu(x: f32) -> f32 {
    x * below(x)
}

/// Its slope at `x`.
pub fn gelu_slope(x: f32) -> f32 {
    below(x) + x * (-0.5 * x * x).exp() * 0.398_942_3
}
