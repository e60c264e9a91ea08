//! Builds graphs against the weights that are there, checking every shape.

use super::graph::{Activation, Graph, Mask, Node, Op, PoolKind, Role, Rows, Shape, Value, Weight, WeightDecl, Window};
use crate::error::{Error, Result};
use crate::format::tensors::{DType, TensorFile};

/// Most positions of an image that a graph may have, and most numbers of one value of an item: a pack's configuration is
/// bytes from outside.
const MAX_POSITIONS: usize = 1 << 22;
const MAX_NUMBERS: usize = 1 << 28;
/// Widest state of an LSTM: a GPU's workgroup keeps it.
const MAX_HIDDEN: usize = 1024;
/// Largest side of a tile.
const MAX_SIDE: usize = 1 << 10;

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

    /// Declares a weight and checks its shape; one that several ops read is declared once.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing or of another shape.
    pub fn weight(&mut self, name: &str, role: Role, shape: &[usize]) -> Result<Weight> {
        let found = self.file.get(name)?;
        // Two weights of four bits stand in a byte.
        let stored = match (shape, found.dtype) {
            (&[rows, cols], DType::U8) => vec![rows, cols.div_ceil(2)],
            _ => shape.to_vec(),
        };
        if found.shape != stored {
            return Err(Error::corrupt("the model pack", format!("weight {name} has shape {:?}, expected {stored:?}", found.shape)));
        }
        let decl = WeightDecl { name: name.into(), shape: shape.to_vec(), role };
        let known = self.graph.weights.iter().position(|known| *known == decl);
        Ok(Weight(known.unwrap_or_else(|| {
            self.graph.weights.push(decl);
            self.graph.weights.len() - 1
        })))
    }

    /// The file that weights are declared from.
    pub fn file(&self) -> &TensorFile {
        self.file
    }

    /// Shape of a value.
    pub fn shape(&self, value: Value) -> Shape {
        self.graph.shape(value)
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

    /// A float input of so many rows an item: [`Op::Input`].
    pub fn float_input(&mut self, rows: usize, cols: usize) -> Value {
        let shape = Shape { rows: Rows::PerItem(rows), cols };
        self.graph.floats.push(shape);
        self.push(Op::Input { input: self.graph.floats.len() - 1 }, shape)
    }

    /// A float input with a row for each of an item along a ragged axis: [`Op::Input`].
    pub fn float_rows(&mut self, axis: usize, cols: usize) -> Value {
        let shape = Shape { rows: Rows::Ragged(axis), cols };
        self.graph.floats.push(shape);
        self.push(Op::Input { input: self.graph.floats.len() - 1 }, shape)
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

    /// [`Op::Attention`] over fused queries, keys and values; `bias` is the name of its table.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the width does not divide into heads, tiles do not fit, or the table is none for them.
    pub fn attention(&mut self, x: Value, heads: usize, mask: Mask, bias: Option<&str>) -> Result<Value> {
        let from = self.graph.shape(x);
        let bad = |detail: String| Error::corrupt("the model pack", detail);
        if heads == 0 || from.cols % (3 * heads) != 0 {
            return Err(bad(format!("{heads} heads do not divide a width of {}", from.cols / 3)));
        }
        if let Mask::Tiles { width, side, cut } = mask {
            let fits = matches!(from.rows, Rows::PerItem(rows) if width > 0 && rows % width == 0);
            if !fits || cut >= side || side > MAX_SIDE {
                return Err(bad(format!("{mask:?} does not fit {from:?}")));
            }
        }
        let bias = bias.map(|name| {
            let entries = self.file.get(name)?.shape.first().copied().unwrap_or(0);
            let right = match mask {
                Mask::Tiles { side, .. } => entries == (2 * side - 1) * (2 * side - 1),
                Mask::None | Mask::Causal => entries % 2 == 1,
            };
            if !right || entries > MAX_POSITIONS {
                return Err(bad(format!("{name} has {entries} entries, which are none for {mask:?}")));
            }
            self.weight(name, Role::Rows, &[entries, heads])
        });
        let bias = bias.transpose()?;
        Ok(self.push(Op::Attention { x, heads, mask, bias }, Shape { rows: from.rows, cols: from.cols / 3 }))
    }

    /// [`Op::AttentionPool`] over fused keys and values; `query` is the name of its weight.
    ///
    /// # Errors
    /// As [`Builder::attention`] and [`Builder::weight`].
    pub fn attention_pool(&mut self, x: Value, query: &str, heads: usize) -> Result<Value> {
        let cols = self.graph.shape(x).cols;
        if heads == 0 || cols % (2 * heads) != 0 {
            return Err(Error::corrupt("the model pack", format!("{heads} heads do not divide a width of {}", cols / 2)));
        }
        let query = self.weight(query, Role::Rows, &[1, cols / 2])?;
        Ok(self.push(Op::AttentionPool { x, query, heads }, Shape { rows: Rows::PerItem(1), cols: cols / 2 }))
    }

    /// [`Op::Lstm`] with `<prefix>.weight` over what [`Builder::linear`] made of the input, four numbers a number of the state.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a width that is not four times one of 1 to 1024, and as [`Builder::weight`].
    pub fn lstm(&mut self, x: Value, prefix: &str) -> Result<Value> {
        let from = self.graph.shape(x);
        let hidden = from.cols / 4;
        if from.cols % 4 != 0 || !(1..=MAX_HIDDEN).contains(&hidden) {
            return Err(Error::corrupt("the model pack", format!("an LSTM of {} gates", from.cols)));
        }
        let weight = self.weight(&format!("{prefix}.weight"), Role::Table, &[4 * hidden, hidden])?;
        Ok(self.push(Op::Lstm { x, weight }, Shape { rows: from.rows, cols: hidden }))
    }

    /// [`Op::Unfold`].
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a window that does not fit `x`.
    pub fn unfold(&mut self, x: Value, window: Window) -> Result<Value> {
        let channels = self.image(x, &window)?;
        let cols = window.taps() * channels;
        if cols.saturating_mul(window.outputs()) > MAX_NUMBERS {
            return Err(Error::corrupt("the model pack", format!("a convolution of {cols} inputs at {} positions is too large", window.outputs())));
        }
        Ok(self.push(Op::Unfold { x, window }, Shape { rows: Rows::PerItem(window.outputs()), cols }))
    }

    /// A convolution: [`Op::Unfold`] (nothing where the window is one position) and [`Op::Linear`] with the weights of `prefix`,
    /// `[out, kernel * kernel_width * channels]` in the order of the unfolded columns.
    ///
    /// # Errors
    /// As [`Builder::unfold`] and [`Builder::linear`].
    pub fn convolution(&mut self, x: Value, window: Window, prefix: &str, out: usize, activation: Activation, residual: Option<Value>) -> Result<Value> {
        let x = if window.taps() == 1 && window.stride == 1 { x } else { self.unfold(x, window)? };
        self.linear(x, &[(prefix, out)], activation, residual)
    }

    /// [`Op::Depthwise`] with `<prefix>.weight` `[kernel * kernel, channels]` and, where it is there, `<prefix>.bias`.
    ///
    /// # Errors
    /// As [`Builder::unfold`] and [`Builder::weight`].
    pub fn depthwise(&mut self, x: Value, window: Window, prefix: &str, activation: Activation) -> Result<Value> {
        let channels = self.image(x, &window)?;
        if window.kernel != window.kernel_width {
            return Err(Error::Internal(format!("a convolution of each channel for itself has a square window, not {window:?}")));
        }
        let weight = self.weight(&format!("{prefix}.weight"), Role::Rows, &[window.taps(), channels])?;
        let bias = format!("{prefix}.bias");
        let bias = self.file.contains(&bias).then(|| self.weight(&bias, Role::Vector, &[channels])).transpose()?;
        let shape = Shape { rows: Rows::PerItem(window.outputs()), cols: channels };
        Ok(self.push(Op::Depthwise { x, weight, bias, window, activation }, shape))
    }

    /// Checks that a window slides over `x`; gives its channels.
    fn image(&self, x: Value, window: &Window) -> Result<usize> {
        let shape = self.graph.shape(x);
        let bad = |detail: String| Err(Error::corrupt("the model pack", detail));
        let Window { kernel, kernel_width, stride, top, left, .. } = *window;
        if shape.rows != Rows::PerItem(window.inputs()) {
            return bad(format!("a window over {} x {} does not fit {shape:?}", window.height, window.width));
        }
        if [kernel, kernel_width].iter().any(|k| !(1..=64).contains(k)) || stride == 0 || top >= kernel || left >= kernel_width || window.outputs() == 0 || window.outputs() > MAX_POSITIONS {
            return bad(format!("{window:?} is no window"));
        }
        Ok(shape.cols)
    }

    /// [`Op::Positions`]: `first` and `table` are names of weights, `rows` is how many `first` has.
    ///
    /// # Errors
    /// As [`Builder::weight`]; [`Error::Internal`] where items have no fixed number of rows.
    pub fn positions(&mut self, x: Value, first: Option<(&str, usize)>, table: &str) -> Result<Value> {
        let Shape { rows: Rows::PerItem(n), cols } = self.graph.shape(x) else {
            return Err(Error::Internal("learned rows stand before items of a fixed number of rows alone".into()));
        };
        let rows = n + first.map_or(0, |f| f.1);
        let first = first.map(|(name, rows)| self.weight(name, Role::Rows, &[rows, cols])).transpose()?;
        let table = self.weight(table, Role::Rows, &[rows, cols])?;
        Ok(self.push(Op::Positions { x, first, table }, Shape { rows: Rows::PerItem(rows), cols }))
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
