//! The parts of a `tokenizer.json`, each by its name.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::normalizers::{self, BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Strip, StripAccents};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::delimiter::CharDelimiterSplit;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::{AddedToken, Result, SplitDelimiterBehavior};

use super::added::Added;
use super::parts::{Frame, Normalizers, Pattern, Piece, Splits};
use super::{Tokenizer, model};
use crate::platform::Regex;

/// Words, blanks and what is neither, as GPT-2 cuts them: what `ByteLevel` means where it does not say.
const GPT2: &str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Words and runs of signs: what `Whitespace` keeps.
const WORDS: &str = r"\w+|[^\w\s]+";

/// The tokenizer of a `tokenizer.json`, without what the file says of truncation and padding.
///
/// # Errors
/// A sentence about what is missing, of the wrong type, or of a kind that this build does not have.
pub fn read(json: &[u8]) -> Result<Tokenizer> {
    let file: File = serde_json::from_slice(json)?;
    let model = file.model.build()?;
    let normalizer = optional(&file.normalizer, normalizer)?.unwrap_or(Normalizers::Sequence(Vec::new()));
    let splits = optional(&file.pre_tokenizer, splits)?.unwrap_or(Splits::Sequence(Vec::new()));
    let frames = optional(&file.post_processor, frames)?.unwrap_or_default();
    let added = Added::new(file.added_tokens, &model, &normalizer)?;
    Ok(Tokenizer { added, normalizer, splits, model, frames })
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

fn normalizer(part: &Value) -> Result<Normalizers> {
    Ok(match kind(part)? {
        "BertNormalizer" => {
            let strip_accents = part["strip_accents"].as_bool();
            let (clean, chinese) = (flag(part, "clean_text")?, flag(part, "handle_chinese_chars")?);
            Normalizers::Bert(BertNormalizer::new(clean, chinese, strip_accents, flag(part, "lowercase")?))
        }
        "Strip" => Normalizers::Strip(Strip::new(flag(part, "strip_left")?, flag(part, "strip_right")?)),
        "StripAccents" => Normalizers::StripAccents(StripAccents),
        "NFC" => Normalizers::Nfc(NFC),
        "NFD" => Normalizers::Nfd(NFD),
        "NFKC" => Normalizers::Nfkc(NFKC),
        "NFKD" => Normalizers::Nfkd(NFKD),
        "Lowercase" => Normalizers::Lowercase(Lowercase),
        "Nmt" => Normalizers::Nmt(Nmt),
        "Precompiled" => Normalizers::Precompiled(Precompiled::deserialize(part)?),
        "Replace" => Normalizers::Replace(pattern(part)?, text(part, "content")?.to_owned()),
        "Prepend" => Normalizers::Prepend(Prepend::new(text(part, "prepend")?.to_owned())),
        "ByteLevel" => Normalizers::ByteLevel(normalizers::ByteLevel),
        "Sequence" => Normalizers::Sequence(each(part, "normalizers", normalizer)?),
        other => return Err(unknown("normalizer", other)),
    })
}

fn splits(part: &Value) -> Result<Splits> {
    Ok(match kind(part)? {
        "BertPreTokenizer" => Splits::Bert(BertPreTokenizer),
        "ByteLevel" => {
            let pattern = match part["use_regex"].as_bool() {
                Some(false) => None,
                _ => Some(Pattern::Regex(Regex::new(GPT2)?)),
            };
            Splits::ByteLevel { pattern, add_prefix_space: flag(part, "add_prefix_space")? }
        }
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
        "Split" => Splits::Pattern { pattern: pattern(part)?, behavior: behavior(part)?, invert: flag(part, "invert")? },
        "Whitespace" => {
            Splits::Pattern { pattern: Pattern::Regex(Regex::new(WORDS)?), behavior: SplitDelimiterBehavior::Removed, invert: true }
        }
        "WhitespaceSplit" => Splits::WhitespaceSplit(WhitespaceSplit),
        "Sequence" => Splits::Sequence(each(part, "pretokenizers", splits)?),
        other => return Err(unknown("pre-tokenizer", other)),
    })
}

/// What a post-processor puts around a text, the innermost first.
fn frames(part: &Value) -> Result<Vec<Frame>> {
    let token = |name: &str| Ok::<_, tokenizers::Error>(Piece::Token { id: number(&part[name][1])?, kind: 0 });
    Ok(match kind(part)? {
        "BertProcessing" => vec![Frame(vec![token("cls")?, Piece::Text(None), token("sep")?])],
        "RobertaProcessing" => vec![Frame(vec![token("cls")?, Piece::Text(Some(0)), token("sep")?])],
        // It moves offsets, which nobody asks for here.
        "ByteLevel" => Vec::new(),
        "TemplateProcessing" => {
            let pieces = each(part, "single", |piece| template(piece, &part["special_tokens"]))?;
            vec![Frame(pieces.into_iter().flatten().collect())]
        }
        "Sequence" => each(part, "processors", frames)?.into_iter().flatten().collect(),
        other => return Err(unknown("post-processor", other)),
    })
}

/// A piece of a template: the text, or a token, which may be several.
fn template(piece: &Value, special_tokens: &Value) -> Result<Vec<Piece>> {
    let (inner, is_token) = match (&piece["SpecialToken"], &piece["Sequence"]) {
        (token @ Value::Object(_), _) => (token, true),
        (_, sequence @ Value::Object(_)) => (sequence, false),
        _ => return Err("a piece of its template is neither a token nor a sequence".into()),
    };
    let kind = number(&inner["type_id"])?;
    match (text(inner, "id")?, is_token) {
        (name, true) => match &special_tokens[name] {
            Value::Null => Err(format!("its template names a token {name:?} that it does not describe").into()),
            token => each(token, "ids", |id| Ok(Piece::Token { id: number(id)?, kind })),
        },
        ("A", false) => Ok(vec![Piece::Text(Some(kind))]),
        (other, false) => Err(unknown("sequence", other)),
    }
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

fn pattern(part: &Value) -> Result<Pattern> {
    match (part["pattern"]["String"].as_str(), part["pattern"]["Regex"].as_str()) {
        (Some(text), _) => Ok(Pattern::Text(text.to_owned())),
        (None, Some(regex)) => Ok(Pattern::Regex(Regex::new(regex)?)),
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

pub(super) fn unknown(what: &str, name: &str) -> tokenizers::Error {
    format!("this build has no {what} called {name:?}").into()
}
