//! A tiny BERT checkpoint, written to a folder: words have random vectors and the layers add next to nothing, so that
//! texts with the same words are near each other and the right answer of a search is known.

use std::path::Path;

use palate::format::tensors::{Part, write};
use serde_json::{Map, Value, json};

use super::Seeded;

pub const DIM: usize = 32;
const WIDE: usize = 64;
const POSITIONS: usize = 64;
pub const WORDS: [&str; 16] =
    ["warm", "boots", "chair", "lamp", "wool", "winter", "garden", "blue", "oak", "tea", "green", "snow", "light", "wood", "cup", "leaf"];

/// Writes `config.json`, `tokenizer.json` and `model.safetensors`; another seed makes another model.
pub fn write_checkpoint(folder: &Path, seed: u64) {
    std::fs::create_dir_all(folder).unwrap();
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
    let vocabulary: Vec<&str> = special.iter().chain(&WORDS).copied().collect();
    let config = json!({
        "model_type": "bert", "vocab_size": vocabulary.len(), "hidden_size": DIM, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": WIDE, "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    });
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let ids: Map<String, Value> = vocabulary.iter().enumerate().map(|(id, word)| (word.to_string(), json!(id))).collect();
    let added = |id: usize| json!({"id": id, "content": special[id], "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let token = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
    let sequence = |name: &str, kind: u8| json!({"Sequence": {"id": name, "type_id": kind}});
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": (0..4).map(added).collect::<Vec<_>>(),
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [token("[CLS]"), sequence("A", 0), token("[SEP]")],
            "pair": [token("[CLS]"), sequence("A", 0), token("[SEP]"), sequence("B", 1), token("[SEP]")],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
            },
        },
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": ids},
    });
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    std::fs::write(folder.join("model.safetensors"), weights(vocabulary.len(), seed)).unwrap();
}

fn weights(vocabulary: usize, seed: u64) -> Vec<u8> {
    let mut chance = Seeded(seed);
    let mut matrix = |name: &str, rows: usize, columns: usize, size: f32| {
        let values: Vec<f32> = chance.vector(rows * columns).iter().map(|v| v * size).collect();
        Part::f32(name, &[rows, columns], &values)
    };
    let mut parts = vec![
        matrix("embeddings.word_embeddings.weight", vocabulary, DIM, 1.0),
        matrix("embeddings.position_embeddings.weight", POSITIONS, DIM, 0.01),
        matrix("embeddings.token_type_embeddings.weight", 2, DIM, 0.01),
    ];
    let layer = |part: &str| format!("encoder.layer.0.{part}");
    for (part, rows, columns) in [
        ("attention.self.query", DIM, DIM),
        ("attention.self.key", DIM, DIM),
        ("attention.self.value", DIM, DIM),
        ("attention.output.dense", DIM, DIM),
        ("intermediate.dense", WIDE, DIM),
        ("output.dense", DIM, WIDE),
    ] {
        parts.push(matrix(&layer(&format!("{part}.weight")), rows, columns, 0.02));
        parts.push(Part::f32(layer(&format!("{part}.bias")), &[rows], &vec![0.0; rows]));
    }
    for norm in ["embeddings.LayerNorm".to_string(), layer("attention.output.LayerNorm"), layer("output.LayerNorm")] {
        parts.push(Part::f32(format!("{norm}.weight"), &[DIM], &[1.0; DIM]));
        parts.push(Part::f32(format!("{norm}.bias"), &[DIM], &[0.0; DIM]));
    }
    write(&parts, &Default::default()).unwrap()
}
