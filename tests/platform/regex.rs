//! Regular expressions: what they match (`fixtures/patterns.json`; the browser's engine answers the same cases, `browser/regex.test.mjs`),
//! and how they are said in JavaScript.

use palate::platform::Regex;
use palate::platform::regex::translate;
use serde_json::Value;

fn cases() -> Vec<Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/patterns.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn regex_finds_what_the_browser_is_asked_to_find() {
    let cases = cases();
    let mut found = 0;
    for case in &cases {
        let (pattern, text) = (case["pattern"].as_str().unwrap(), case["text"].as_str().unwrap());
        let matches: Vec<Value> = Regex::new(pattern).unwrap().find_all(text).iter().map(|&(start, end)| Value::from(vec![start, end])).collect();
        assert_eq!(Value::from(matches.clone()), case["found"], "{pattern:?} in {text:?}");
        found += matches.len();
    }
    assert!(cases.len() > 100 && found > 300, "{found} matches of {} cases", cases.len());
}

#[test]
fn regex_that_is_none_is_told() {
    for pattern in ["(", "[a", "*"] {
        assert!(Regex::new(pattern).err().is_some_and(|error| error.len() > 5), "{pattern}");
    }
}

#[test]
fn regex_is_said_in_javascript() {
    let word = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}";
    let pairs = [
        (r"'s| ?\pL+|\s+(?!\S)", r"'s| ?\p{L}+|\p{White_Space}+(?!\P{White_Space})".to_owned()),
        (r"\p{L}+|\P{N}?", r"\p{L}+|\P{N}?".to_owned()),
        (r"[^\s\p{L}\p{N}]+?", r"[^\p{White_Space}\p{L}\p{N}]+?".to_owned()),
        (r"\w+|[\w-]|\W", format!(r"[{word}]+|[{word}\-]|[^{word}]")),
        (r"[a-z-]\'\-\|", r"[a-z\-]'-\|".to_owned()),
        (r"[]\]^-]", r"[\]\]^\-]".to_owned()),
        (r"\d{1,3}.", r"\p{Nd}{1,3}[^\n]".to_owned()),
        (r"(?:a)+(?=b)", r"(?:a)+(?=b)".to_owned()),
        (r"\A\u00e9\z", r"^\u00e9$".to_owned()),
    ];
    for (pattern, expected) in pairs {
        assert_eq!(translate(pattern).as_deref(), Ok(expected.as_str()), "{pattern}");
    }
    for pattern in [r"a++", r"a?+", r"a{2}+", r"\bword\b", r"[a[b]]", r"[a&&b]", r"[\W]", r"[a", r"a\", r"\p", r"\h", r"(a)\1"] {
        assert!(translate(pattern).is_err_and(|error| error.len() > 5), "{pattern} is said in JavaScript");
    }
}
