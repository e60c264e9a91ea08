//! A joint space in closed form, where there are interactions: of what the same people like.
//!
//! With `z_i` an item's inputs of all modalities one behind the other (centered, each modality's times its weight, zeros for
//! what it lacks), `x_u` a person's likes divided by the root of their number, and items that may be learned from alone,
//!
//! ```text
//! p_u = sum of x_u,i z_i                     a person's profile
//! R   = (Z'Z + lambda I)^-1                  the ridge of likes on content: W = R Z'X'
//! W W' = R (sum of p_u p_u') R = Q E Q'      how alike the likers of two contents are: z W W' z' (Gantner et al. 2010 map to factors)
//! y   = normalize(E^power Q' z)              between the content as it is (0) and the map's own measure (1/2)
//! ```
//!
//! Weights, lambda and power are chosen on the validation cases: a modality of hardly any weight is a legal answer. Nothing here is
//! larger than inputs by inputs, or the items' inputs. Not here: learning by steps, and which of the two is taken
//! (`fusion`).

use faer::{MatRef, Side};

use super::fusion_space::Space;
use super::inverse::invert;
use super::linear::{add_diagonal, matmul, matmul_left_transposed};
use crate::evaluate::dataset::Sequence;
use crate::{Error, Result};

/// What the validation chooses from. The least weight stands for "only where there is nothing else".
const WEIGHTS: [f32; 7] = [0.5, 2.0, 1.0, 0.7, 0.25, 0.1, 0.01];
const LAMBDAS: [f32; 4] = [5.0, 20.0, 1.0, 80.0];
const POWERS: [f32; 4] = [0.25, 0.125, 0.375, 0.0];
/// How often each of them is chosen with the others fixed.
const ROUNDS: usize = 2;
/// People whose profiles are summed at a time.
const PEOPLE: usize = 4096;

/// One start: what was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// `[modalities]`, the first is 1.
    pub weights: Vec<f32>,
    pub lambda: f32,
    pub power: f32,
}

/// Sums over the items and the people that are learned from, for every start alike.
pub struct Likes {
    /// Inputs of each modality, and all of them.
    ranks: Vec<usize>,
    rank: usize,
    /// Means of the inputs over the items that have them, `[rank]`.
    center: Vec<f32>,
    /// Z'Z and the sum of p_u p_u', weights all 1: `[rank, rank]`.
    content: Vec<f32>,
    profiles: Vec<f32>,
}

impl Likes {
    /// Of `sequences`, as far as their items are `allowed`.
    pub fn new(space: &Space, allowed: &[bool], sequences: &[Sequence]) -> Self {
        let ranks: Vec<usize> = (0..space.contents().len()).map(|m| space.inputs(m).1).collect();
        let rank = ranks.iter().sum();
        let mut met = vec![false; space.items];
        sequences.iter().flat_map(|s| &s.items).for_each(|&i| met[i as usize] = allowed[i as usize]);
        let met: Vec<usize> = (0..space.items).filter(|&i| met[i]).collect();
        let mut rows = vec![0f32; met.len() * rank];
        let mut center = vec![0f32; rank];
        let mut from = 0;
        for (m, &own) in ranks.iter().enumerate() {
            let (inputs, _) = space.inputs(m);
            let has = &space.contents()[m].has;
            let count = met.iter().filter(|&&i| has[i]).count().max(1) as f32;
            let mean = &mut center[from..from + own];
            for &item in met.iter().filter(|&&i| has[i]) {
                mean.iter_mut().zip(&inputs[item * own..]).for_each(|(c, v)| *c += v / count);
            }
            for (row, &item) in rows.chunks_exact_mut(rank.max(1)).zip(&met).filter(|(_, item)| has[**item]) {
                let centered = inputs[item * own..(item + 1) * own].iter().zip(&*mean).map(|(v, c)| v - c);
                row[from..from + own].iter_mut().zip(centered).for_each(|(z, v)| *z = v);
            }
            from += own;
        }
        let mut place = vec![usize::MAX; space.items];
        met.iter().enumerate().for_each(|(at, &item)| place[item] = at);
        let (mut content, mut profiles) = (vec![0f32; rank * rank], vec![0f32; rank * rank]);
        matmul_left_transposed(&mut content, &rows, &rows, (rank, met.len(), rank), false);
        for block in sequences.chunks(PEOPLE) {
            let mut people = vec![0f32; block.len() * rank];
            for (profile, sequence) in people.chunks_exact_mut(rank.max(1)).zip(block) {
                let known: Vec<usize> = sequence.items.iter().map(|&i| place[i as usize]).filter(|&at| at != usize::MAX).collect();
                let share = 1.0 / (known.len().max(1) as f32).sqrt();
                known.iter().for_each(|at| profile.iter_mut().zip(&rows[at * rank..]).for_each(|(p, z)| *p += share * z));
            }
            matmul_left_transposed(&mut profiles, &people, &people, (rank, block.len(), rank), true);
        }
        Self { ranks, rank, center, content, profiles }
    }

    /// A start's parameters for every power of `powers`.
    ///
    /// # Errors
    /// [`Error::Input`] where the inputs are no numbers.
    fn parameters(&self, space: &Space, weights: &[f32], lambda: f32, powers: &[f32]) -> Result<Vec<Vec<f32>>> {
        let n = self.rank;
        let scale: Vec<f32> = self.ranks.iter().zip(weights).flat_map(|(&rank, &weight)| std::iter::repeat_n(weight, rank)).collect();
        let weigh = |matrix: &[f32]| matrix.iter().enumerate().map(|(at, v)| v * scale[at / n] * scale[at % n]).collect::<Vec<f32>>();
        let (mut ridge, profiles) = (weigh(&self.content), weigh(&self.profiles));
        add_diagonal(&mut ridge, n, lambda);
        invert(&mut ridge, n)?;
        let (mut half, mut alike) = (vec![0f32; n * n], vec![0f32; n * n]);
        matmul(&mut half, &ridge, &profiles, (n, n, n), false);
        matmul(&mut alike, &half, &ridge, (n, n, n), false);
        let found = MatRef::from_row_major_slice(&alike, n, n).self_adjoint_eigen(Side::Lower);
        let found = found.map_err(|_| Error::input("The items' vectors or interactions are no numbers that a space can be made of. Check the models."))?;
        let (values, vectors) = (found.S().column_vector(), found.U());
        let kept = n.min(space.dim);
        let of = |power: f32| {
            // The largest are the last; what is left of the space stays empty.
            let mut projection = vec![0f32; space.dim * n];
            for (at, row) in projection.chunks_exact_mut(n.max(1)).take(kept).enumerate() {
                let own = n - 1 - at;
                let length = values[own].max(0.0).powf(power);
                row.iter_mut().enumerate().for_each(|(i, v)| *v = length * vectors[(i, own)] * scale[i]);
            }
            space.projecting(&projection, &self.center)
        };
        Ok(powers.iter().map(|&power| of(power)).collect())
    }

    /// The parameters of `start`.
    ///
    /// # Errors
    /// [`Error::Input`] where the inputs are no numbers.
    pub fn start(&self, space: &Space, start: &Start) -> Result<Vec<f32>> {
        Ok(self.parameters(space, &start.weights, start.lambda, &[start.power])?.remove(0))
    }

    /// The start that `quality` likes best, of equal ones the first: lambda and power, then each weight, and again.
    ///
    /// # Errors
    /// [`Error::Input`] where the inputs are no numbers.
    pub fn choose(&self, space: &Space, quality: &dyn Fn(&[f32]) -> f64) -> Result<Start> {
        let mut weights = vec![WEIGHTS[0]; self.ranks.len()];
        weights[0] = 1.0;
        let mut best = Start { weights, lambda: LAMBDAS[0], power: POWERS[0] };
        let mut reached = f64::MIN;
        for _ in 0..ROUNDS {
            for lambda in LAMBDAS {
                for (parameters, power) in self.parameters(space, &best.weights, lambda, &POWERS)?.iter().zip(POWERS) {
                    let found = quality(parameters);
                    if found > reached {
                        (reached, best.lambda, best.power) = (found, lambda, power);
                    }
                }
            }
            for m in 1..self.ranks.len() {
                for weight in WEIGHTS {
                    let mut tried = best.clone();
                    tried.weights[m] = weight;
                    let found = quality(&self.start(space, &tried)?);
                    if found > reached {
                        (reached, best) = (found, tried);
                    }
                }
            }
        }
        Ok(best)
    }
}
