//! `tokenizer.json` of a checkpoint, as a tokenizer of the library `tokenizers`.
//!
//! The library can read such a file by itself, but tries every kind of every part in turn, from copies of the whole file as trees of
//! values: 42 KB more to download (brotli), and more memory and time on the visitor's device. Here every part is built by its name.
//! Tokens are the same: `tests/encode/tokenizer.rs` compares the two readers.

mod model;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{self, BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Strip, StripAccents};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::delimiter::CharDelimiterSplit;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::pre_tokenizers::whitespace::{Whitespace, WhitespaceSplit};
use tokenizers::processors::bert::BertProcessing;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::processors::template::{self, Piece, SpecialToken, TemplateProcessing};
use tokenizers::processors::sequence::Sequence as Processors;
use tokenizers::{
    AddedToken, DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizedString, PreTokenizer, Result,
    SplitDelimiterBehavior, TokenizerImpl,
};

/// The library's tokenizer, with splits of ours: its own type of them holds tables of all scripts for a kind that no encoder uses.
pub type Tokenizer = TokenizerImpl<ModelWrapper, NormalizerWrapper, Splits, PostProcessorWrapper, DecoderWrapper>;

/// How a text falls into words.
pub enum Splits {
    Bert(BertPreTokenizer),
    ByteLevel(ByteLevel),
    Delimiter(CharDelimiterSplit),
    Digits(Digits),
    Metaspace(Metaspace),
    Punctuation(Punctuation),
    Split(Split),
    Whitespace(Whitespace),
    WhitespaceSplit(WhitespaceSplit),
    /// One after another.
    Sequence(Vec<Splits>),
}

impl PreTokenizer for Splits {
    fn pre_tokenize(&self, text: &mut PreTokenizedString) -> Result<()> {
        match self {
            Splits::Bert(split) => split.pre_tokenize(text),
            Splits::ByteLevel(split) => split.pre_tokenize(text),
            Splits::Delimiter(split) => split.pre_tokenize(text),
            Splits::Digits(split) => split.pre_tokenize(text),
            Splits::Metaspace(split) => split.pre_tokenize(text),
            Splits::Punctuation(split) => split.pre_tokenize(text),
            Splits::Split(split) => split.pre_tokenize(text),
            Splits::Whitespace(split) => split.pre_tokenize(text),
            Splits::WhitespaceSplit(split) => split.pre_tokenize(text),
            Splits::Sequence(splits) => splits.iter().try_for_each(|split| split.pre_tokenize(text)),
        }
    }
}

/// The tokenizer of a `tokenizer.json`, without what the file says of truncation and padding.
///
/// # Errors
/// A sentence about what is missing, of the wrong type, or of a kind that this build does not have.
pub fn read(json: &[u8]) -> Result<Tokenizer> {
    let file: File = serde_json::from_slice(json)?;
    let mut tokenizer = Tokenizer::new(file.model.build()?);
    tokenizer.with_normalizer(optional(&file.normalizer, normalizer)?)?;
    tokenizer.with_pre_tokenizer(optional(&file.pre_tokenizer, splits)?);
    tokenizer.with_post_processor(optional(&file.post_processor, post_processor)?);
    tokenizer.add_tokens(file.added_tokens)?;
    Ok(tokenizer)
}

#[derive(Deserialize)]
struct File {
    model: model::Model,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
}

fn normalizer(part: &Value) -> Result<NormalizerWrapper> {
    Ok(match kind(part)? {
        "BertNormalizer" => {
            let strip_accents = part["strip_accents"].as_bool();
            BertNormalizer::new(flag(part, "clean_text")?, flag(part, "handle_chinese_chars")?, strip_accents, flag(part, "lowercase")?).into()
        }
        "Strip" => Strip::new(flag(part, "strip_left")?, flag(part, "strip_right")?).into(),
        "StripAccents" => StripAccents.into(),
        "NFC" => NFC.into(),
        "NFD" => NFD.into(),
        "NFKC" => NFKC.into(),
        "NFKD" => NFKD.into(),
        "Lowercase" => Lowercase.into(),
        "Nmt" => Nmt.into(),
        "Precompiled" => Precompiled::deserialize(part)?.into(),
        "Replace" => {
            let (pattern, is_regex) = pattern(part)?;
            let pattern = if is_regex { ReplacePattern::Regex(pattern) } else { ReplacePattern::String(pattern) };
            Replace::new(pattern, text(part, "content")?)?.into()
        }
        "Prepend" => Prepend::new(text(part, "prepend")?.to_owned()).into(),
        "ByteLevel" => normalizers::ByteLevel::new().into(),
        "Sequence" => normalizers::Sequence::new(each(part, "normalizers", normalizer)?).into(),
        other => return Err(unknown("normalizer", other)),
    })
}

fn splits(part: &Value) -> Result<Splits> {
    Ok(match kind(part)? {
        "BertPreTokenizer" => Splits::Bert(BertPreTokenizer),
        "ByteLevel" => Splits::ByteLevel(byte_level(part)?),
        "Delimiter" | "CharDelimiterSplit" => Splits::Delimiter(CharDelimiterSplit::new(character(part, "delimiter")?)),
        "Digits" => Splits::Digits(Digits::new(flag(part, "individual_digits")?)),
        "Metaspace" => {
            let scheme = match (part["prepend_scheme"].as_str(), part["add_prefix_space"].as_bool()) {
                (Some("never"), _) | (None, Some(false)) => PrependScheme::Never,
                (_, Some(false)) => return Err("its add_prefix_space and prepend_scheme contradict each other".into()),
                (Some("first"), _) => PrependScheme::First,
                (Some("always") | None, _) => PrependScheme::Always,
                (Some(other), _) => return Err(unknown("prepend_scheme", other)),
            };
            Splits::Metaspace(Metaspace::new(character(part, "replacement")?, scheme, part["split"].as_bool().unwrap_or(true)))
        }
        "Punctuation" => Splits::Punctuation(match part["behavior"].is_null() {
            true => Punctuation::default(),
            false => Punctuation::new(behavior(part)?),
        }),
        "Split" => {
            let (pattern, is_regex) = pattern(part)?;
            let pattern = if is_regex { SplitPattern::Regex(pattern) } else { SplitPattern::String(pattern) };
            Splits::Split(Split::new(pattern, behavior(part)?, flag(part, "invert")?)?)
        }
        "Whitespace" => Splits::Whitespace(Whitespace),
        "WhitespaceSplit" => Splits::WhitespaceSplit(WhitespaceSplit),
        "Sequence" => Splits::Sequence(each(part, "pretokenizers", splits)?),
        other => return Err(unknown("pre-tokenizer", other)),
    })
}

fn post_processor(part: &Value) -> Result<PostProcessorWrapper> {
    Ok(match kind(part)? {
        "BertProcessing" => BertProcessing::new(numbered(part, "sep")?, numbered(part, "cls")?).into(),
        "RobertaProcessing" => RobertaProcessing::new(numbered(part, "sep")?, numbered(part, "cls")?)
            .trim_offsets(flag(part, "trim_offsets")?)
            .add_prefix_space(flag(part, "add_prefix_space")?)
            .into(),
        "ByteLevel" => byte_level(part)?.into(),
        "TemplateProcessing" => {
            let special = part["special_tokens"].as_object().ok_or("its special_tokens are missing")?;
            let special = special.values().map(special_token).collect::<Result<Vec<_>>>()?;
            let build = TemplateProcessing::builder()
                .try_single(each(part, "single", piece)?)?
                .try_pair(each(part, "pair", piece)?)?
                .special_tokens(special)
                .build();
            build.map_err(|error| error.to_string())?.into()
        }
        "Sequence" => Processors::new(each(part, "processors", post_processor)?).into(),
        other => return Err(unknown("post-processor", other)),
    })
}

fn byte_level(part: &Value) -> Result<ByteLevel> {
    Ok(ByteLevel::new(flag(part, "add_prefix_space")?, flag(part, "trim_offsets")?, part["use_regex"].as_bool().unwrap_or(true)))
}

/// A piece of a template on its way into the library's own type.
struct Place(Piece);

impl TryFrom<Place> for Piece {
    type Error = String;

    fn try_from(place: Place) -> std::result::Result<Piece, String> {
        Ok(place.0)
    }
}

fn piece(part: &Value) -> Result<Place> {
    let (is_token, inner) = match (&part["SpecialToken"], &part["Sequence"]) {
        (token @ Value::Object(_), _) => (true, token),
        (_, sequence @ Value::Object(_)) => (false, sequence),
        _ => return Err("a piece of its template is neither a token nor a sequence".into()),
    };
    let type_id = number(&inner["type_id"])?;
    Ok(Place(match (is_token, text(inner, "id")?) {
        (true, id) => Piece::SpecialToken { id: id.to_owned(), type_id },
        (false, "A") => Piece::Sequence { id: template::Sequence::A, type_id },
        (false, "B") => Piece::Sequence { id: template::Sequence::B, type_id },
        (false, other) => return Err(unknown("sequence", other)),
    }))
}

fn special_token(part: &Value) -> Result<SpecialToken> {
    let tokens = each(part, "tokens", |token| Ok(token.as_str().ok_or("a special token is no text")?.to_owned()))?;
    SpecialToken::new(text(part, "id")?.to_owned(), each(part, "ids", number)?, tokens)
}

fn optional<T>(part: &Value, read: impl Fn(&Value) -> Result<T>) -> Result<Option<T>> {
    if part.is_null() { Ok(None) } else { read(part).map(Some) }
}

fn each<T>(part: &Value, name: &str, read: impl Fn(&Value) -> Result<T>) -> Result<Vec<T>> {
    part[name].as_array().ok_or_else(|| without(name))?.iter().map(read).collect()
}

fn kind(part: &Value) -> Result<&str> {
    text(part, "type")
}

fn text<'v>(part: &'v Value, name: &str) -> Result<&'v str> {
    part[name].as_str().ok_or_else(|| without(name))
}

fn flag(part: &Value, name: &str) -> Result<bool> {
    part[name].as_bool().ok_or_else(|| without(name))
}

fn number(value: &Value) -> Result<u32> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    Ok(number.ok_or("a token's number is none")?)
}

fn character(part: &Value, name: &str) -> Result<char> {
    let mut characters = text(part, name)?.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(format!("its {name} is not one character").into()),
    }
}

/// `["[SEP]", 102]`
fn numbered(part: &Value, name: &str) -> Result<(String, u32)> {
    let token = part[name][0].as_str().ok_or_else(|| without(name))?;
    Ok((token.to_owned(), number(&part[name][1])?))
}

/// The text, and whether it is a regular expression.
fn pattern(part: &Value) -> Result<(String, bool)> {
    match (part["pattern"]["String"].as_str(), part["pattern"]["Regex"].as_str()) {
        (Some(text), _) => Ok((text.to_owned(), false)),
        (None, Some(regex)) => Ok((regex.to_owned(), true)),
        (None, None) => Err(without("pattern")),
    }
}

fn behavior(part: &Value) -> Result<SplitDelimiterBehavior> {
    Ok(match text(part, "behavior")? {
        "Removed" => SplitDelimiterBehavior::Removed,
        "Isolated" => SplitDelimiterBehavior::Isolated,
        "MergedWithPrevious" => SplitDelimiterBehavior::MergedWithPrevious,
        "MergedWithNext" => SplitDelimiterBehavior::MergedWithNext,
        "Contiguous" => SplitDelimiterBehavior::Contiguous,
        other => return Err(unknown("behavior", other)),
    })
}

fn without(name: &str) -> tokenizers::Error {
    format!("a part of it lacks {name}, or has it in another type").into()
}

fn unknown(what: &str, name: &str) -> tokenizers::Error {
    format!("this build has no {what} called {name:?}").into()
}
