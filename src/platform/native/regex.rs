//! Regular expressions by the crate `fancy-regex`: Oniguruma's syntax, in which tokenizers are written.

/// A compiled regular expression.
pub struct Regex(fancy_regex::Regex);

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn new(pattern: &str) -> Result<Self, String> {
        fancy_regex::Regex::new(pattern).map(Self).map_err(|error| error.to_string())
    }

    /// The matches in order, none over another, as offsets in bytes `(start, end)`. A match that runs out of the engine's
    /// patience ends the list.
    pub fn find_all(&self, text: &str) -> Vec<(usize, usize)> {
        self.0.find_iter(text).map_while(Result::ok).map(|found| (found.start(), found.end())).collect()
    }
}
