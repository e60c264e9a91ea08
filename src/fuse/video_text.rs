//! Video and text by a small temporal Transformer: frames' vectors and words' vectors as one sequence to one vector.
//!
//! The source article's VTFM. Rows of an item are its frames in time, then its words; every row is projected to the width of
//! the Transformer, and a learned row for its place and one for its kind are added. Layers have their norms in front (Xiong et
//! al. 2020). A film without words, or words without a film, is a shorter sequence: nothing is padded or masked. Not here:
//! frames' and words' vectors (`encode`), and how it is learned (`train::tower::clip`).

use serde::Deserialize;

use crate::compute::builder::Builder;
use crate::compute::graph::{Activation, Batch, Graph, Mask, PoolKind};
use crate::error::{Error, Result};
use crate::format::tensors::TensorFile;

/// As packs name it.
pub const NAME: &str = "video-text";
/// Kinds of rows.
const FRAME: u32 = 0;
const WORD: u32 = 1;

/// The shape of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    /// Numbers of a frame's vector, of a word's, of the Transformer's rows and of the answer.
    pub frame: usize,
    pub word: usize,
    pub width: usize,
    pub dim: usize,
    pub heads: usize,
    pub layers: usize,
    /// Width between the two matrices of the feed-forward.
    pub wide: usize,
    /// Most frames, and most words.
    pub places: usize,
}

/// One item: its frames in time and its words in order, `[rows][numbers]`.
pub type Item<'a> = (&'a [Vec<f32>], &'a [Vec<f32>]);

impl Config {
    /// The inputs of items, packed end to end. Frames and words past [`Config::places`] are left out.
    ///
    /// # Errors
    /// [`Error::Input`] for an item without a row, [`Error::Mismatch`] for vectors of another length.
    pub fn batch(&self, items: &[Item<'_>]) -> Result<Batch> {
        let mut batch = Batch { items: items.len(), offsets: vec![vec![0]], ids: vec![Vec::new(); 2], floats: vec![Vec::new()] };
        for (frames, words) in items {
            for (kind, rows, from, length) in [(FRAME, frames, 0, self.frame), (WORD, words, self.frame, self.word)] {
                for (place, row) in rows.iter().take(self.places).enumerate() {
                    if row.len() != length {
                        return Err(Error::Mismatch(format!("A row has {} numbers, the model reads {length}. Encode with the model that it was made for.", row.len())));
                    }
                    let floats = &mut batch.floats[0];
                    let start = floats.len();
                    floats.resize(start + self.frame + self.word, 0.0);
                    floats[start + from..start + from + length].copy_from_slice(row);
                    batch.ids[0].push(kind * self.places as u32 + place as u32);
                    batch.ids[1].push(kind);
                }
            }
            let end = batch.ids[0].len() as u32;
            if batch.offsets[0].last() == Some(&end) {
                return Err(Error::input("A clip has neither frames nor words. Give one of them."));
            }
            batch.offsets[0].push(end);
        }
        Ok(batch)
    }
}

/// The graph: rows as [`Config::batch`] packs them to unit vectors `[items, dim]`.
///
/// # Errors
/// [`Error::Corrupt`] for weights of other shapes or a width that the heads do not divide.
pub fn graph(config: &Config, file: &TensorFile) -> Result<Graph> {
    let Config { width, heads, places, .. } = *config;
    let mut b = Builder::new(file);
    let rows = b.float_rows(0, config.frame + config.word);
    let (place, kind) = (b.id_input(0, 2 * places), b.id_input(0, 2));
    let where_and_what = b.embed(width, &[("places", 2 * places, place), ("kinds", 2, kind)])?;
    let mut x = b.linear(rows, &[("rows", width)], Activation::None, Some(where_and_what))?;
    for layer in 0..config.layers {
        let at = |part: &str| format!("layers.{layer}.{part}");
        let normal = b.layer_norm(x, &at("norm1"), 1e-5)?;
        let heads_of = b.linear(normal, &[(&at("queries"), width), (&at("keys"), width), (&at("values"), width)], Activation::None, None)?;
        let attended = b.attention(heads_of, heads, Mask::None, None)?;
        x = b.linear(attended, &[(&at("attended"), width)], Activation::None, Some(x))?;
        let normal = b.layer_norm(x, &at("norm2"), 1e-5)?;
        let wide = b.linear(normal, &[(&at("wide"), config.wide)], Activation::Gelu, None)?;
        x = b.linear(wide, &[(&at("narrow"), width)], Activation::None, Some(x))?;
    }
    let normal = b.layer_norm(x, "norm", 1e-5)?;
    let pooled = b.pool(normal, PoolKind::Mean);
    let out = b.linear(pooled, &[("answer", config.dim)], Activation::None, None)?;
    b.normalize(out);
    Ok(b.finish())
}
