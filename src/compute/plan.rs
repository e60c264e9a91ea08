//! Which buffer each value of a graph lives in: values share a buffer once the earlier one is not read any more.
//!
//! Buffers are numbers here; an executor makes them memory of its own.

use super::graph::{Graph, Rows};

/// A buffer for every value.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Per node: the buffer of its output.
    pub buffer: Vec<usize>,
    /// Per buffer: every `(rows, cols)` that it must hold at some time.
    pub holds: Vec<Vec<(Rows, usize)>>,
}

impl Plan {
    /// Assigns buffers greedily in the order of the nodes. An op's output never shares a buffer with one of its inputs.
    pub fn new(graph: &Graph) -> Self {
        let mut last_use: Vec<usize> = (0..graph.nodes.len()).collect();
        for (at, node) in graph.nodes.iter().enumerate() {
            for input in node.op.inputs() {
                last_use[input.0] = at;
            }
        }
        if let Some(last) = last_use.last_mut() {
            *last = usize::MAX;
        }
        let mut free: Vec<usize> = Vec::new();
        let mut holds: Vec<Vec<(Rows, usize)>> = Vec::new();
        let mut buffer = Vec::with_capacity(graph.nodes.len());
        for (at, node) in graph.nodes.iter().enumerate() {
            let want = (node.shape.rows, node.shape.cols);
            // A buffer that already held this very shape first: then it need not grow.
            let found = free.iter().position(|&b| holds[b].contains(&want)).or(if free.is_empty() { None } else { Some(0) });
            let slot = found.map(|i| free.swap_remove(i)).unwrap_or_else(|| {
                holds.push(Vec::new());
                holds.len() - 1
            });
            if !holds[slot].contains(&want) {
                holds[slot].push(want);
            }
            buffer.push(slot);
            for value in 0..=at {
                if last_use[value] == at {
                    free.push(buffer[value]);
                }
            }
        }
        Self { buffer, holds }
    }
}
