//! The video-text Transformer against its twin in PyTorch (tests/reference/video_text_golden.py), and with parts missing.

use std::path::Path;

use palate::Error;
use palate::compute::cpu::{CpuModel, isa::Isa};
use palate::format::tensors::TensorFile;
use palate::fuse::video_text::{Config, Item, graph};
use serde_json::Value;

use crate::catalogs::seeded::{numbers, write_checkpoint};

/// Largest difference to the twin, of numbers of unit vectors.
const TOLERANCE: f64 = 1e-5;

fn fixture() -> (Value, Config, TensorFile) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/video_text.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_checkpoint(folder.path(), &fixture);
    let file = TensorFile::parse(std::fs::read(folder.path().join("model.safetensors")).unwrap(), "the checkpoint").unwrap();
    let config = serde_json::from_value(fixture["config"].clone()).unwrap();
    (fixture, config, file)
}

fn rows(what: &str, clip: usize, count: usize, dim: usize) -> Vec<Vec<f32>> {
    let all: Vec<f32> = numbers(&format!("{what} {clip}"), count * dim).collect();
    all.chunks_exact(dim).map(<[f32]>::to_vec).collect()
}

#[test]
fn video_text_is_its_twin_on_every_instruction_set() {
    let (fixture, config, file) = fixture();
    let count = |clip: &Value, at: usize| clip[at].as_u64().unwrap() as usize;
    let clips = fixture["clips"].as_array().unwrap().iter().enumerate();
    let clips: Vec<(Vec<Vec<f32>>, Vec<Vec<f32>>)> =
        clips.map(|(at, clip)| (rows("frames", at, count(clip, 0), config.frame), rows("words", at, count(clip, 1), config.word))).collect();
    let items: Vec<Item<'_>> = clips.iter().map(|(frames, words)| (&frames[..], &words[..])).collect();
    let batch = config.batch(&items).unwrap();
    for isa in Isa::available() {
        let model = CpuModel::new(graph(&config, &file).unwrap(), &file, isa).unwrap();
        let found = model.run_shared(&batch).unwrap();
        for (clip, (found, expected)) in found.chunks_exact(config.dim).zip(fixture["vectors"].as_array().unwrap()).enumerate() {
            for (a, b) in found.iter().zip(expected.as_array().unwrap()) {
                assert!((f64::from(*a) - b.as_f64().unwrap()).abs() <= TOLERANCE, "{}, clip {clip}: {a} and {b}", isa.name());
            }
        }
        assert_eq!(found.len(), items.len() * config.dim);
    }
}

#[test]
fn video_text_refuses_what_it_cannot_read() {
    let (_, config, file) = fixture();
    let short = vec![vec![0.0; config.frame - 1]];
    assert!(matches!(config.batch(&[(&short, &[])]), Err(Error::Mismatch(text)) if text.contains("19") && text.contains("20")));
    assert!(matches!(config.batch(&[(&[], &[])]), Err(Error::Input(_))));
    assert!(graph(&Config { heads: 5, ..config.clone() }, &file).is_err());
    assert!(graph(&Config { width: 25, ..config }, &file).is_err());
}
