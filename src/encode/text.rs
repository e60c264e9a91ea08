//! Texts to unit vectors: tokenize, pack end to end, run in chunks that stay in the cache.

use super::device::OnDevices;
use super::inputs::{Head, Inputs, OnCpu, each};
use super::race::Heat;
use super::tokenizer::{self, Tokenizer, Tokens};
use crate::compute::cpu::Workspace;
use crate::compute::graph::Batch;
use crate::error::{Error, Result};
use crate::format::pack::{Filling, Pack};
use crate::models;

/// Texts are cut here, in bytes, before they are tokenized; far more than a model's longest input, so that only the
/// work is bounded and no answer changes (short of pages of blanks).
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Tokens of one run: its widest activations then stay in a second-level cache.
const CHUNK_TOKENS: usize = 256;
/// Tokens of one run on a GPU: enough to fill it, and below the seconds after which an operating system takes it away.
const GPU_TOKENS: usize = 2048;

/// What stands before the model: texts to token numbers, and the model as data.
pub struct TextInputs {
    head: Head,
    tokenizer: Tokenizer,
    max_tokens: usize,
    fill: Option<Filling>,
}

impl Inputs for TextInputs {
    fn new(pack: &Pack) -> Result<Self> {
        let head = Head::of(pack, &models::TEXT, "is not a text architecture of this build; text needs")?;
        let bad = |e: tokenizers::Error| Error::corrupt("the model pack", format!("its tokenizer: {e}"));
        let tokenizer = tokenizer::read(pack.tokenizer()?.bytes()).map_err(bad)?;
        Ok(Self { head, tokenizer, max_tokens: pack.encoder.max_tokens, fill: pack.encoder.fill })
    }

    fn head(&self) -> &Head {
        &self.head
    }

    /// One short text, and 32 mixed ones.
    fn heat(&self) -> Result<Heat> {
        let text = |words: usize| "an ordinary sentence about nothing in particular ".repeat(words.div_ceil(7));
        let mixed: Vec<String> = (0..32).map(|at| text(8 + at * 3 / 2)).collect();
        let mixed: Vec<&str> = mixed.iter().map(String::as_str).collect();
        let one_run = |texts: &[&str]| Ok(self.batches(texts, usize::MAX)?.swap_remove(0));
        Ok(Heat { one: one_run(&[&text(14)])?, many: one_run(&mixed)?, sample: one_run(&[mixed[0], mixed[10], mixed[21], mixed[31]])? })
    }
}

impl TextInputs {
    /// The inputs of the graph for `texts`, cut into runs of about `tokens` tokens, a longer text alone.
    ///
    /// # Errors
    /// [`Error::Input`] where the tokenizer refuses a text.
    pub fn batches(&self, texts: &[&str], tokens: usize) -> Result<Vec<Batch>> {
        let texts = texts.iter().map(|t| self.tokenize(t)).collect::<Result<Vec<_>>>()?;
        let mut batches = Vec::new();
        let (mut start, mut size) = (0, 0);
        for (at, t) in texts.iter().enumerate() {
            if at > start && size + t.ids.len() > tokens {
                batches.push(self.batch(&texts[start..at]));
                (start, size) = (at, 0);
            }
            size += t.ids.len();
        }
        batches.push(self.batch(&texts[start..]));
        Ok(batches)
    }

    /// The vectors of runs' outputs, one a text.
    pub fn rows(&self, outputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
        outputs.iter().flat_map(|o| o.chunks_exact(self.head.dim)).map(<[f32]>::to_vec).collect()
    }

    fn tokenize(&self, text: &str) -> Result<Tokens> {
        let refused = |e: tokenizers::Error| Error::input(format!("a text of {} bytes cannot be tokenized: {e}. Give plain text.", text.len()));
        let mut tokens = self.tokenizer.encode(cut(text), self.max_tokens).map_err(refused)?;
        if let Some(fill) = self.fill {
            let missing = self.max_tokens.saturating_sub(tokens.ids.len());
            let at = if fill.before { 0 } else { tokens.ids.len() };
            tokens.ids.splice(at..at, std::iter::repeat_n(fill.token, missing));
            tokens.types.splice(at..at, std::iter::repeat_n(0, missing));
        }
        Ok(tokens)
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
        batch.ids.truncate(self.head.graph.ids.len());
        batch
    }
}

/// A text model that is ready to run on the processor.
pub type TextEncoder = OnCpu<TextInputs>;

impl TextEncoder {
    /// One unit vector a text, in order.
    ///
    /// # Errors
    /// [`Error::Input`] where the tokenizer refuses a text.
    pub fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let batches = self.inputs.batches(texts, CHUNK_TOKENS)?;
        let outputs = each(&batches, |batch| self.run(batch))?;
        Ok(self.inputs.rows(&outputs))
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
            let batch = self.inputs.batch(&[self.inputs.tokenize(text)?]);
            let weight = 1.0 / (batch.ids[models::bert::IDS].len().max(1) as f32).sqrt();
            self.model.run_observed(&batch, &mut workspace, |at, out| {
                if wanted(at) {
                    outputs[at].extend(out.iter().map(|v| v * weight));
                }
            })?;
        }
        Ok(outputs)
    }

    /// The output of one run, `[texts, dim]`.
    ///
    /// # Errors
    /// [`Error::Internal`] for a batch that does not fit the model.
    pub fn run(&self, batch: &Batch) -> Result<Vec<f32>> {
        self.model.run_shared(batch)
    }
}

/// A text model on the devices of this machine.
pub type TextDevices = OnDevices<TextInputs>;

impl TextDevices {
    /// One unit vector a text, in order.
    ///
    /// # Errors
    /// [`Error::Input`] where the tokenizer refuses a text. Never because of a GPU.
    pub async fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut outputs = Vec::new();
        if self.devices().on_gpu(texts.len()) {
            for batch in &self.inputs().batches(texts, GPU_TOKENS)? {
                outputs.push(self.devices().run(batch).await?);
            }
        } else {
            for batch in &self.inputs().batches(texts, CHUNK_TOKENS)? {
                outputs.push(self.devices().run_on_cpu(batch)?);
            }
        }
        Ok(self.inputs().rows(&outputs))
    }
}

/// The first [`MAX_TEXT_BYTES`] at most, on a character boundary.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
