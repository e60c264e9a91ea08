//! The CNN and LSTM of a catalog's own ear against its twin in PyTorch (tests/reference/cnn_lstm_golden.py).

use std::path::Path;

use palate::Error;
use palate::compute::cpu::isa::Isa;
use palate::encode::AudioEncoder;
use palate::format::pack::{EncoderConfig, Pooling};
use palate::format::tensors::TensorFile;
use palate::models::cnn_lstm;
use palate::publish::model::{Checkpoint, PackDType};
use palate::train::tower::sound::input;
use serde_json::{Value, json};

use crate::catalogs::seeded::{numbers, write_checkpoint};

/// Largest difference to the twin, of numbers of unit vectors.
const TOLERANCE: f64 = 1e-5;
/// Least cosine of an int8 pack with the twin.
const INT8: f64 = 0.999;

fn fixture() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/cnn_lstm.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn size(fixture: &Value, name: &str) -> usize {
    fixture["sizes"][name].as_u64().unwrap() as usize
}

fn checkpoint(fixture: &Value, config: &Value) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    write_checkpoint(folder.path(), fixture);
    let audio = palate::format::pack::AudioInput { frames: size(fixture, "frames"), bins: size(fixture, "bins"), ..input(2.0) };
    Checkpoint {
        name: "ear".into(),
        config: config.to_string(),
        tokenizer: None,
        weights: TensorFile::parse(std::fs::read(folder.path().join("model.safetensors")).unwrap(), "the checkpoint").unwrap(),
        encoder: EncoderConfig { image: None, audio: Some(audio), pooling: Pooling::Mean, max_tokens: 0, fill: None, dim: size(fixture, "dim") },
        architecture: cnn_lstm::NAME.into(),
    }
}

#[test]
fn ear_is_its_twin_and_in_int8_nearly() {
    let fixture = fixture();
    let dim = size(&fixture, "dim");
    for pooling in ["mean", "last"] {
        let config = json!({"strides": vec![2; size(&fixture, "convolutions")], "pooling": pooling, "space": {"name": "texts", "sha256": "0"}});
        let checkpoint = checkpoint(&fixture, &config);
        let want: Vec<Vec<f64>> = serde_json::from_value(fixture["vectors"][pooling].clone()).unwrap();
        let count = size(&fixture, "frames") * size(&fixture, "bins");
        let patches: Vec<f32> = (0..want.len()).flat_map(|at| numbers(&format!("patch {at}"), count).map(|v| 2.0 * v).collect::<Vec<_>>()).collect();
        for dtype in [PackDType::F32, PackDType::Q8, PackDType::Q4, PackDType::F16] {
            let pack = checkpoint.pack(dtype).unwrap();
            for isa in Isa::available() {
                let encoder = AudioEncoder::open(pack.clone(), isa).unwrap();
                assert_eq!(encoder.space().unwrap().name, "texts");
                let found = encoder.run(patches.clone(), want.len()).unwrap();
                for (found, want) in found.chunks_exact(dim).zip(&want) {
                    let off = found.iter().zip(want).map(|(f, w)| (f64::from(*f) - w).abs()).fold(0.0, f64::max);
                    let cosine: f64 = found.iter().zip(want).map(|(f, w)| f64::from(*f) * w).sum();
                    let right = if dtype == PackDType::F32 { off <= TOLERANCE } else { cosine >= INT8 };
                    assert!(right, "{pooling}, {dtype:?} on {}: off by {off:.1e}, cosine {cosine:.6}", isa.name());
                }
            }
        }
    }
}

#[test]
fn ear_that_is_none_is_corrupt() {
    let fixture = fixture();
    for config in [json!({}), json!({"strides": [2, 2], "pooling": "most"}), json!({"strides": [2, 2, 2], "pooling": "mean"}), json!({"strides": [0, 2], "pooling": "mean"}), json!({"strides": [2, 1], "pooling": "mean"})] {
        let error = checkpoint(&fixture, &config).pack(PackDType::F32).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. } | Error::NotFound(_)), "{config}: {error}");
    }
}
