//! Regular expressions by the browser's own engine: one of ours would be a fifth of the download.

use std::str::Chars;

use js_sys::{Array, Function, Reflect, RegExp};
use wasm_bindgen::{JsCast, JsValue};

use super::fault::{method, name_of};
use crate::platform::regex::translate;

/// A compiled regular expression.
pub struct Regex(RegExp);

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let (pattern, flags) = match pattern.strip_prefix("(?i)") {
            Some(rest) => (rest, "giu"),
            None => (pattern, "gu"),
        };
        let translated = translate(pattern)?;
        let made = || -> Result<JsValue, JsValue> {
            let class: Function = Reflect::get(&js_sys::global(), &JsValue::from_str("RegExp"))?.unchecked_into();
            Reflect::construct(&class, &Array::of2(&JsValue::from_str(&translated), &JsValue::from_str(flags)))
        };
        match made() {
            Ok(made) => Ok(Self(made.unchecked_into())),
            Err(thrown) => Err(format!("this browser does not take the pattern {translated:?} ({})", name_of(&thrown))),
        }
    }

    /// The matches in order, none over another, as offsets in bytes `(start, end)`.
    pub fn find_all(&self, text: &str) -> Vec<(usize, usize)> {
        let Some(exec) = method(&self.0, "exec") else { return Vec::new() };
        let script = JsValue::from_str(text);
        let mut places = Places { units: 0, bytes: 0, rest: text.chars() };
        let mut found = Vec::new();
        self.0.set_last_index(0);
        while let Ok(one) = exec.call1(&self.0, &script)
            && !one.is_null()
        {
            let start = Reflect::get(&one, &JsValue::from_str("index")).ok().and_then(|index| index.as_f64()).unwrap_or_default();
            let end = self.0.last_index();
            let start = places.bytes_at(start as u32);
            let behind = found.last().map(|&(_, end)| end);
            let bytes = places.bytes_at(end);
            if start < bytes {
                found.push((start, bytes));
                continue;
            }
            // An empty match counts where none ended just before it; the next one begins after the next character.
            if behind != Some(start) {
                found.push((start, bytes));
            }
            let Some(next) = places.rest.clone().next() else { break };
            self.0.set_last_index(end + next.len_utf16() as u32);
        }
        found
    }
}

/// From places in UTF-16, which only rise, to places in UTF-8.
struct Places<'t> {
    units: u32,
    bytes: usize,
    rest: Chars<'t>,
}

impl Places<'_> {
    fn bytes_at(&mut self, units: u32) -> usize {
        while self.units < units
            && let Some(c) = self.rest.next()
        {
            self.units += c.len_utf16() as u32;
            self.bytes += c.len_utf8();
        }
        self.bytes
    }
}
