//! A model as data: a list of ops over matrices whose number of rows may be ragged.
//!
//! Every value is a matrix `[rows, cols]` of f32, the rows of all items of a batch packed end to end: nothing is
//! ever padded. How many rows an item has is [`Rows`]. No op knows a backend, and no backend knows a model.

use crate::error::{Error, Result};
use crate::format::tensors::TensorFile;

/// A value of a graph: the output of the node of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value(pub usize);

/// A weight of a graph, by its place in [`Graph::weights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weight(pub usize);

/// How many rows each item of a batch contributes to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// As many as the item has along that ragged axis (its tokens, say): [`Batch::offsets`]`[axis]`.
    Ragged(usize),
    /// So many for every item.
    PerItem(usize),
}

/// Shape of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub rows: Rows,
    pub cols: usize,
}

/// What is applied to each number after a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    None,
    /// The exact GELU, `x * Phi(x)`.
    Gelu,
    Relu,
    Tanh,
}

/// How the rows of an item become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// The mean of the item's rows.
    Mean,
    /// The item's first row.
    First,
}

/// One operation. `x` is its main input.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// `y[r] = sum over parts of table[ids[r]]`: each part is a table `[entries, cols]` and the number of an integer
    /// input with one id a row.
    Embed { parts: Vec<(Weight, usize)> },
    /// `y = activation(x W^T + b) (+ residual)` with `W` of shape `[out, in]`; several matrices are stacked along `out`.
    Linear { x: Value, parts: Vec<(Weight, Option<Weight>)>, activation: Activation, residual: Option<Value> },
    /// `y = (x - mean) / sqrt(var + eps) * weight + bias`, by row, biased variance.
    LayerNorm { x: Value, weight: Weight, bias: Weight, eps: f32 },
    /// Multi-head attention within each item: `x` is `[rows, 3 * dim]` = queries, keys, values; head width `dim / heads`,
    /// scale `1 / sqrt(head width)`, no mask. Output `[rows, dim]`.
    Attention { x: Value, heads: usize },
    /// The rows of each item to one.
    Pool { x: Value, kind: PoolKind },
    /// Each row to unit length (rows of zeros stay).
    Normalize { x: Value },
}

impl Op {
    /// The values that the op reads.
    pub fn inputs(&self) -> impl Iterator<Item = Value> {
        let (x, residual) = match self {
            Op::Embed { .. } => (None, None),
            Op::Linear { x, residual, .. } => (Some(*x), *residual),
            Op::LayerNorm { x, .. } | Op::Attention { x, .. } | Op::Pool { x, .. } | Op::Normalize { x } => (Some(*x), None),
        };
        x.into_iter().chain(residual)
    }

    /// The op's stem: file names, reports and tolerances use it.
    pub fn stem(&self) -> &'static str {
        match self {
            Op::Embed { .. } => "embed",
            Op::Linear { .. } => "linear",
            Op::LayerNorm { .. } => "layer_norm",
            Op::Attention { .. } => "attention",
            Op::Pool { .. } => "pool",
            Op::Normalize { .. } => "normalize",
        }
    }
}

/// An op and the shape of its output.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub op: Op,
    pub shape: Shape,
}

/// What a weight is for; decides how an executor lays it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `[out, in]` of a [`Op::Linear`].
    Matrix,
    /// `[entries, cols]` of an [`Op::Embed`].
    Table,
    /// `[n]`.
    Vector,
}

/// A weight that the graph reads from its tensor file.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightDecl {
    pub name: String,
    pub shape: Vec<usize>,
    pub role: Role,
}

/// A whole model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub weights: Vec<WeightDecl>,
    /// For each integer input, its ragged axis and the exclusive upper bound of its ids.
    pub ids: Vec<(usize, usize)>,
}

/// The inputs of one run: `items` items packed end to end.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub items: usize,
    /// Per ragged axis: `[items + 1]` row offsets, the first 0, none descending.
    pub offsets: Vec<Vec<u32>>,
    /// Per integer input: one id a row of its axis.
    pub ids: Vec<Vec<u32>>,
}

impl Graph {
    /// Shape of a value.
    pub fn shape(&self, value: Value) -> Shape {
        self.nodes[value.0].shape
    }

    /// The last node's value: the model's output.
    pub fn output(&self) -> Value {
        Value(self.nodes.len() - 1)
    }

    /// Checks a batch against the graph, so that executors need not.
    ///
    /// # Errors
    /// [`Error::Internal`] for offsets or ids that do not fit.
    pub fn check(&self, batch: &Batch) -> Result<()> {
        let bad = |text: String| Err(Error::Internal(text));
        for (axis, offsets) in batch.offsets.iter().enumerate() {
            if offsets.len() != batch.items + 1 || offsets[0] != 0 || offsets.windows(2).any(|w| w[0] > w[1]) {
                return bad(format!("offsets of axis {axis} do not describe {} items", batch.items));
            }
        }
        if batch.ids.len() != self.ids.len() {
            return bad(format!("{} integer inputs given, {} expected", batch.ids.len(), self.ids.len()));
        }
        for (i, (ids, &(axis, bound))) in batch.ids.iter().zip(&self.ids).enumerate() {
            let rows = batch.offsets.get(axis).and_then(|o| o.last()).copied();
            if rows != Some(ids.len() as u32) {
                return bad(format!("integer input {i} has {} ids, its axis {rows:?} rows", ids.len()));
            }
            if let Some(id) = ids.iter().find(|&&id| id as usize >= bound) {
                return bad(format!("id {id} of integer input {i} is not below {bound}"));
            }
        }
        Ok(())
    }

    /// Rows of a value in a batch.
    pub fn rows(&self, value: Value, batch: &Batch) -> usize {
        match self.shape(value).rows {
            Rows::PerItem(n) => n * batch.items,
            Rows::Ragged(axis) => batch.offsets[axis].last().copied().unwrap_or(0) as usize,
        }
    }
}

/// Builds a graph against the weights that are there, checking every shape.
pub struct Builder<'a> {
    file: &'a TensorFile,
    graph: Graph,
}

impl<'a> Builder<'a> {
    /// Starts an empty graph over the weights of `file`.
    pub fn new(file: &'a TensorFile) -> Self {
        Self { file, graph: Graph::default() }
    }

    /// The finished graph; its output is the last value that was added.
    pub fn finish(self) -> Graph {
        self.graph
    }

    /// Declares a weight and checks its shape.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing or of another shape.
    pub fn weight(&mut self, name: &str, role: Role, shape: &[usize]) -> Result<Weight> {
        let found = self.file.get(name)?.shape;
        if found != shape {
            return Err(Error::corrupt("the model pack", format!("weight {name} has shape {found:?}, expected {shape:?}")));
        }
        self.graph.weights.push(WeightDecl { name: name.into(), shape: found, role });
        Ok(Weight(self.graph.weights.len() - 1))
    }

    fn push(&mut self, op: Op, shape: Shape) -> Value {
        self.graph.nodes.push(Node { op, shape });
        Value(self.graph.nodes.len() - 1)
    }

    /// An integer input along a ragged axis; gives its number.
    pub fn id_input(&mut self, axis: usize, bound: usize) -> usize {
        self.graph.ids.push((axis, bound));
        self.graph.ids.len() - 1
    }

    /// [`Op::Embed`] from `(table name, entries, integer input)` parts.
    ///
    /// # Errors
    /// As [`Builder::weight`].
    pub fn embed(&mut self, cols: usize, parts: &[(&str, usize, usize)]) -> Result<Value> {
        let axis = self.graph.ids[parts[0].2].0;
        let parts = parts
            .iter()
            .map(|&(name, entries, input)| Ok((self.weight(name, Role::Table, &[entries, cols])?, input)))
            .collect::<Result<Vec<_>>>()?;
        Ok(self.push(Op::Embed { parts }, Shape { rows: Rows::Ragged(axis), cols }))
    }

    /// [`Op::Linear`] from `(prefix, out)` parts whose weights are `<prefix>.weight` and `<prefix>.bias`.
    ///
    /// # Errors
    /// As [`Builder::weight`]; [`Error::Internal`] for a residual of another shape.
    pub fn linear(
        &mut self,
        x: Value,
        parts: &[(&str, usize)],
        activation: Activation,
        residual: Option<Value>,
    ) -> Result<Value> {
        let from = self.graph.shape(x);
        let cols = parts.iter().map(|p| p.1).sum();
        let shape = Shape { rows: from.rows, cols };
        if let Some(r) = residual.filter(|&r| self.graph.shape(r) != shape) {
            return Err(Error::Internal(format!("a residual of shape {:?} on {shape:?}", self.graph.shape(r))));
        }
        let parts = parts
            .iter()
            .map(|(prefix, out)| {
                let weight = self.weight(&format!("{prefix}.weight"), Role::Matrix, &[*out, from.cols])?;
                let bias = format!("{prefix}.bias");
                let bias = self.file.contains(&bias).then(|| self.weight(&bias, Role::Vector, &[*out])).transpose()?;
                Ok((weight, bias))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(self.push(Op::Linear { x, parts, activation, residual }, shape))
    }

    /// [`Op::LayerNorm`] with `<prefix>.weight` and `<prefix>.bias`.
    ///
    /// # Errors
    /// As [`Builder::weight`].
    pub fn layer_norm(&mut self, x: Value, prefix: &str, eps: f32) -> Result<Value> {
        let shape = self.graph.shape(x);
        let weight = self.weight(&format!("{prefix}.weight"), Role::Vector, &[shape.cols])?;
        let bias = self.weight(&format!("{prefix}.bias"), Role::Vector, &[shape.cols])?;
        Ok(self.push(Op::LayerNorm { x, weight, bias, eps }, shape))
    }

    /// [`Op::Attention`] over fused queries, keys and values.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the width does not divide into heads.
    pub fn attention(&mut self, x: Value, heads: usize) -> Result<Value> {
        let from = self.graph.shape(x);
        if heads == 0 || from.cols % (3 * heads) != 0 {
            return Err(Error::corrupt("the model pack", format!("{heads} heads do not divide a width of {}", from.cols / 3)));
        }
        Ok(self.push(Op::Attention { x, heads }, Shape { rows: from.rows, cols: from.cols / 3 }))
    }

    /// [`Op::Pool`].
    pub fn pool(&mut self, x: Value, kind: PoolKind) -> Value {
        let cols = self.graph.shape(x).cols;
        self.push(Op::Pool { x, kind }, Shape { rows: Rows::PerItem(1), cols })
    }

    /// [`Op::Normalize`].
    pub fn normalize(&mut self, x: Value) -> Value {
        let shape = self.graph.shape(x);
        self.push(Op::Normalize { x }, shape)
    }
}
