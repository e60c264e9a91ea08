//! What a tokenizer does before and after its model: the library's parts, and those of ours that match patterns.

use tokenizers::normalizers::{self, BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Strip, StripAccents};
use tokenizers::pattern::{self, Invert};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::delimiter::CharDelimiterSplit;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::metaspace::Metaspace;
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::{NormalizedString, Normalizer, Offsets, PreTokenizedString, PreTokenizer, Result, SplitDelimiterBehavior};

use super::Tokens;
use crate::platform::Regex;

/// How a text is made plain.
pub(super) enum Normalizers {
    Bert(BertNormalizer),
    ByteLevel(normalizers::ByteLevel),
    Lowercase(Lowercase),
    Nfc(NFC),
    Nfd(NFD),
    Nfkc(NFKC),
    Nfkd(NFKD),
    Nmt(Nmt),
    Precompiled(Precompiled),
    Prepend(Prepend),
    Replace(Pattern, String),
    Strip(Strip),
    StripAccents(StripAccents),
    /// One after another; none for a text that stays as it is.
    Sequence(Vec<Normalizers>),
}

impl Normalizers {
    pub(super) fn apply(&self, text: &mut NormalizedString) -> Result<()> {
        match self {
            Normalizers::Bert(part) => part.normalize(text),
            Normalizers::ByteLevel(part) => part.normalize(text),
            Normalizers::Lowercase(part) => part.normalize(text),
            Normalizers::Nfc(part) => part.normalize(text),
            Normalizers::Nfd(part) => part.normalize(text),
            Normalizers::Nfkc(part) => part.normalize(text),
            Normalizers::Nfkd(part) => part.normalize(text),
            Normalizers::Nmt(part) => part.normalize(text),
            Normalizers::Precompiled(part) => part.normalize(text),
            Normalizers::Prepend(part) => part.normalize(text),
            Normalizers::Replace(pattern, content) => text.replace(pattern, content),
            Normalizers::Strip(part) => part.normalize(text),
            Normalizers::StripAccents(part) => part.normalize(text),
            Normalizers::Sequence(parts) => parts.iter().try_for_each(|part| part.apply(text)),
        }
    }
}

/// How a text falls into words.
pub(super) enum Splits {
    Bert(BertPreTokenizer),
    /// Bytes as letters, after a cut at a pattern; whether a blank is put before every text.
    ByteLevel { pattern: Option<Pattern>, add_prefix_space: bool },
    Delimiter(CharDelimiterSplit),
    Digits(Digits),
    Metaspace(Metaspace),
    Pattern { pattern: Pattern, behavior: SplitDelimiterBehavior, invert: bool },
    Punctuation(Punctuation),
    WhitespaceSplit(WhitespaceSplit),
    /// One after another; none for a text that stays whole.
    Sequence(Vec<Splits>),
}

impl Splits {
    pub(super) fn apply(&self, text: &mut PreTokenizedString) -> Result<()> {
        match self {
            Splits::Bert(part) => part.pre_tokenize(text),
            Splits::ByteLevel { pattern, add_prefix_space } => {
                text.split(|_, mut piece| {
                    if *add_prefix_space && !piece.get().starts_with(' ') {
                        piece.prepend(" ");
                    }
                    match pattern {
                        Some(pattern) => piece.split(pattern, SplitDelimiterBehavior::Isolated),
                        None => Ok(vec![piece]),
                    }
                })?;
                text.normalize(|piece| normalizers::ByteLevel.normalize(piece))
            }
            Splits::Delimiter(part) => part.pre_tokenize(text),
            Splits::Digits(part) => part.pre_tokenize(text),
            Splits::Metaspace(part) => part.pre_tokenize(text),
            Splits::Pattern { pattern, behavior, invert: true } => text.split(|_, piece| piece.split(Invert(pattern), *behavior)),
            Splits::Pattern { pattern, behavior, invert: false } => text.split(|_, piece| piece.split(pattern, *behavior)),
            Splits::Punctuation(part) => part.pre_tokenize(text),
            Splits::WhitespaceSplit(part) => part.pre_tokenize(text),
            Splits::Sequence(parts) => parts.iter().try_for_each(|part| part.apply(text)),
        }
    }
}

/// What is looked for in a text.
pub(super) enum Pattern {
    Text(String),
    Regex(Regex),
}

impl pattern::Pattern for &Pattern {
    fn find_matches(&self, inside: &str) -> Result<Vec<(Offsets, bool)>> {
        if inside.is_empty() {
            return Ok(vec![((0, 0), false)]);
        }
        let found = match self {
            Pattern::Text(text) => inside.match_indices(text.as_str()).map(|(start, found)| (start, start + found.len())).collect(),
            Pattern::Regex(regex) => regex.find_all(inside),
        };
        let mut pieces = Vec::with_capacity(2 * found.len() + 1);
        let mut done = 0;
        for (start, end) in found {
            if done < start {
                pieces.push(((done, start), false));
            }
            pieces.push(((start, end), true));
            done = end;
        }
        if done < inside.len() {
            pieces.push(((done, inside.len()), false));
        }
        Ok(pieces)
    }
}

/// What a post-processor puts around a text's tokens.
pub(super) struct Frame(pub(super) Vec<Piece>);

/// One piece of it.
pub(super) enum Piece {
    /// The text's tokens, all of one type where it says so.
    Text(Option<u32>),
    Token { id: u32, kind: u32 },
}

impl Frame {
    /// How many tokens it adds.
    pub(super) fn tokens(&self) -> usize {
        self.0.iter().filter(|piece| matches!(piece, Piece::Token { .. })).count()
    }

    pub(super) fn around(&self, text: Tokens) -> Tokens {
        let mut all = Tokens::default();
        for piece in &self.0 {
            match piece {
                Piece::Text(kind) => {
                    all.ids.extend(&text.ids);
                    all.types.extend(text.types.iter().map(|own| kind.unwrap_or(*own)));
                }
                Piece::Token { id, kind } => {
                    all.ids.push(*id);
                    all.types.push(*kind);
                }
            }
        }
        all
    }
}
