//! A tower of sounds: its gradients through time, what is blotted out, what it learns, and that a seed decides everything.

use palate::compute::graph::Batch;
use palate::format::pack::AudioInput;
use palate::math::rng::Rng;
use palate::train::tower::sound::{Heard, Masks, Shape, input, random};
use palate::train::tower::start::Start;
use palate::train::tower::state::State;
use palate::train::tower::{Epoch, Example, Medium, Settings, Split, Told, encode, rank, train};

use super::tower::{DIM, assert_gradients, space, unit};

const FRAMES: usize = 20;
const BINS: usize = 12;

fn small() -> AudioInput {
    AudioInput { frames: FRAMES, bins: BINS, ..input(4.0) }
}

fn ear(pooling: &str) -> Start {
    let shape = Shape { channels: vec![4, 6], hidden: 10, pooling: pooling.into() };
    random(&shape, small(), DIM, &space(), 7).unwrap()
}

/// A spectrogram of `count` frames: a band of a kind that rises, falls or pulses, in noise.
fn heard(kind: usize, count: usize, rng: &mut Rng) -> Heard {
    let (phase, level) = (rng.unit(), 1.5 + rng.unit());
    let at = |frame: usize, bin: usize, rng: &mut Rng| {
        let t = frame as f64 / 10.0 + phase;
        let place = match kind % 3 {
            0 => (t * 6.0) % 12.0,
            1 => 12.0 - (t * 6.0) % 12.0,
            _ => 6.0,
        };
        let open = kind < 3 || (t * 2.0).fract() < 0.5;
        let near = (-(bin as f64 + 0.5 - place).powi(2) / 2.0).exp();
        (level * if open { near } else { 0.0 } + 0.2 * rng.normal()) as f32
    };
    let patches = (count.max(FRAMES) - FRAMES).div_ceil(FRAMES / 2) + 1;
    let rows: Vec<f32> = (0..FRAMES + (patches - 1) * FRAMES / 2).flat_map(|frame| (0..BINS).map(move |bin| (frame, bin))).map(|(frame, bin)| at(frame, bin, rng)).collect();
    let patch = |n: usize| rows[n * FRAMES / 2 * BINS..][..FRAMES * BINS].to_vec();
    Heard::new(&(0..patches).map(patch).collect::<Vec<_>>(), FRAMES)
}

struct Silent;

impl Told for Silent {
    fn seen(&mut self, _: usize, _: usize) {}

    fn epoch(&mut self, _: Epoch, _: &State) -> palate::Result<()> {
        Ok(())
    }
}

fn catalog(each: usize) -> Vec<Example<Heard>> {
    let mut rng = Rng::new(3);
    let kinds: Vec<Vec<f32>> = (0..6).map(|_| unit((0..DIM).map(|_| rng.normal() as f32).collect())).collect();
    let mut all = Vec::new();
    for n in 0..each {
        for (kind, base) in kinds.iter().enumerate() {
            let text = unit(base.iter().map(|v| v + 0.05 * rng.normal() as f32).collect());
            all.push(Example { key: format!("{kind}-{n}"), input: heard(kind, 20 + n % 3 * 10, &mut rng), text });
        }
    }
    all
}

fn settings(epochs: usize) -> Settings<Masks> {
    Settings { epochs, patience: epochs, batch: 16, learning_rate: 4e-3, held_out: 0.25, validation: 0.2, seed: 5, ..Settings::default() }
}

#[test]
fn ear_gradients_are_those_of_differences() {
    let mut rng = Rng::new(1);
    let inputs: Vec<f32> = (0..3 * FRAMES * BINS).map(|_| rng.normal() as f32).collect();
    for pooling in ["mean", "last"] {
        assert_gradients(&ear(pooling), &Batch { items: 3, floats: vec![inputs.clone()], ..Batch::default() }, &mut rng);
    }
}

fn numbers(mut batch: Batch) -> Vec<f32> {
    batch.floats.swap_remove(0)
}

#[test]
fn ear_hears_a_patch_of_a_sound_with_stripes_blotted_out() {
    let (encoder, mut rng) = (ear("mean").encoder, Rng::new(2));
    let long = heard(0, 60, &mut rng);
    assert_eq!(long.plain(&encoder).len(), 5, "patches half of which each has in common with the next");
    let masks = Masks { times: 1, time: 0.3, bands: 1, band: 0.3, gain: 0.0 };
    let (mut widest, mut places) = ((0, 0), std::collections::BTreeSet::new());
    for seed in 0..200 {
        let plain = numbers(long.changed(&encoder, &Masks { times: 0, bands: 0, ..masks }, &mut Rng::new(seed)));
        let changed = numbers(long.changed(&encoder, &masks, &mut Rng::new(seed)));
        assert_eq!(changed.len(), FRAMES * BINS);
        let blotted = |frame: usize, bin: usize| changed[frame * BINS + bin] == 0.0;
        let frames = (0..FRAMES).filter(|&f| (0..BINS).all(|b| blotted(f, b))).count();
        let bins = (0..BINS).filter(|&b| (0..FRAMES).all(|f| blotted(f, b))).count();
        assert!(frames <= 6 && bins <= 3, "{frames} frames, {bins} bins");
        widest = (widest.0.max(frames), widest.1.max(bins));
        let kept = changed.iter().zip(&plain).filter(|(c, _)| **c != 0.0);
        assert!(kept.clone().all(|(c, p)| c == p), "what is not blotted out is as it was");
        assert_eq!(kept.count(), (FRAMES - frames) * (BINS - bins));
        places.insert(plain[0].to_bits());
    }
    assert_eq!(widest, (6, 3), "as wide as they may be");
    assert!(places.len() > 30, "another patch each time: {}", places.len());
}

#[test]
fn ear_finds_the_texts_of_sounds_it_never_heard() {
    let (examples, start, settings) = (catalog(16), ear("mean"), settings(50));
    let state = train(&examples, &start, &settings, None, &mut Silent).unwrap();
    let keys: Vec<&str> = examples.iter().map(|e| e.key.as_str()).collect();
    let split = Split::new(&keys, settings.held_out, settings.validation, settings.seed);
    let inputs: Vec<&Heard> = split.held_out.iter().map(|&at| &examples[at].input).collect();
    let texts: Vec<&[f32]> = examples.iter().map(|e| e.text.as_slice()).collect();
    let vectors = encode(&start, &state.best, &inputs);
    assert!(vectors.iter().all(|v| (v.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5));
    // Sixteen of 96 texts are of a sound's kind; twelve hits come by chance once in 20,000.
    let right = vectors.iter().zip(&split.held_out).filter(|(v, at)| rank(v, &examples[**at].text, &texts) <= 16).count();
    println!("{right} of {} held-out sounds find their text among the 16 nearest of 96", vectors.len());
    assert!(right >= 12, "{right} of 24 find their text among the 16 nearest; by chance it is 4");
}

#[test]
fn ear_of_a_seed_is_the_same_on_any_number_of_threads() {
    let (examples, start) = (catalog(5), ear("last"));
    let whole = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&examples, &start, &Settings { seed, ..settings(3) }, None, &mut Silent)).unwrap()
    };
    let one = whole(1, 5);
    assert_eq!(one, whole(2, 5));
    assert_ne!(one.weights, whole(2, 6).weights);
}
