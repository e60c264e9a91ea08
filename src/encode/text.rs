//! Texts to unit vectors: tokenize, pack end to end, run in chunks that stay in the cache.

use std::sync::{Mutex, PoisonError};

use tokenizers::{Tokenizer, TruncationParams};

use crate::compute::cpu::{CpuModel, Workspace, isa::Isa};
use crate::compute::graph::Batch;
use crate::error::{Error, Result};
use crate::format::pack::{ModelId, Pack};
use crate::models;

/// Texts are cut here, in bytes, before they are tokenized; far more than a model's longest input, so that only the
/// work is bounded and no answer changes (short of pages of blanks).
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Tokens of one run: its widest activations then stay in a second-level cache.
const CHUNK_TOKENS: usize = 256;

/// A text model that is ready to run.
pub struct TextEncoder {
    id: ModelId,
    dim: usize,
    tokenizer: Tokenizer,
    model: CpuModel,
    workspaces: Mutex<Vec<Workspace>>,
}

impl TextEncoder {
    /// Opens a pack for an instruction set.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Version`] for bytes that are no pack of ours, [`Error::Input`] for an
    /// architecture that is no text model.
    pub fn open(pack: impl Into<std::sync::Arc<Vec<u8>>>, isa: Isa) -> Result<Self> {
        Self::from_pack(&Pack::parse(pack)?, isa)
    }

    /// As [`TextEncoder::open`], from a pack that is parsed already. The pack can be dropped afterwards.
    ///
    /// # Errors
    /// As [`TextEncoder::open`].
    pub fn from_pack(pack: &Pack, isa: Isa) -> Result<Self> {
        let name = pack.architecture.as_str();
        if !models::TEXT.contains(&name) {
            let known = models::TEXT.join(", ");
            return Err(Error::input(format!("{name:?} is not a text architecture of this build; text needs a pack of one of {known}.")));
        }
        let graph = models::graph(name, &pack.config, &pack.encoder, pack.file())?;
        let bad = |e: tokenizers::Error| Error::corrupt("the model pack", format!("its tokenizer: {e}"));
        let mut tokenizer = Tokenizer::from_bytes(pack.tokenizer()?.bytes()).map_err(bad)?;
        tokenizer.with_padding(None);
        let truncation = TruncationParams { max_length: pack.encoder.max_tokens, ..Default::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(bad)?;
        let dim = graph.shape(graph.output()).cols;
        if dim != pack.encoder.dim {
            return Err(Error::corrupt("the model pack", format!("it says {} dimensions, its weights {dim}", pack.encoder.dim)));
        }
        let model = CpuModel::new(graph, pack.file(), isa)?;
        Ok(Self { id: pack.id.clone(), dim, tokenizer, model, workspaces: Mutex::default() })
    }

    /// Length of an embedding.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Which model makes these vectors.
    pub fn model_id(&self) -> &ModelId {
        &self.id
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.model.isa()
    }

    /// One unit vector a text, in order.
    ///
    /// # Errors
    /// [`Error::Input`] where the tokenizer refuses a text.
    pub fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let tokens = texts.iter().map(|t| self.tokenize(t)).collect::<Result<Vec<_>>>()?;
        let mut chunks: Vec<&[Tokens]> = Vec::new();
        let (mut start, mut size) = (0, 0);
        for (at, t) in tokens.iter().enumerate() {
            if at > start && size + t.ids.len() > CHUNK_TOKENS {
                chunks.push(&tokens[start..at]);
                (start, size) = (at, 0);
            }
            size += t.ids.len();
        }
        chunks.push(&tokens[start..]);
        #[cfg(feature = "publisher")]
        let outputs = {
            use rayon::prelude::*;
            chunks.par_iter().map(|c| self.run(c)).collect::<Result<Vec<_>>>()?
        };
        #[cfg(not(feature = "publisher"))]
        let outputs = chunks.iter().map(|c| self.run(c)).collect::<Result<Vec<_>>>()?;
        Ok(outputs.iter().flat_map(|o| o.chunks_exact(self.dim)).map(<[f32]>::to_vec).collect())
    }

    fn tokenize(&self, text: &str) -> Result<Tokens> {
        let encoding = self
            .tokenizer
            .encode_fast(cut(text), true)
            .map_err(|e| Error::input(format!("a text of {} bytes cannot be tokenized: {e}. Give plain text.", text.len())))?;
        Ok(Tokens { ids: encoding.get_ids().to_vec(), types: encoding.get_type_ids().to_vec() })
    }

    /// The outputs of the nodes that `wanted` says (by number) for `texts`, rows end to end: what a quantizer calibrates by.
    /// Rows are divided by the root of their text's number of rows, so that a short text matters as much as a long one.
    ///
    /// # Errors
    /// As [`TextEncoder::encode`].
    pub fn outputs(&self, texts: &[&str], wanted: impl Fn(usize) -> bool) -> Result<Vec<Vec<f32>>> {
        let mut outputs = vec![Vec::new(); self.model.graph().nodes.len()];
        let mut workspace = Workspace::default();
        for text in texts {
            let batch = self.batch(&[self.tokenize(text)?]);
            let weight = 1.0 / (batch.ids[models::bert::IDS].len().max(1) as f32).sqrt();
            self.model.run_observed(&batch, &mut workspace, |at, out| {
                if wanted(at) {
                    outputs[at].extend(out.iter().map(|v| v * weight));
                }
            })?;
        }
        Ok(outputs)
    }

    /// Tokens packed end to end.
    fn batch(&self, tokens: &[Tokens]) -> Batch {
        let mut batch = Batch { items: tokens.len(), offsets: vec![vec![0]], ids: vec![Vec::new(); 3], floats: Vec::new() };
        for t in tokens {
            batch.ids[models::bert::IDS].extend(&t.ids);
            batch.ids[models::bert::POSITIONS].extend(0..t.ids.len() as u32);
            batch.ids[models::bert::TYPES].extend(&t.types);
            batch.offsets[0].push(batch.ids[0].len() as u32);
        }
        // Not every architecture tells types of tokens apart.
        batch.ids.truncate(self.model.graph().ids.len());
        batch
    }

    fn run(&self, tokens: &[Tokens]) -> Result<Vec<f32>> {
        let batch = self.batch(tokens);
        // A poisoned pool only means that another thread panicked: workspaces hold no state between runs.
        let mut workspace = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let output = self.model.run(&batch, &mut workspace);
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
        output
    }
}

struct Tokens {
    ids: Vec<u32>,
    types: Vec<u32>,
}

/// The first [`MAX_TEXT_BYTES`] at most, on a character boundary.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
