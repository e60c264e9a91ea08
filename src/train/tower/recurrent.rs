//! The recurrence of an LSTM forward, and back through time (Werbos 1990), in f32.
//!
//! All items have as many steps; letters as PyTorch's documentation of `nn.LSTM` has them. Not here: the gates' input product,
//! which is a linear op like any other.

use faer::Accum;
use faer::MatRef;

use super::passes::product;

/// An LSTM's recurrent weights `[4 * hidden, hidden]` over `items` sequences of the same length.
#[derive(Clone, Copy)]
pub struct Recurrence<'a> {
    pub weights: &'a [f32],
    pub hidden: usize,
    pub items: usize,
}

fn sigmoid(v: f32) -> f32 {
    1.0 / (1.0 + (-v).exp())
}

impl Recurrence<'_> {
    fn matrix(&self) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(self.weights, 4 * self.hidden, self.hidden)
    }

    /// The states `[items * steps, hidden]` of `x` `[items * steps, 4 * hidden]`.
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let (h, items) = (self.hidden, self.items);
        let steps = x.len() / (4 * h * items);
        let mut out = vec![0.0; items * steps * h];
        let (mut gates, mut state, mut cell) = (vec![0.0; items * 4 * h], vec![0.0; items * h], vec![0.0; items * h]);
        for step in 0..steps {
            for (item, gates) in gates.chunks_exact_mut(4 * h).enumerate() {
                gates.copy_from_slice(&x[(item * steps + step) * 4 * h..][..4 * h]);
            }
            product(&mut gates, Accum::Add, MatRef::from_row_major_slice(&state, items, h), self.matrix().transpose());
            for (item, gates) in gates.chunks_exact(4 * h).enumerate() {
                for j in 0..h {
                    let c = &mut cell[item * h + j];
                    *c = sigmoid(gates[h + j]) * *c + sigmoid(gates[j]) * gates[2 * h + j].tanh();
                    state[item * h + j] = sigmoid(gates[3 * h + j]) * c.tanh();
                }
                out[(item * steps + step) * h..][..h].copy_from_slice(&state[item * h..][..h]);
            }
        }
        out
    }

    /// Adds the gradients of `x` and of the weights, from those of the states `dy` `[items * steps, hidden]`.
    pub fn backward(&self, x: &[f32], states: &[f32], dy: &[f32], dx: &mut [f32], dweights: &mut [f32]) {
        let (h, items) = (self.hidden, self.items);
        let rows = states.len() / h;
        let steps = rows / items;
        // The state before each step, and from it all gates at once.
        let mut before = vec![0.0; states.len()];
        before.chunks_exact_mut(steps * h).zip(states.chunks_exact(steps * h)).for_each(|(to, from)| to[h..].copy_from_slice(&from[..(steps - 1) * h]));
        let before = MatRef::from_row_major_slice(&before, rows, h);
        let mut gates = x.to_vec();
        product(&mut gates, Accum::Add, before, self.matrix().transpose());
        for gates in gates.chunks_exact_mut(4 * h) {
            let (two, rest) = gates.split_at_mut(2 * h);
            let (news, output) = rest.split_at_mut(h);
            two.iter_mut().chain(output).for_each(|v| *v = sigmoid(*v));
            news.iter_mut().for_each(|v| *v = v.tanh());
        }
        let mut cells = vec![0.0f32; rows * h];
        for row in 0..rows {
            let gates = &gates[row * 4 * h..][..4 * h];
            for j in 0..h {
                let last = if row % steps > 0 { cells[(row - 1) * h + j] } else { 0.0 };
                cells[row * h + j] = gates[h + j] * last + gates[j] * gates[2 * h + j];
            }
        }
        let mut dgates = vec![0.0f32; rows * 4 * h];
        let (mut dstate, mut dcell, mut own) = (vec![0.0; items * h], vec![0.0; items * h], vec![0.0; items * 4 * h]);
        for step in (0..steps).rev() {
            for item in 0..items {
                let row = item * steps + step;
                let gates = &gates[row * 4 * h..][..4 * h];
                let own = &mut own[item * 4 * h..][..4 * h];
                for j in 0..h {
                    let (i, f, g, o) = (gates[j], gates[h + j], gates[2 * h + j], gates[3 * h + j]);
                    let last = if step > 0 { cells[(row - 1) * h + j] } else { 0.0 };
                    let bent = cells[row * h + j].tanh();
                    let dh = dy[row * h + j] + dstate[item * h + j];
                    let dc = dcell[item * h + j] + dh * o * (1.0 - bent * bent);
                    own[j] = dc * g * i * (1.0 - i);
                    own[h + j] = dc * last * f * (1.0 - f);
                    own[2 * h + j] = dc * i * (1.0 - g * g);
                    own[3 * h + j] = dh * bent * o * (1.0 - o);
                    dcell[item * h + j] = dc * f;
                }
                dgates[row * 4 * h..][..4 * h].copy_from_slice(own);
            }
            product(&mut dstate, Accum::Replace, MatRef::from_row_major_slice(&own, items, 4 * h), self.matrix());
        }
        product(dweights, Accum::Add, MatRef::from_row_major_slice(&dgates, rows, 4 * h).transpose(), before);
        dx.iter_mut().zip(&dgates).for_each(|(dx, d)| *dx += d);
    }
}
