//! Tokenizers as this build reads them, against the library's own reader of the same files.

use palate::encode::tokenizer::read;
use serde_json::{Value, json};
use tokenizers::{Tokenizer, TruncationParams};

/// Texts with what normalizers and splitters look for.
const TEXTS: [&str; 12] = [
    "",
    "a",
    "The quick brown fox, isn't it?",
    "  leading   and trailing\tblanks \n",
    "Crème BRÛLÉE, naïve café; ﬁne № ½ ＡＢＣ",
    "12 34 567 8.90-1",
    "<s>special</s> [MASK] <mask> and <pad>",
    "你好，世界 こんにちは",
    "🙂 emoji 👩‍🚀 zero\u{200d}width\u{0}control\u{7}",
    "under_score-dash/slash\\back",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b",
    "ΣΊΣΥΦΟΣ İstanbul ß",
];

/// Characters of every text, some pairs, and the special tokens; words of several letters fall apart.
fn tokens() -> Vec<String> {
    let mut tokens: Vec<String> = ["[UNK]", "[CLS]", "[SEP]", "<s>", "</s>", "<pad>", "<unk>", "[MASK]", "<mask>", "▁", "▁a", "the", "qu", "##a"].map(String::from).into();
    for c in TEXTS.concat().chars().flat_map(|c| [c].into_iter().chain(c.to_lowercase())) {
        for token in [c.to_string(), format!("##{c}"), format!("▁{c}"), format!("{c}</w>")] {
            if !c.is_control() && !tokens.contains(&token) {
                tokens.push(token);
            }
        }
    }
    // The letters that stand for bytes.
    for c in "Ġġĉċ".chars().chain('\u{a1}'..='\u{17f}') {
        if !tokens.contains(&c.to_string()) {
            tokens.push(c.to_string());
        }
    }
    tokens
}

fn numbered(tokens: &[String]) -> Value {
    tokens.iter().enumerate().map(|(at, token)| (token.clone(), json!(at))).collect::<serde_json::Map<_, _>>().into()
}

fn word_piece() -> Value {
    json!({ "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": numbered(&tokens()) })
}

fn word_level() -> Value {
    json!({ "type": "WordLevel", "unk_token": "[UNK]", "vocab": numbered(&tokens()) })
}

fn unigram() -> Value {
    let scored: Vec<Value> = tokens().iter().enumerate().map(|(at, token)| json!([token, -0.01 * at as f64])).collect();
    json!({ "type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab": scored })
}

fn bpe(merges: Value, suffix: Value) -> Value {
    let mut tokens = tokens();
    for merged in ["th", "the", "ui", "qui", "an", "th</w>", "e</w>"] {
        if !tokens.iter().any(|token| token == merged) {
            tokens.push(merged.to_owned());
        }
    }
    json!({
        "type": "BPE", "dropout": null, "unk_token": "[UNK]", "continuing_subword_prefix": null, "end_of_word_suffix": suffix,
        "fuse_unk": true, "byte_fallback": false, "ignore_merges": false, "vocab": numbered(&tokens), "merges": merges,
    })
}

fn file(model: Value, normalizer: Value, pre_tokenizer: Value, post_processor: Value) -> Value {
    let added = |id: u32, content: &str, lstrip: bool, special: bool| {
        json!({ "id": id, "content": content, "single_word": false, "lstrip": lstrip, "rstrip": false, "normalized": !special, "special": special })
    };
    let word = |content: &str, normalized: bool| {
        json!({ "id": 10_001, "content": content, "single_word": true, "lstrip": false, "rstrip": true, "normalized": normalized, "special": false })
    };
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [
            added(0, "[UNK]", false, true), added(3, "<s>", false, true), added(8, "<mask>", true, true), added(10_000, "quick brown", false, false),
            word("fox", true), word("th", false), word("leading", false), word("leading   an", false), word("É", true), word("567", false),
        ],
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": post_processor, "decoder": null, "model": model,
    })
}

/// Both readers make the same tokens of every text.
fn same(what: &str, json: &[u8]) {
    let mut library = Tokenizer::from_bytes(json).unwrap_or_else(|e| panic!("{what}: the library refuses the file: {e}"));
    library.with_padding(None).with_truncation(None).unwrap();
    let ours = read(json).unwrap_or_else(|e| panic!("{what}: {e}"));
    let mut known = 0;
    for text in TEXTS {
        for most in [100_000, 7] {
            library.with_truncation(Some(TruncationParams { max_length: most, ..Default::default() })).unwrap();
            let (theirs, ours) = (library.encode_fast(text, true).unwrap(), ours.encode(text, most).unwrap());
            assert_eq!(theirs.get_ids(), ours.ids, "{what}: at most {most} of {text:?}, which are {:?}", theirs.get_tokens());
            assert_eq!(theirs.get_type_ids(), ours.types, "{what}: {text:?}");
            known += ours.ids.iter().filter(|&&id| id != 0).count();
        }
    }
    assert!(known > 30, "{what}: only {known} tokens of the texts are in the vocabulary");
}

#[test]
fn tokenizer_models_are_read_as_the_library_reads_them() {
    let split = json!({ "type": "BertPreTokenizer" });
    let pairs = json!([["t", "h"], ["th", "e"], ["q", "ui"], ["a", "n"]]);
    let models = [
        ("WordPiece", word_piece()),
        ("WordLevel", word_level()),
        ("Unigram", unigram()),
        ("BPE with pairs", bpe(pairs.clone(), Value::Null)),
        ("BPE with lines", bpe(json!(["t h", "th e", "a n"]), Value::Null)),
        ("BPE with a suffix", bpe(json!(["t h", "t h</w>"]), json!("</w>"))),
    ];
    for (what, model) in models {
        same(what, file(model.clone(), Value::Null, split.clone(), Value::Null).to_string().as_bytes());
        // As files were before models had names.
        let mut nameless = model;
        nameless.as_object_mut().unwrap().remove("type");
        same(what, file(nameless, Value::Null, split.clone(), Value::Null).to_string().as_bytes());
    }
}

#[test]
fn tokenizer_normalizers_are_read_as_the_library_reads_them() {
    let bert = |strip: Value| json!({ "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": strip, "lowercase": true });
    let kinds = [
        bert(Value::Null),
        bert(json!(false)),
        json!({ "type": "Strip", "strip_left": true, "strip_right": false }),
        json!({ "type": "Sequence", "normalizers": [{ "type": "NFD" }, { "type": "StripAccents" }, { "type": "Lowercase" }] }),
        json!({ "type": "NFC" }),
        json!({ "type": "NFKC" }),
        json!({ "type": "NFKD" }),
        json!({ "type": "Nmt" }),
        json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" }),
        json!({ "type": "Replace", "pattern": { "Regex": "[aeiou]+" }, "content": "e" }),
        json!({ "type": "Prepend", "prepend": "▁" }),
    ];
    for normalizer in kinds {
        same(&normalizer.to_string(), file(unigram(), normalizer, Value::Null, Value::Null).to_string().as_bytes());
    }
    let bytes = json!({ "type": "ByteLevel" });
    same("ByteLevel", file(bpe(json!([]), Value::Null), bytes, Value::Null, Value::Null).to_string().as_bytes());
}

#[test]
fn tokenizer_splits_are_read_as_the_library_reads_them() {
    let split = |pattern: Value, behavior: &str, invert: bool| json!({ "type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert });
    let kinds = [
        json!({ "type": "BertPreTokenizer" }),
        json!({ "type": "Whitespace" }),
        json!({ "type": "WhitespaceSplit" }),
        json!({ "type": "Punctuation" }),
        json!({ "type": "Punctuation", "behavior": "MergedWithPrevious" }),
        json!({ "type": "Digits", "individual_digits": true }),
        json!({ "type": "CharDelimiterSplit", "delimiter": "-" }),
        json!({ "type": "Metaspace", "replacement": "▁", "add_prefix_space": true }),
        json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false }),
        json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "add_prefix_space": false }),
        split(json!({ "String": " " }), "Removed", false),
        split(json!({ "Regex": r"\p{L}+|\p{N}" }), "Removed", true),
        split(json!({ "Regex": r"\s+(?!\S)|\s+" }), "Isolated", false),
        split(json!({ "String": "a" }), "MergedWithNext", false),
        split(json!({ "String": "a" }), "Contiguous", false),
        json!({ "type": "Sequence", "pretokenizers": [{ "type": "WhitespaceSplit" }, { "type": "Digits", "individual_digits": false }] }),
    ];
    for pre_tokenizer in kinds {
        same(&pre_tokenizer.to_string(), file(unigram(), Value::Null, pre_tokenizer, Value::Null).to_string().as_bytes());
    }
    for use_regex in [true, false] {
        let bytes = json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": use_regex });
        same("ByteLevel", file(bpe(json!([]), Value::Null), Value::Null, bytes, Value::Null).to_string().as_bytes());
    }
}

#[test]
fn tokenizer_frames_are_read_as_the_library_reads_them() {
    let template = json!({
        "type": "TemplateProcessing",
        "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 1 } }, { "SpecialToken": { "id": "[SEP]", "type_id": 2 } }],
        "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
        "special_tokens": { "<s>": { "id": "<s>", "ids": [3], "tokens": ["<s>"] }, "[SEP]": { "id": "[SEP]", "ids": [2, 4], "tokens": ["[SEP]", "</s>"] } },
    });
    let bytes = json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false });
    let kinds = [
        json!({ "type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1] }),
        json!({ "type": "RobertaProcessing", "sep": ["</s>", 4], "cls": ["<s>", 3], "trim_offsets": true, "add_prefix_space": false }),
        template.clone(),
        json!({ "type": "Sequence", "processors": [bytes, template] }),
    ];
    for post_processor in kinds {
        let split = json!({ "type": "BertPreTokenizer" });
        same(&post_processor.to_string(), file(word_piece(), Value::Null, split, post_processor).to_string().as_bytes());
    }
}

#[test]
fn tokenizer_of_minilm_is_read_as_the_library_reads_it() {
    match std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/models/all-MiniLM-L6-v2/tokenizer.json")) {
        Ok(json) => same("all-MiniLM-L6-v2", &json),
        Err(_) => println!("skipped: the MiniLM checkpoint is not there; `npm test` fetches it"),
    }
}

/// What is wrong is said, and nothing panics.
#[test]
fn tokenizer_faults_are_told() {
    let good = file(word_piece(), Value::Null, Value::Null, Value::Null);
    let broken = |pointer: &str, value: Value| {
        let mut file = good.clone();
        *file.pointer_mut(pointer).unwrap() = value;
        read(file.to_string().as_bytes()).err().unwrap_or_else(|| panic!("{pointer} is taken")).to_string()
    };
    assert!(broken("/model/type", json!("Oracle")).contains("no model called \"Oracle\""));
    assert!(broken("/model/unk_token", Value::Null).contains("no unk_token"));
    assert!(broken("/model/vocab", json!([["a", -1.0]])).contains("scores in place of numbers"));
    assert!(broken("/model/vocab", json!({ "a": -1 })).contains("u32"));
    assert!(broken("/normalizer", json!({ "type": "Rot13" })).contains("no normalizer called \"Rot13\""));
    assert!(broken("/normalizer", json!({ "type": "Sequence" })).contains("lacks normalizers"));
    assert!(broken("/normalizer", json!({ "type": "Precompiled", "precompiled_charsmap": "####" })).len() > 5);
    assert!(broken("/pre_tokenizer", json!({ "type": "Split", "pattern": { "Regex": "(" }, "behavior": "Removed", "invert": false })).len() > 5);
    assert!(broken("/pre_tokenizer", json!({ "type": "Metaspace", "replacement": "ab" })).contains("not one character"));
    assert!(broken("/post_processor", json!({ "type": "BertProcessing", "sep": ["[SEP]"], "cls": ["[CLS]", 1] })).contains("number"));
    assert!(read(b"{").is_err() && read(b"{}").is_err() && read(b"[1, 2]").is_err());
}
