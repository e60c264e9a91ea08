//! Regular expressions of tokenizers, which are written in Oniguruma's syntax, said in JavaScript's.

use std::iter::Peekable;
use std::str::Chars;

/// The same pattern for a JavaScript `RegExp` with the flag `u`.
///
/// What a letter, a blank or a digit is goes by Unicode in one and by ASCII in the other, and escapes that mean nothing are errors
/// in the other. What is alike in both passes through, so that the browser finds what is wrong with it.
///
/// # Errors
/// What has no counterpart, in words: word boundaries, possessive repeats, classes in classes.
pub fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut rest = pattern.chars().peekable();
    let mut repeats = false;
    while let Some(c) = rest.next() {
        // `+` after a repeat takes back nothing, which JavaScript cannot say.
        if c == '+' && repeats {
            return Err(none("a possessive repeat"));
        }
        repeats = matches!(c, '*' | '+' | '?' | '}');
        match c {
            '\\' => out.push_str(&escape(&mut rest, false)?),
            '[' => class(&mut rest, &mut out)?,
            // A line ends by "\n" alone.
            '.' => out.push_str("[^\\n]"),
            '(' => {
                // `(?` is no repeat.
                out.push(c);
                if rest.peek() == Some(&'?') {
                    out.extend(rest.next());
                }
            }
            _ => out.push(c),
        }
    }
    Ok(out)
}

/// A class, after its `[`.
fn class(rest: &mut Peekable<Chars>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if rest.peek() == Some(&'^') {
        out.extend(rest.next());
    }
    // A bracket that comes first stands for itself.
    if rest.peek() == Some(&']') {
        rest.next();
        out.push_str("\\]");
    }
    let mut after_set = false;
    while let Some(c) = rest.next() {
        let was_set = std::mem::take(&mut after_set);
        match c {
            ']' => {
                out.push(']');
                return Ok(());
            }
            '[' => return Err(none("a class in a class")),
            '&' if rest.peek() == Some(&'&') => return Err(none("an intersection of classes")),
            '\\' => {
                after_set = rest.peek().is_some_and(|c| "sSdDpPw".contains(*c));
                out.push_str(&escape(rest, true)?);
            }
            // No range begins or ends at a set: the dash is one.
            '-' if was_set || rest.peek().is_none_or(|&c| c == '\\' || c == ']') => out.push_str("\\-"),
            _ => out.push(c),
        }
    }
    Err("a class has no end".to_owned())
}

/// An escape, after its backslash.
fn escape(rest: &mut Peekable<Chars>, in_class: bool) -> Result<String, String> {
    /// What a word is made of, by Unicode's annex on regular expressions.
    const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}";
    let Some(c) = rest.next() else { return Err("it ends in a backslash".to_owned()) };
    Ok(match c {
        's' => r"\p{White_Space}".to_owned(),
        'S' => r"\P{White_Space}".to_owned(),
        'd' => r"\p{Nd}".to_owned(),
        'D' => r"\P{Nd}".to_owned(),
        'w' if in_class => WORD.to_owned(),
        'w' => format!("[{WORD}]"),
        'W' if !in_class => format!("[^{WORD}]"),
        'A' if !in_class => "^".to_owned(),
        'z' if !in_class => "$".to_owned(),
        // `\pL` is `\p{L}`.
        'p' | 'P' => {
            let name: String = match rest.next() {
                Some('{') => rest.by_ref().take_while(|&c| c != '}').collect(),
                Some(letter) => letter.to_string(),
                None => return Err("it ends in a property".to_owned()),
            };
            format!("\\{c}{{{name}}}")
        }
        'n' | 'r' | 't' | 'f' | 'v' | 'x' | 'u' => format!("\\{c}"),
        // Letters and digits mean something, the same in both or not.
        _ if c.is_ascii_alphanumeric() => return Err(none(&format!("\\{c}"))),
        // What is special stays escaped, and what is not must not be.
        _ if r"^$\.*+?()[]{}|/".contains(c) || (in_class && c == '-') => format!("\\{c}"),
        _ => c.to_string(),
    })
}

fn none(what: &str) -> String {
    format!("browsers have no {what}")
}
