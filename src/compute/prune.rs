//! Rows that nobody asks for are not computed.
//!
//! Where a model takes one row of each item at its end (a class token, an end of text), what goes row by row before it needs that
//! row alone. Of a Transformer's last layer that leaves queries, keys, values and attention to be computed for all rows: a
//! quarter of its products, and in a model of 12 layers a sixteenth less altogether.

use super::graph::{Graph, Node, Op, PoolKind, Rows, Shape, Value};

impl Graph {
    /// A graph of the same output, in which nothing is computed that it does not need: not the rows before an [`Op::Pool`] of the
    /// first or last one, nor values that nobody reads. Weights and inputs keep their numbers.
    pub fn pruned(&self) -> Self {
        let taken = self.nodes.iter().rev().find_map(|node| match node.op {
            Op::Pool { kind: kind @ (PoolKind::First | PoolKind::Last), .. } => Some(kind),
            _ => None,
        });
        let takes = |op: &Op| matches!(op, Op::Pool { kind, .. } if Some(*kind) == taken);
        // Which values have to be there with all their rows, and which with the row that is taken: those who read come behind.
        let (mut whole, mut row) = (vec![false; self.nodes.len()], vec![false; self.nodes.len()]);
        if let Some(output) = whole.last_mut() {
            *output = true;
        }
        for (at, Node { op, .. }) in self.nodes.iter().enumerate().rev() {
            whole[at] |= row[at] && !is_by_row(op);
            if whole[at] || row[at] {
                let asked = if takes(op) || !whole[at] { &mut row } else { &mut whole };
                op.inputs().for_each(|x| asked[x.0] = true);
            }
        }
        let mut nodes: Vec<Node> = Vec::new();
        let mut add = |op: Op, shape: Shape| {
            nodes.push(Node { op, shape });
            Value(nodes.len() - 1)
        };
        let (mut wholes, mut rows) = (vec![Value(0); self.nodes.len()], vec![Value(0); self.nodes.len()]);
        for (at, Node { op, shape }) in self.nodes.iter().enumerate() {
            let of = |values: &[Value]| {
                let mut op = op.clone();
                op.inputs_mut(|x| *x = values[x.0]);
                op
            };
            let one = Shape { rows: Rows::PerItem(1), ..*shape };
            match op {
                Op::Pool { x, .. } if whole[at] && takes(op) => wholes[at] = rows[x.0],
                _ if whole[at] => wholes[at] = add(of(&wholes), *shape),
                _ if row[at] => rows[at] = add(of(&rows), one),
                _ => {}
            }
            if whole[at] && row[at] {
                rows[at] = taken.map_or(wholes[at], |kind| add(Op::Pool { x: wholes[at], kind }, one));
            }
        }
        Self { nodes, ..self.clone() }
    }
}

/// Whether each row of the output is made of the same row of the inputs alone.
fn is_by_row(op: &Op) -> bool {
    matches!(op, Op::Linear { .. } | Op::LayerNorm { .. } | Op::Normalize { .. })
}
