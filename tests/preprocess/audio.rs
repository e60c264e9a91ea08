//! Log-mel spectrograms against the reference's feature extractors (tests/reference/audio_goldens.py), and the change of rate.

use std::f64::consts::TAU;
use std::path::Path;

use palate::encode::audio::preparation;
use palate::format::pack::AudioInput;
use palate::preprocess::Sound;
use palate::preprocess::fourier::Fourier;
use palate::preprocess::resample::resample;
use palate::publish::audio_input;
use serde_json::{Value, json};

use crate::catalogs::seeded::samples;

/// Largest difference of a feature.
const CLOSE: f64 = 1e-3;

fn input(name: &str, extractor: &Value) -> AudioInput {
    let folder = tempfile::tempdir().unwrap();
    if !extractor.is_null() {
        std::fs::write(folder.path().join("preprocessor_config.json"), extractor.to_string()).unwrap();
    }
    let kind = match name.split('-').next().unwrap() {
        "ast" => "audio-spectrogram-transformer",
        kind => kind,
    };
    audio_input::read(folder.path(), &json!({"model_type": kind})).unwrap()
}

#[test]
fn audio_features_are_the_references() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/audio.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    let mut worst = std::collections::BTreeMap::<String, f64>::new();
    for case in cases {
        let name = case["extractor"].as_str().unwrap();
        let preparation = preparation(Some(&input(name, &fixture["extractors"][name]))).unwrap();
        let rate = case["rate"].as_u64().unwrap() as u32;
        assert_eq!(rate, preparation.rate);
        let samples = samples(rate, case["seconds"].as_f64().unwrap(), case["seed"].as_u64().unwrap() as u32, case["quiet"].as_bool().unwrap());
        let heard = preparation.heard(&Sound::from_mono(rate, samples).unwrap());
        let patches = preparation.patches(&heard);
        assert_eq!(json!([patches.len(), preparation.frames, preparation.bins]), case["shape"], "{name}");
        let found = patches.concat();
        for (at, want) in case["numbers"].as_array().unwrap().iter().enumerate() {
            let difference = (f64::from(found[at * case["step"].as_u64().unwrap() as usize]) - want.as_f64().unwrap()).abs();
            let worst = worst.entry(name.into()).or_default();
            *worst = worst.max(difference);
        }
    }
    println!("largest differences: {worst:?}");
    assert!(worst.values().all(|&w| w <= CLOSE), "{worst:?}");
}

#[test]
fn audio_spectrum_is_the_sum_that_defines_it() {
    for size in [4usize, 8, 64, 512] {
        let frame: Vec<f64> = crate::catalogs::seeded::numbers("frame", size).map(f64::from).collect();
        let mut found = vec![0.0; size / 2 + 1];
        Fourier::new(size).powers(&frame, &mut Vec::new(), &mut found);
        for (k, found) in found.iter().enumerate() {
            let part = |turn: fn(f64) -> f64| frame.iter().enumerate().map(|(at, v)| v * turn(TAU * (k * at) as f64 / size as f64)).sum::<f64>();
            let want = part(f64::cos).powi(2) + part(f64::sin).powi(2);
            assert!((found - want).abs() < 1e-9 * (1.0 + want), "{size} at {k}: {found} instead of {want}");
        }
    }
}

/// A tone in the band stays what it is, one above the new band is gone.
#[test]
fn audio_is_brought_to_another_rate() {
    let tone = |rate: u32, hertz: f64| (0..rate as usize).map(|at| (TAU * hertz * at as f64 / f64::from(rate)).sin() as f32).collect::<Vec<f32>>();
    for (from, to) in [(44_100, 16_000), (48_000, 16_000), (8_000, 16_000), (16_000, 48_000), (22_050, 48_000), (44_101, 16_000)] {
        let kept = resample(&tone(from, 1_000.0), from, to);
        assert_eq!(kept.len(), to as usize);
        let want = tone(to, 1_000.0);
        // The ends, where the sinc reaches over the sound's, are left out.
        let inner = to as usize / 20..to as usize * 19 / 20;
        let error = kept[inner.clone()].iter().zip(&want[inner.clone()]).map(|(a, b)| f64::from(a - b).abs()).fold(0.0, f64::max);
        println!("{from} to {to}: {error:.1e}");
        assert!(error < 1e-4, "{from} to {to}: {error}");
        if to < from {
            let gone = resample(&tone(from, f64::from(to) * 0.55), from, to);
            let rest = gone[inner].iter().fold(0.0f32, |m, v| m.max(v.abs()));
            assert!(rest < 1e-4, "{from} to {to}: {rest}");
        }
    }
    assert_eq!(resample(&[0.5, 0.25], 16_000, 16_000), [0.5, 0.25]);
    assert!(resample(&[], 8_000, 16_000).is_empty());
}

#[test]
fn audio_that_is_none_is_refused() {
    let code = |rate, samples| Sound::from_mono(rate, samples).map_err(|e| e.to_string());
    assert!(code(16_000, Vec::new()).unwrap_err().contains("0 samples"));
    assert!(code(0, vec![0.0]).unwrap_err().contains("0 samples a second"));
    assert!(code(16_000, vec![0.0, f32::NAN]).unwrap_err().contains("decode it again"));
    let stereo = Sound::from_interleaved(8_000, 2, &[0.5, -0.5, 1.0, 0.0]).unwrap();
    assert_eq!(stereo.samples(), [0.0, 0.5]);
}
