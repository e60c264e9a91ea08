//! `tokenizer.json` of a checkpoint: texts to token numbers, by the parts of the library `tokenizers`.
//!
//! The library puts its parts together itself, but its reader tries every kind of every part in turn, from copies of the whole file as
//! trees of values, and its pipeline brings an engine for regular expressions with tables of all of Unicode: a quarter of what
//! visitors would download. Here every part is built by its name ([`mod@read`]), and patterns are matched by the platform
//! ([`crate::platform::Regex`]). Tokens are the same: `tests/encode/tokenizer.rs` compares the two.

mod added;
mod model;
mod parts;
mod read;

use tokenizers::tokenizer::pre_tokenizer::OffsetType;
use tokenizers::{Model, ModelWrapper, OffsetReferential, PreTokenizedString, Result};

use added::Added;
use parts::{Frame, Normalizers, Splits};
pub use read::read;

/// A tokenizer of single texts.
pub struct Tokenizer {
    added: Added,
    normalizer: Normalizers,
    splits: Splits,
    model: ModelWrapper,
    /// What stands around a text, the innermost first.
    frames: Vec<Frame>,
}

/// A text's tokens: their numbers, and which part of the input each belongs to. Both are of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    pub ids: Vec<u32>,
    pub types: Vec<u32>,
}

impl Tokenizer {
    /// The tokens of a text, with those that stand around every text; what would be more than `most` is cut from the text's end.
    ///
    /// # Errors
    /// What the library's parts say of a text.
    pub fn encode(&self, text: &str, most: usize) -> Result<Tokens> {
        let most = most.saturating_sub(self.frames.iter().map(Frame::tokens).sum());
        let mut words = PreTokenizedString::from(text);
        self.added.split(&mut words, &self.normalizer)?;
        self.splits.apply(&mut words)?;
        words.tokenize_with_limit(|word| self.model.tokenize(word.get()), most, tokenizers::TruncationDirection::Right)?;
        let words = words.get_splits(OffsetReferential::Normalized, OffsetType::None);
        let ids: Vec<u32> = words.iter().filter_map(|(_, _, tokens)| tokens.as_ref()).flatten().map(|token| token.id).take(most).collect();
        let tokens = Tokens { types: vec![0; ids.len()], ids };
        Ok(self.frames.iter().fold(tokens, |tokens, frame| frame.around(tokens)))
    }
}
