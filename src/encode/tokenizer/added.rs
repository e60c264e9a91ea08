//! Tokens that are found in a text before it falls into words.

use tokenizers::normalizer::Range;
use tokenizers::{AddedToken, Model, ModelWrapper, NormalizedString, PreTokenizedString, Result, Token};

use super::parts::Normalizers;
use crate::platform::Regex;

/// Tokens that stand for themselves wherever they occur.
pub(super) struct Added {
    /// Those that are looked for in the text as it is, and those in the normalized one.
    raw: Set,
    normalized: Set,
}

impl Added {
    /// Gives every token its number: the model's where it has one, else the next that is free.
    pub(super) fn new(tokens: Vec<AddedToken>, model: &ModelWrapper, normalizer: &Normalizers) -> Result<Self> {
        let mut next = model.get_vocab_size() as u32;
        let mut numbered: Vec<(u32, AddedToken)> = Vec::new();
        for token in tokens.into_iter().filter(|token| !token.content.is_empty()) {
            let known = numbered.iter().find(|(_, other)| other.content == token.content).map(|(id, _)| *id);
            let id = known.or_else(|| model.token_to_id(&token.content)).unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            // One that comes again replaces what was said of it before.
            numbered.retain(|(other, _)| *other != id);
            numbered.push((id, token));
        }
        let mut added = Added { raw: Set::default(), normalized: Set::default() };
        for (id, token) in numbered {
            if token.normalized {
                let mut content = NormalizedString::from(token.content.as_str());
                normalizer.apply(&mut content)?;
                added.normalized.insert(content.get(), id, &token)?;
            } else {
                added.raw.insert(&token.content, id, &token)?;
            }
        }
        Ok(added)
    }

    /// Cuts the tokens out of a text, and normalizes what is between them.
    pub(super) fn split(&self, text: &mut PreTokenizedString, normalizer: &Normalizers) -> Result<()> {
        text.split(|_, piece| self.raw.cut(piece))?;
        text.split(|_, mut piece| {
            normalizer.apply(&mut piece)?;
            self.normalized.cut(piece)
        })
    }
}

/// Texts to look for.
#[derive(Default)]
struct Set {
    /// By the first byte, longest first.
    by_byte: Vec<Vec<Entry>>,
    /// A character of a word at the end of a text, and at its beginning; where a token asks for it.
    word: Option<(Regex, Regex)>,
}

struct Entry {
    text: String,
    id: u32,
    /// Whether it must not be part of a word.
    single_word: bool,
    /// Whether blanks before and behind it belong to it.
    lstrip: bool,
    rstrip: bool,
}

impl Set {
    fn insert(&mut self, text: &str, id: u32, token: &AddedToken) -> Result<()> {
        let Some(&first) = text.as_bytes().first() else { return Ok(()) };
        if token.single_word && self.word.is_none() {
            self.word = Some((Regex::new(r"\w$")?, Regex::new(r"^\w")?));
        }
        self.by_byte.resize_with(256, Vec::new);
        let entries = &mut self.by_byte[usize::from(first)];
        let at = entries.partition_point(|entry| entry.text.len() >= text.len());
        let AddedToken { single_word, lstrip, rstrip, .. } = *token;
        entries.insert(at, Entry { text: text.to_owned(), id, single_word, lstrip, rstrip });
        Ok(())
    }

    /// The piece in pieces: those that are a token have it already.
    fn cut(&self, piece: NormalizedString) -> Result<Vec<(NormalizedString, Option<Vec<Token>>)>> {
        let text = piece.get();
        let mut cuts: Vec<(Option<u32>, usize, usize)> = Vec::new();
        let (mut done, mut at) = (0, 0);
        while at < text.len() {
            let Some(entry) = self.at(&text[at..]) else {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
                continue;
            };
            let (mut start, mut end) = (at, at + entry.text.len());
            at = end;
            if entry.single_word && self.is_in_word(&text[..start], &text[end..]) {
                continue;
            }
            if entry.lstrip {
                start = text[..start].trim_end().len().max(done);
            }
            if entry.rstrip {
                end = text.len() - text[end..].trim_start().len();
            }
            if done < start {
                cuts.push((None, done, start));
            }
            cuts.push((Some(entry.id), start, end));
            done = end;
        }
        if cuts.is_empty() {
            return Ok(vec![(piece, None)]);
        }
        if done < text.len() {
            cuts.push((None, done, text.len()));
        }
        let pieces = cuts.into_iter().map(|(id, start, end)| {
            let part = piece.slice(Range::Normalized(start..end)).ok_or("a token is cut amid a character")?;
            let token = id.map(|id| vec![Token::new(id, String::new(), (0, end - start))]);
            Ok((part, token))
        });
        pieces.collect()
    }

    /// The longest token that `text` begins with.
    fn at(&self, text: &str) -> Option<&Entry> {
        let entries = self.by_byte.get(usize::from(*text.as_bytes().first()?))?;
        entries.iter().find(|entry| text.starts_with(entry.text.as_str()))
    }

    fn is_in_word(&self, before: &str, behind: &str) -> bool {
        let Some((at_end, at_start)) = &self.word else { return false };
        !at_end.find_all(before).is_empty() || !at_start.find_all(behind).is_empty()
    }
}
