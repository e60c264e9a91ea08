//! The joint space while it is learned: what it reads, its parameters, and the passes forward and back.
//!
//! Every modality's vectors are centered, brought to a mean length of 1 and turned onto their first principal axes; what is
//! learned stands behind that, and [`Space::folded`] puts both into one matrix. Not here: losses and the loop (`fusion`).

use super::linear::{matmul, matmul_left_transposed, matmul_right_transposed};
use crate::math::rng::Rng;

/// One modality of every item of a catalog.
#[derive(Debug, Clone)]
pub struct Content {
    /// "text", "image".
    pub name: String,
    pub dim: usize,
    /// Unit rows `[items, dim]`, zeros for an item without.
    pub vectors: Vec<f32>,
    /// `[items]`.
    pub has: Vec<bool>,
}

impl Content {
    /// From unit rows `[items, dim]`; a row of zeros is an item without.
    pub fn new(name: &str, dim: usize, vectors: Vec<f32>) -> Self {
        let has = vectors.chunks_exact(dim.max(1)).map(|row| row.iter().any(|v| *v != 0.0)).collect();
        Self { name: name.to_owned(), dim, vectors, has }
    }

    fn row(&self, item: usize) -> &[f32] {
        &self.vectors[item * self.dim..(item + 1) * self.dim]
    }
}

/// How a modality's vectors become inputs: `z = P (x - center)`, `P` `[rank, dim]` with the scale inside.
struct Reduction {
    center: Vec<f32>,
    axes: Vec<f32>,
    rank: usize,
    /// All items' inputs, `[items, rank]`, zeros for those without.
    inputs: Vec<f32>,
}

/// Most items whose vectors the axes are taken from.
const MOST_ROWS: usize = 8192;
/// Rounds of the subspace iteration (Halko, Martinsson & Tropp 2011, algorithm 4.4).
const ROUNDS: usize = 4;

impl Reduction {
    /// `allowed`: the items that may be learned from.
    fn new(content: &Content, allowed: &[bool], rank: usize, seed: u64) -> Self {
        let d = content.dim;
        let items: Vec<usize> = (0..content.has.len()).filter(|&i| content.has[i] && allowed[i]).collect();
        let step = items.len().div_ceil(MOST_ROWS).max(1);
        let items: Vec<usize> = items.into_iter().step_by(step).collect();
        let n = items.len();
        let mut center = vec![0f32; d];
        for &item in &items {
            center.iter_mut().zip(content.row(item)).for_each(|(c, v)| *c += v / n.max(1) as f32);
        }
        let mut rows = Vec::with_capacity(n * d);
        items.iter().for_each(|&item| rows.extend(content.row(item).iter().zip(&center).map(|(v, c)| v - c)));
        let length = rows.chunks_exact(d).map(|row| row.iter().map(|v| v * v).sum::<f32>().sqrt()).sum::<f32>() / n.max(1) as f32;
        let scale = if length > 1e-6 { 1.0 / length } else { 1.0 };
        let rank = rank.min(d);
        let mut axes = identity(rank, d);
        if rank < d {
            let mut rng = Rng::new(seed);
            axes.iter_mut().for_each(|v| *v = rng.normal() as f32);
            let mut seen = vec![0f32; n * rank];
            orthonormalize(&mut axes, d);
            for _ in 0..ROUNDS {
                matmul_right_transposed(&mut seen, &rows, &axes, (n, d, rank), false);
                matmul_left_transposed(&mut axes, &seen, &rows, (rank, n, d), false);
                orthonormalize(&mut axes, d);
            }
        }
        axes.iter_mut().for_each(|v| *v *= scale);
        let mut inputs = vec![0f32; content.has.len() * rank];
        let all: Vec<usize> = (0..content.has.len()).filter(|&i| content.has[i]).collect();
        for block in all.chunks(1024) {
            let mut rows = Vec::with_capacity(block.len() * d);
            block.iter().for_each(|&item| rows.extend(content.row(item).iter().zip(&center).map(|(v, c)| v - c)));
            let mut out = vec![0f32; block.len() * rank];
            matmul_right_transposed(&mut out, &rows, &axes, (block.len(), d, rank), false);
            out.chunks_exact(rank).zip(block).for_each(|(row, &item)| inputs[item * rank..(item + 1) * rank].copy_from_slice(row));
        }
        Self { center, axes, rank, inputs }
    }
}

fn identity(rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|at| if at / columns == at % columns { 1.0 } else { 0.0 }).collect()
}

/// Makes rows `[.., d]` orthonormal (modified Gram and Schmidt, twice); rows without a direction of their own become zeros.
fn orthonormalize(rows: &mut [f32], d: usize) {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    for at in 0..rows.len() / d {
        let (before, own) = rows.split_at_mut(at * d);
        let own = &mut own[..d];
        let first = dot(own, own).sqrt();
        for _ in 0..2 {
            for other in before.chunks_exact(d) {
                let share = dot(own, other);
                own.iter_mut().zip(other).for_each(|(o, v)| *o -= share * v);
            }
        }
        let length = dot(own, own).sqrt();
        let factor = if length > 1e-5 * first && length > 0.0 { 1.0 / length } else { 0.0 };
        own.iter_mut().for_each(|v| *v *= factor);
    }
}

/// What a list says of a modality: its last entry stands for all that follow.
fn of<T: Copy>(list: &[T], modality: usize) -> Option<T> {
    list.get(modality).or(list.last()).copied()
}

/// Where a modality's parameters stand: values `[dim, rank]`, their bias `[dim]`, the gate `[rank]`, its bias.
#[derive(Debug, Clone, Copy)]
struct Place {
    values: usize,
    bias: usize,
    gate: usize,
    gate_bias: usize,
}

/// The space: inputs of all items and the shape of what is learned.
pub struct Space {
    pub dim: usize,
    pub items: usize,
    contents: Vec<Content>,
    reductions: Vec<Reduction>,
    places: Vec<Place>,
    parameters: usize,
}

/// Rows that were encoded, as [`Space::backward`] needs them.
pub struct Encoded {
    /// `[rows, dim]`, unit length; zeros for a row without any modality.
    pub vectors: Vec<f32>,
    parts: Vec<Part>,
    /// Before they were brought to unit length: `[rows]`.
    lengths: Vec<f32>,
    /// `[rows, modalities]`.
    shares: Vec<f32>,
}

/// One modality of a batch: the rows that have it.
struct Part {
    rows: Vec<usize>,
    /// `[rows, rank]`.
    inputs: Vec<f32>,
    /// `[rows, dim]`.
    values: Vec<f32>,
}

impl Space {
    /// A space of `dim` numbers over what items are; `allowed` items decide centers and axes, of which each modality keeps as
    /// many as `ranks` says (the last of them for all that follow).
    pub fn new(contents: Vec<Content>, allowed: &[bool], dim: usize, ranks: &[usize], seed: u64) -> Self {
        let rank = |m: usize| of(ranks, m).unwrap_or(usize::MAX);
        let reductions: Vec<Reduction> = contents.iter().enumerate().map(|(m, content)| Reduction::new(content, allowed, rank(m), seed ^ (m as u64 + 1))).collect();
        let mut parameters = 0;
        let places = reductions
            .iter()
            .map(|r| {
                let place = Place { values: parameters, bias: parameters + dim * r.rank, gate: parameters + dim * (r.rank + 1), gate_bias: parameters + dim * (r.rank + 1) + r.rank };
                parameters = place.gate_bias + 1;
                place
            })
            .collect();
        Self { dim, items: allowed.len(), contents, reductions, places, parameters }
    }

    /// What items are.
    pub fn contents(&self) -> &[Content] {
        &self.contents
    }

    /// How many parameters are learned.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Where the parameters stand that weights decay of: projections and gates, not their biases.
    pub fn decays(&self) -> Vec<std::ops::Range<usize>> {
        self.places.iter().flat_map(|p| [p.values..p.bias, p.gate..p.gate_bias]).collect()
    }

    /// First parameters: random projections that keep lengths; gates of the modalities behind the first that weigh e^`others`
    /// times as much as its.
    pub fn start(&self, seed: u64, others: f32) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        let mut parameters = vec![0f32; self.parameters];
        for place in &self.places {
            let deviation = 1.0 / (self.dim as f64).sqrt();
            parameters[place.values..place.bias].iter_mut().for_each(|v| *v = (rng.normal() * deviation) as f32);
        }
        self.places.iter().skip(1).for_each(|place| parameters[place.gate_bias] = others);
        parameters
    }

    /// Parameters that project all modalities' inputs, one behind the other and without `center` `[inputs]`, by `projection`
    /// `[dim, inputs]`, at a length of about 1; every gate weighs alike.
    pub fn projecting(&self, projection: &[f32], center: &[f32]) -> Vec<f32> {
        let mut parameters = vec![0f32; self.parameters];
        let all = center.len();
        let length = projection.iter().map(|v| v * v).sum::<f32>().sqrt() / (all.max(1) as f32).sqrt();
        let mut from = 0;
        for (place, reduction) in self.places.iter().zip(&self.reductions) {
            let columns = from..from + reduction.rank;
            for (row, all) in projection.chunks_exact(all.max(1)).enumerate() {
                let own = &mut parameters[place.values + row * reduction.rank..][..reduction.rank];
                own.iter_mut().zip(&all[columns.clone()]).for_each(|(v, p)| *v = p / length.max(1e-12));
                let along: f32 = own.iter().zip(&center[columns.clone()]).map(|(v, c)| v * c).sum();
                parameters[place.bias + row] = -along;
            }
            from = columns.end;
        }
        parameters
    }

    /// The inputs of a modality, `[items, rank]` with zeros for items without it, and their rank.
    pub fn inputs(&self, modality: usize) -> (&[f32], usize) {
        let reduction = &self.reductions[modality];
        (&reduction.inputs, reduction.rank)
    }

    /// `parameters` with the gate of a modality moved by `by`: its weight against others times e^by.
    pub fn with_gate(&self, parameters: &[f32], modality: usize, by: f32) -> Vec<f32> {
        let mut moved = parameters.to_vec();
        moved[self.places[modality].gate_bias] += by;
        moved
    }

    /// Encodes items from the modalities that `use_of` says (by its place in the batch and the modality) of those that they
    /// have. With `drop` an input of a modality is left out by that chance, and the others are raised.
    pub fn forward(&self, parameters: &[f32], items: &[u32], use_of: &dyn Fn(usize, usize) -> bool, mut drop: Option<(&[f32], &mut Rng)>) -> Encoded {
        let (d, count, n) = (self.dim, self.places.len(), items.len());
        let mut gates = vec![f32::NEG_INFINITY; n * count];
        let mut parts = Vec::with_capacity(count);
        for (m, (place, reduction)) in self.places.iter().zip(&self.reductions).enumerate() {
            let rank = reduction.rank;
            let rows: Vec<usize> = (0..n).filter(|&row| self.contents[m].has[items[row] as usize] && use_of(row, m)).collect();
            let mut inputs = Vec::with_capacity(rows.len() * rank);
            rows.iter().for_each(|&row| inputs.extend(&reduction.inputs[items[row] as usize * rank..(items[row] as usize + 1) * rank]));
            if let Some((shares, rng)) = &mut drop && let Some(share) = of(shares, m).filter(|share| *share > 0.0) {
                let keep = 1.0 / (1.0 - share);
                let bound = (f64::from(share) * 65_536.0) as u64;
                for four in inputs.chunks_mut(4) {
                    let bits = rng.next_u64();
                    four.iter_mut().enumerate().for_each(|(i, v)| *v = if (bits >> (16 * i)) & 0xffff < bound { 0.0 } else { *v * keep });
                }
            }
            let mut values: Vec<f32> = parameters[place.bias..place.bias + d].iter().copied().cycle().take(rows.len() * d).collect();
            matmul_right_transposed(&mut values, &inputs, &parameters[place.values..place.bias], (rows.len(), rank, d), true);
            let gate = &parameters[place.gate..place.gate_bias];
            for (input, &row) in inputs.chunks_exact(rank).zip(&rows) {
                gates[row * count + m] = input.iter().zip(gate).map(|(a, b)| a * b).sum::<f32>() + parameters[place.gate_bias];
            }
            parts.push(Part { rows, inputs, values });
        }
        for row in gates.chunks_exact_mut(count) {
            let high = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.iter_mut().for_each(|s| *s = if *s == f32::NEG_INFINITY { 0.0 } else { (*s - high).exp() });
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|s| *s /= sum.max(f32::MIN_POSITIVE));
        }
        let shares = gates;
        let mut vectors = vec![0f32; n * d];
        for (m, part) in parts.iter().enumerate() {
            for (value, &row) in part.values.chunks_exact(d).zip(&part.rows) {
                let share = shares[row * count + m];
                vectors[row * d..(row + 1) * d].iter_mut().zip(value).for_each(|(y, v)| *y += share * v);
            }
        }
        let lengths = vectors
            .chunks_exact_mut(d)
            .map(|row| {
                let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
                row.iter_mut().for_each(|v| *v /= length.max(1e-12));
                length.max(1e-12)
            })
            .collect();
        Encoded { vectors, parts, lengths, shares }
    }

    /// Adds the gradient of the parameters to `gradient`; `upstream` is that of the vectors, `[rows, dim]`.
    pub fn backward(&self, encoded: &Encoded, upstream: &[f32], gradient: &mut [f32]) {
        let (d, count) = (self.dim, self.places.len());
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        // y = n / |n|: dn = (dy - y (y . dy)) / |n|.
        let mut sums = upstream.to_vec();
        for ((row, y), length) in sums.chunks_exact_mut(d).zip(encoded.vectors.chunks_exact(d)).zip(&encoded.lengths) {
            let along = dot(row, y);
            row.iter_mut().zip(y).for_each(|(g, y)| *g = (*g - along * y) / length);
        }
        // s = softmax: ds_m = a_m (da_m - sum of a_k da_k), da_m = dn . v_m.
        let mut dshares = vec![0f32; encoded.shares.len()];
        for (m, part) in encoded.parts.iter().enumerate() {
            for (value, &row) in part.values.chunks_exact(d).zip(&part.rows) {
                dshares[row * count + m] = dot(&sums[row * d..(row + 1) * d], value);
            }
        }
        for (row, shares) in dshares.chunks_exact_mut(count).zip(encoded.shares.chunks_exact(count)) {
            let mean = dot(row, shares);
            row.iter_mut().zip(shares).for_each(|(g, a)| *g = a * (*g - mean));
        }
        for (m, (part, place)) in encoded.parts.iter().zip(&self.places).enumerate() {
            let rank = self.reductions[m].rank;
            let mut dvalues = Vec::with_capacity(part.values.len());
            for &row in &part.rows {
                let share = encoded.shares[row * count + m];
                dvalues.extend(sums[row * d..(row + 1) * d].iter().map(|g| g * share));
            }
            matmul_left_transposed(&mut gradient[place.values..place.bias], &dvalues, &part.inputs, (d, part.rows.len(), rank), true);
            for (dvalue, (&row, input)) in dvalues.chunks_exact(d).zip(part.rows.iter().zip(part.inputs.chunks_exact(rank))) {
                gradient[place.bias..place.bias + d].iter_mut().zip(dvalue).for_each(|(g, v)| *g += v);
                let dgate = dshares[row * count + m];
                gradient[place.gate..place.gate_bias].iter_mut().zip(input).for_each(|(g, v)| *g += dgate * v);
                gradient[place.gate_bias] += dgate;
            }
        }
    }

    /// Vectors `[items, dim]` of all items from the modalities that `uses` says; zeros for an item without them.
    pub fn encode(&self, parameters: &[f32], uses: &[bool]) -> Vec<f32> {
        let items: Vec<u32> = (0..self.items as u32).collect();
        let mut out = Vec::with_capacity(self.items * self.dim);
        for block in items.chunks(2048) {
            out.extend(self.forward(parameters, block, &|_, m| uses[m], None).vectors);
        }
        out
    }

    /// What a modality's raw vectors are projected by: values `[dim, dim of the modality]` and bias `[dim]`, gate and its bias.
    pub fn folded(&self, parameters: &[f32], modality: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>, f32) {
        let (place, reduction) = (&self.places[modality], &self.reductions[modality]);
        let (d, rank, from) = (self.dim, reduction.rank, self.contents[modality].dim);
        let fold = |rows: usize, weights: &[f32]| {
            let mut out = vec![0f32; rows * from];
            matmul(&mut out, weights, &reduction.axes, (rows, rank, from), false);
            out
        };
        let values = fold(d, &parameters[place.values..place.bias]);
        let gate = fold(1, &parameters[place.gate..place.gate_bias]);
        let dot = |row: &[f32]| row.iter().zip(&reduction.center).map(|(w, c)| w * c).sum::<f32>();
        let bias = values.chunks_exact(from).zip(&parameters[place.bias..place.bias + d]).map(|(row, b)| b - dot(row)).collect();
        let gate_bias = parameters[place.gate_bias] - dot(&gate);
        (values, bias, gate, gate_bias)
    }
}
