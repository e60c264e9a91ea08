//! YAMNet with real weights, from a TFLite file by tests/reference/tflite_checkpoint.py, on its own reference clip.

use std::path::Path;
use std::process::Command;

use palate::compute::cpu::isa::Isa;
use palate::compute::graph::Op;
use palate::encode::AudioEncoder;
use palate::format::tensors::TensorFile;
use palate::preprocess::Sound;
use palate::publish::model::{Checkpoint, Choice, PackDType};
use serde_json::Value;

use crate::catalogs::shared;

/// Least correlation of our log-mel with the clip's own.
const CORRELATION: f64 = 0.9999;

fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |v: &[f32]| v.iter().map(|&x| f64::from(x)).sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let dot = |x: &[f32], mx: f64, y: &[f32], my: f64| x.iter().zip(y).map(|(&x, &y)| (f64::from(x) - mx) * (f64::from(y) - my)).sum::<f64>();
    dot(a, ma, b, mb) / (dot(a, ma, a, ma) * dot(b, mb, b, mb)).sqrt()
}

/// Scores of the classes before the sigmoid: the mean over positions, times the classifier's weights.
fn scores(encoder: &AudioEncoder, weights: &[f32], bias: &[f32], patch: &[f32]) -> Vec<f32> {
    let pool = encoder.graph().nodes.iter().position(|node| matches!(node.op, Op::Pool { .. })).unwrap();
    let mut features = Vec::new();
    encoder.observe(patch.to_vec(), |at, out| if at == pool { features = out.to_vec() }).unwrap();
    let score = |class: usize| weights[class * features.len()..].iter().zip(&features).map(|(w, f)| w * f).sum::<f32>() + bias[class];
    (0..bias.len()).map(score).collect()
}

/// Sounds are made by a formula, so that what the original says of them (tests/reference/yamnet_original.py) needs no file.
fn made(name: &str) -> Vec<f32> {
    let tone = |hertz: f64| (0..15_600).map(|at| (0.5 * (std::f64::consts::TAU * hertz * f64::from(at) / 16_000.0).sin()) as f32).collect();
    match name {
        "tone" => tone(440.0),
        "high tone" => tone(3_000.0),
        "noise" => crate::catalogs::seeded::numbers("white noise", 15_600).map(|v| v * 0.5).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn yamnet_hears_what_the_original_hears() {
    let Some(weights) = shared("weights/yamnet") else {
        println!("skipped: the weights are not there");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/tflite_checkpoint.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let Ok(out) = Command::new(python).arg(script).arg(weights.join("yamnet_spectra_in.tflite")).arg(folder.path()).output() else {
        println!("skipped: there is no Python to read the TFLite file with");
        return;
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let file = TensorFile::parse(std::fs::read(folder.path().join("model.safetensors")).unwrap(), "the checkpoint").unwrap();
    let (classifier, bias) = (file.f32s("classifier.weight").unwrap(), file.f32s("classifier.bias").unwrap());
    let words = |bytes: Vec<u8>| bytes.as_chunks::<2>().0.iter().map(|&b| f32::from(i16::from_le_bytes(b)) / 32_768.0).collect::<Vec<f32>>();
    let clip = words(std::fs::read(weights.join("yamnet_test_audio.bin")).unwrap());
    let spectra = std::fs::read(weights.join("yamnet_test_spectra.bin")).unwrap();
    let spectra: Vec<f32> = spectra.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();

    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/yamnet.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let checkpoint = Checkpoint::read(folder.path(), Choice::default()).unwrap();
    for dtype in [PackDType::F32, PackDType::Q8] {
        let pack = checkpoint.pack(dtype).unwrap();
        let bytes = pack.len();
        let encoder = AudioEncoder::open(pack, Isa::best()).unwrap();
        let patch = |samples: &[f32]| {
            let heard = encoder.preparation().heard(&Sound::from_mono(16_000, samples.to_vec()).unwrap());
            let patches = encoder.preparation().patches(&heard);
            assert_eq!(patches.len(), 1);
            patches.concat()
        };
        let ours = patch(&clip);
        let likeness = correlation(&ours, &spectra);
        println!("{dtype:?}: log-mel correlation {likeness:.6}, pack {bytes} bytes");
        assert!(likeness >= CORRELATION, "{likeness}");
        for (name, want) in golden.as_object().unwrap() {
            let patch = match name.as_str() {
                "clip" => ours.clone(),
                "clip's own spectra" => spectra.clone(),
                name => patch(&made(name)),
            };
            let scores = scores(&encoder, &classifier, &bias, &patch);
            let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            println!("  {name}: class {best}, {:.3}; the original {want}", 1.0 / (1.0 + (-scores[best]).exp()));
            assert_eq!(best as u64, want["class"].as_u64().unwrap(), "{name}");
        }
    }
}
