//! A model as data: a list of ops over matrices whose number of rows may be ragged.
//!
//! Every value is a matrix `[rows, cols]` of f32, the rows of all items of a batch packed end to end: nothing is
//! ever padded. How many rows an item has is [`Rows`]. No op knows a backend, and no backend knows a model.

use std::borrow::Cow;

use crate::error::{Error, Result};

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

impl Rows {
    /// How many rows all items of a batch have together.
    pub fn count(self, batch: &Batch) -> usize {
        match self {
            Rows::PerItem(n) => n * batch.items,
            Rows::Ragged(axis) => batch.offsets[axis].last().copied().unwrap_or(0) as usize,
        }
    }

    /// Where the rows of each item begin, and behind the last one's end: `[items + 1]`.
    pub fn offsets(self, batch: &Batch) -> Cow<'_, [u32]> {
        match self {
            Rows::Ragged(axis) => (&batch.offsets[axis][..]).into(),
            Rows::PerItem(n) => (0..=batch.items).map(|i| (i * n) as u32).collect::<Vec<_>>().into(),
        }
    }
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
    /// GELU by its tanh formula, `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2` (Hendrycks and Gimpel 2016).
    GeluTanh,
    /// `x * sigmoid(1.702 x)`, CLIP's own approximation of GELU.
    QuickGelu,
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    Tanh,
}

/// Which rows of its item a row attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// To all.
    None,
    /// To itself and those before it.
    Causal,
    /// To those of its own tile, where the rows are the positions of an image `width` wide, line by line: tiles are `side` high
    /// and wide, and `cut` lines and columns of the first ones lie outside of the image (Liu et al. 2021, "Swin Transformer":
    /// windows, and windows shifted by `side - cut` whose parts from two ends of the image do not see each other).
    Tiles { width: usize, side: usize, cut: usize },
}

/// A window that slides over an image whose rows are its positions, line by line: `[height * width, channels]`.
///
/// The window of output `(y, x)` covers the input lines `y * stride - top ..` and columns `x * stride - left ..`, `kernel`
/// and `kernel_width` of them; what is outside of the image is zero. So `out_height` and `out_width` say how much stands below and to the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub height: usize,
    pub width: usize,
    /// Lines and columns that it sees; the same but where [`Window::lines`] makes it.
    pub kernel: usize,
    pub kernel_width: usize,
    pub stride: usize,
    /// Zeros above the image, fewer than `kernel`.
    pub top: usize,
    /// Zeros to its left, fewer than `kernel_width`.
    pub left: usize,
    pub out_height: usize,
    pub out_width: usize,
}

impl Window {
    /// `pad` zeros on every side, the output as large as whole windows allow (PyTorch's convolution).
    pub fn padded(height: usize, width: usize, kernel: usize, stride: usize, pad: usize) -> Self {
        let out = |n: usize| (n + 2 * pad).saturating_sub(kernel) / stride.max(1) + 1;
        Self { height, width, kernel, kernel_width: kernel, stride, top: pad, left: pad, out_height: out(height), out_width: out(width) }
    }

    /// TensorFlow's "SAME": the output is the input divided by the stride, rounded up, and of the zeros that takes the odd one
    /// stands below and to the right.
    pub fn same(height: usize, width: usize, kernel: usize, stride: usize) -> Self {
        let out = |n: usize| n.div_ceil(stride.max(1));
        let before = |n: usize| ((out(n).saturating_sub(1) * stride + kernel).saturating_sub(n)) / 2;
        Self { height, width, kernel, kernel_width: kernel, stride, top: before(height), left: before(width), out_height: out(height), out_width: out(width) }
    }

    /// Each line whole: what was one row a position is one row a line, `[height, width * channels]`.
    pub fn lines(height: usize, width: usize) -> Self {
        Self { height, width, kernel: 1, kernel_width: width, stride: 1, top: 0, left: 0, out_height: height, out_width: 1 }
    }

    /// Positions that the window sees.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel_width
    }

    /// Positions of the input.
    pub fn inputs(&self) -> usize {
        self.height * self.width
    }

    /// Positions of the output.
    pub fn outputs(&self) -> usize {
        self.out_height * self.out_width
    }
}

/// How the rows of an item become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// The mean of the item's rows.
    Mean,
    /// The item's first row.
    First,
    /// The mean of the item's first two rows (AST, DeiT).
    FirstTwo,
    /// The item's last row.
    Last,
}

/// One operation. `x` is its main input.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The float input of that number: pixels, or a spectrogram. [`Graph::floats`] has its shape.
    Input { input: usize },
    /// `y[r] = sum over parts of table[ids[r]]`: each part is a table `[entries, cols]` and the number of an integer
    /// input with one id a row.
    Embed { parts: Vec<(Weight, usize)> },
    /// `y = activation(x W^T + b) (+ residual)` with `W` of shape `[out, in]`; several matrices are stacked along `out`.
    Linear { x: Value, parts: Vec<(Weight, Option<Weight>)>, activation: Activation, residual: Option<Value> },
    /// `y = (x - mean) / sqrt(var + eps) * weight + bias`, by row, biased variance.
    LayerNorm { x: Value, weight: Weight, bias: Weight, eps: f32 },
    /// Multi-head attention within each item: `x` is `[rows, 3 * dim]` = queries, keys, values; head width `dim / heads`,
    /// scale `1 / sqrt(head width)`. Output `[rows, dim]`. `bias` is a table `[entries, heads]` of what is added to a score by
    /// where the query stands from the key (query minus key): its middle entry is for the distance 0, and what is beyond its
    /// ends takes the last one. With [`Mask::Tiles`] the distance is `lines * (2 * side - 1) + columns`, else rows.
    Attention { x: Value, heads: usize, mask: Mask, bias: Option<Weight> },
    /// Attention of one learned query `[1, dim]` to the rows of each item: `x` is `[rows, 2 * dim]` = keys, values. Output
    /// `[items, dim]`.
    AttentionPool { x: Value, query: Weight, heads: usize },
    /// The recurrence of an LSTM (Hochreiter and Schmidhuber 1997) along the rows of each item, from a state of zeros: `x` is
    /// `[rows, 4 * hidden]`, what the input adds to the gates, biases included; `weight` `[4 * hidden, hidden]` what the state
    /// adds. Gates as PyTorch orders them: input, forget, cell, output. Output: the states, `[rows, hidden]`.
    Lstm { x: Value, weight: Weight },
    /// What a window sees, one row an output position: `[outputs, kernel * kernel_width * channels]`, lines of the window first,
    /// then its columns, then channels. Followed by [`Op::Linear`] it is a convolution.
    Unfold { x: Value, window: Window },
    /// A convolution of each channel for itself: `y[p][c] = activation(b[c] + sum over taps of w[tap][c] * x[..][c])` with
    /// `w` of shape `[kernel * kernel, channels]`.
    Depthwise { x: Value, weight: Weight, bias: Option<Weight>, window: Window, activation: Activation },
    /// Each item's rows behind the learned rows `first` `[m, cols]`, plus a table of positions `[m + n, cols]`.
    Positions { x: Value, first: Option<Weight>, table: Weight },
    /// The rows of each item to one.
    Pool { x: Value, kind: PoolKind },
    /// Each row to unit length (rows of zeros stay).
    Normalize { x: Value },
}

impl Op {
    /// The values that the op reads.
    pub fn inputs(&self) -> impl Iterator<Item = Value> {
        let (x, residual) = match self {
            Op::Input { .. } | Op::Embed { .. } => (None, None),
            Op::Linear { x, residual, .. } => (Some(*x), *residual),
            Op::LayerNorm { x, .. }
            | Op::Attention { x, .. }
            | Op::AttentionPool { x, .. }
            | Op::Lstm { x, .. }
            | Op::Unfold { x, .. }
            | Op::Depthwise { x, .. }
            | Op::Positions { x, .. }
            | Op::Pool { x, .. }
            | Op::Normalize { x } => (Some(*x), None),
        };
        x.into_iter().chain(residual)
    }

    /// Calls `change` with each value that the op reads.
    pub fn inputs_mut(&mut self, mut change: impl FnMut(&mut Value)) {
        match self {
            Op::Input { .. } | Op::Embed { .. } => {}
            Op::Linear { x, residual, .. } => {
                change(x);
                residual.iter_mut().for_each(change);
            }
            Op::LayerNorm { x, .. }
            | Op::Attention { x, .. }
            | Op::AttentionPool { x, .. }
            | Op::Lstm { x, .. }
            | Op::Unfold { x, .. }
            | Op::Depthwise { x, .. }
            | Op::Positions { x, .. }
            | Op::Pool { x, .. }
            | Op::Normalize { x } => change(x),
        }
    }

    /// The op's stem: file names, reports and tolerances use it.
    pub fn stem(&self) -> &'static str {
        match self {
            Op::Input { .. } => "input",
            Op::Embed { .. } => "embed",
            Op::Linear { .. } => "linear",
            Op::LayerNorm { .. } => "layer_norm",
            Op::Attention { .. } => "attention",
            Op::AttentionPool { .. } => "attention_pool",
            Op::Lstm { .. } => "lstm",
            Op::Unfold { .. } => "unfold",
            Op::Depthwise { .. } => "depthwise",
            Op::Positions { .. } => "positions",
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
    /// `[entries, cols]` of an [`Op::Embed`], or the recurrent matrix of an [`Op::Lstm`]: rounded to int8 row by row, and
    /// multiplied as numbers.
    Table,
    /// `[n]`.
    Vector,
    /// `[kernel * kernel, channels]` of an [`Op::Depthwise`], rows of an [`Op::Positions`], a query, or the bias of an
    /// [`Op::Attention`]: kept as numbers.
    Rows,
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
    /// Shape of each float input.
    pub floats: Vec<Shape>,
}

/// The inputs of one run: `items` items packed end to end.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub items: usize,
    /// Per ragged axis: `[items + 1]` row offsets, the first 0, none descending.
    pub offsets: Vec<Vec<u32>>,
    /// Per integer input: one id a row of its axis.
    pub ids: Vec<Vec<u32>>,
    /// Per float input: `[rows, cols]`.
    pub floats: Vec<Vec<f32>>,
}

impl Batch {
    /// Batches of one graph packed end to end.
    pub fn join(parts: &[Batch]) -> Self {
        let Some((first, rest)) = parts.split_first() else { return Self::default() };
        let mut whole = first.clone();
        for part in rest {
            whole.items += part.items;
            for (to, from) in whole.offsets.iter_mut().zip(&part.offsets) {
                let end = to.last().copied().unwrap_or(0);
                to.extend(from.iter().skip(1).map(|offset| end + offset));
            }
            whole.ids.iter_mut().zip(&part.ids).for_each(|(to, from)| to.extend(from));
            whole.floats.iter_mut().zip(&part.floats).for_each(|(to, from)| to.extend(from));
        }
        whole
    }
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
        if batch.floats.len() != self.floats.len() {
            return bad(format!("{} float inputs given, {} expected", batch.floats.len(), self.floats.len()));
        }
        for (i, (values, shape)) in batch.floats.iter().zip(&self.floats).enumerate() {
            let axis_is_there = !matches!(shape.rows, Rows::Ragged(axis) if axis >= batch.offsets.len());
            if !axis_is_there || values.len() != shape.rows.count(batch) * shape.cols {
                return bad(format!("float input {i} has {} numbers, which are not {shape:?} of {} items", values.len(), batch.items));
            }
        }
        Ok(())
    }

    /// Rows of a value in a batch.
    pub fn rows(&self, value: Value, batch: &Batch) -> usize {
        self.shape(value).rows.count(batch)
    }
}
