//! The model of a `tokenizer.json`: its tokens, and how words are made of them.

use std::fmt;

use ahash::AHashMap;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use tokenizers::models::{bpe::BPE, unigram::Unigram, wordlevel::WordLevel, wordpiece::WordPiece};
use tokenizers::{ModelWrapper, Result};

use super::read::unknown;

/// The members of every kind of model; files before 2020 do not name the kind.
#[derive(Deserialize)]
pub(super) struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: Vocabulary,
    merges: Option<Vec<Merge>>,
    unk_token: Option<String>,
    unk_id: Option<usize>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    max_input_chars_per_word: Option<usize>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
}

impl Model {
    /// The library's model.
    pub(super) fn build(self) -> Result<ModelWrapper> {
        let guess = match (&self.merges, &self.vocab) {
            (Some(_), _) => "BPE",
            (None, Vocabulary::Numbered(_)) if self.continuing_subword_prefix.is_some() => "WordPiece",
            (None, Vocabulary::Numbered(_)) => "WordLevel",
            (None, Vocabulary::Scored(_)) => "Unigram",
        };
        let kind = self.kind.as_deref().unwrap_or(guess).to_owned();
        let missing = |what: &str| format!("its {kind} model has no {what}");
        Ok(match kind.as_str() {
            "WordPiece" => WordPiece::builder()
                .vocab(self.vocab.numbered()?)
                .unk_token(self.unk_token.ok_or_else(|| missing("unk_token"))?)
                .continuing_subword_prefix(self.continuing_subword_prefix.ok_or_else(|| missing("continuing_subword_prefix"))?)
                .max_input_chars_per_word(self.max_input_chars_per_word.ok_or_else(|| missing("max_input_chars_per_word"))?)
                .build()?
                .into(),
            "WordLevel" => WordLevel::builder()
                .vocab(self.vocab.numbered()?)
                .unk_token(self.unk_token.ok_or_else(|| missing("unk_token"))?)
                .build()?
                .into(),
            "BPE" => {
                let merges = self.merges.ok_or_else(|| missing("merges"))?.into_iter().map(|Merge(a, b)| (a, b)).collect();
                let mut builder = BPE::builder()
                    .vocab_and_merges(self.vocab.numbered()?, merges)
                    .fuse_unk(self.fuse_unk)
                    .byte_fallback(self.byte_fallback)
                    .ignore_merges(self.ignore_merges);
                if let Some(unknown) = self.unk_token {
                    builder = builder.unk_token(unknown);
                }
                if let Some(prefix) = self.continuing_subword_prefix {
                    builder = builder.continuing_subword_prefix(prefix);
                }
                if let Some(suffix) = self.end_of_word_suffix {
                    builder = builder.end_of_word_suffix(suffix);
                }
                builder.build()?.into()
            }
            "Unigram" => match self.vocab {
                Vocabulary::Scored(scored) => Unigram::from(scored, self.unk_id, self.byte_fallback)?.into(),
                Vocabulary::Numbered(_) => return Err(missing("scores").into()),
            },
            other => return Err(unknown("model", other)),
        })
    }
}

/// Tokens of a usual vocabulary.
const USUAL: usize = 1 << 15;

/// Tokens with their numbers, or in order with the logarithms of their probabilities.
enum Vocabulary {
    Numbered(AHashMap<String, u32>),
    Scored(Vec<(String, f64)>),
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Vocabulary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tokens with numbers or scores")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Vocabulary, A::Error> {
                // As many as most have: to grow on the way costs as much as to read them.
                let mut numbered = AHashMap::with_capacity(USUAL);
                while let Some((token, number)) = map.next_entry()? {
                    numbered.insert(token, number);
                }
                Ok(Vocabulary::Numbered(numbered))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Vocabulary, A::Error> {
                let mut scored = Vec::new();
                while let Some(entry) = list.next_element()? {
                    scored.push(entry);
                }
                Ok(Vocabulary::Scored(scored))
            }
        }
        from.deserialize_any(Either)
    }
}

impl Vocabulary {
    fn numbered(self) -> Result<AHashMap<String, u32>> {
        match self {
            Vocabulary::Numbered(numbered) => Ok(numbered),
            Vocabulary::Scored(_) => Err("its vocabulary has scores in place of numbers".into()),
        }
    }
}

/// Two tokens that become one: `"a b"`, or `["a", "b"]`.
struct Merge(String, String);

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Merge;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge of two tokens")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Merge, E> {
                match text.split_once(' ') {
                    Some((a, b)) if !b.contains(' ') => Ok(Merge(a.to_owned(), b.to_owned())),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Merge, A::Error> {
                match (list.next_element()?, list.next_element()?, list.next_element::<de::IgnoredAny>()?) {
                    (Some(a), Some(b), None) => Ok(Merge(a, b)),
                    _ => Err(de::Error::custom("a merge is not of two tokens")),
                }
            }
        }
        from.deserialize_any(Either)
    }
}
