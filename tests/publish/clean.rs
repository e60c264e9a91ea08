//! Recordings before they are encoded: noise taken out, silence cut off.

use palate::preprocess::Sound;
use palate::publish::clean::{Cleaning, denoise, trim};

use crate::catalogs::Seeded;

const RATE: u32 = 16_000;

/// Notes of a quarter of a second with pauses as long, each of another pitch.
fn notes(seconds: usize) -> Vec<f32> {
    let sample = |at: usize| {
        let t = at as f64 / f64::from(RATE);
        let (note, within) = ((t * 2.0) as usize, (t * 2.0).fract());
        let hertz = 300.0 * 2f64.powf((note * 7 % 12) as f64 / 12.0);
        if within < 0.5 { (0.5 * (std::f64::consts::TAU * hertz * t).sin() * (std::f64::consts::PI * within * 2.0).sin()) as f32 } else { 0.0 }
    };
    (0..seconds * RATE as usize).map(sample).collect()
}

fn noise(count: usize, level: f32) -> Vec<f32> {
    let mut chance = Seeded(3);
    (0..count).map(|_| level * chance.signed()).collect()
}

fn sound(samples: Vec<f32>) -> Sound {
    Sound::from_mono(RATE, samples).unwrap()
}

/// How far `heard` is from `meant`, in decibels of their powers: more is better.
fn likeness(heard: &[f32], meant: &[f32]) -> f64 {
    assert_eq!(heard.len(), meant.len());
    let power = |v: &mut dyn Iterator<Item = f32>| v.map(|x| f64::from(x).powi(2)).sum::<f64>();
    let wrong = power(&mut heard.iter().zip(meant).map(|(a, b)| a - b));
    10.0 * (power(&mut meant.iter().copied()) / wrong.max(1e-12)).log10()
}

#[test]
fn clean_takes_hiss_out_and_leaves_the_notes() {
    let meant = notes(6);
    let hiss = noise(meant.len(), 0.1);
    let noisy: Vec<f32> = meant.iter().zip(&hiss).map(|(a, b)| a + b).collect();
    let cleaned = denoise(&sound(noisy.clone())).unwrap();
    let (before, after) = (likeness(&noisy, &meant), likeness(cleaned.samples(), &meant));
    println!("hiss: {before:.1} dB before, {after:.1} dB after");
    assert!(after > before + 6.0, "{before} dB became {after}");
    // Without noise there is little to take away.
    let untouched = likeness(denoise(&sound(meant.clone())).unwrap().samples(), &meant);
    println!("no noise: {untouched:.1} dB");
    assert!(untouched > 30.0, "{untouched} dB");
}

/// A hum that goes on all the time is noise, whatever its pitch.
#[test]
fn clean_takes_a_hum_out() {
    let meant = notes(6);
    let hum = |at: usize| (0.2 * (std::f64::consts::TAU * 120.0 * at as f64 / f64::from(RATE)).sin()) as f32;
    let noisy: Vec<f32> = meant.iter().enumerate().map(|(at, a)| a + hum(at)).collect();
    let cleaned = denoise(&sound(noisy.clone())).unwrap();
    let (before, after) = (likeness(&noisy, &meant), likeness(cleaned.samples(), &meant));
    println!("hum: {before:.1} dB before, {after:.1} dB after");
    assert!(after > before + 6.0, "{before} dB became {after}");
}

#[test]
fn clean_keeps_what_is_too_short_to_tell_and_every_length() {
    for count in [1, 2, 63, 511, 512, 513, 1024, 4097, 20_011] {
        let samples = noise(count, 0.3);
        let cleaned = denoise(&sound(samples.clone())).unwrap();
        assert_eq!((cleaned.rate(), cleaned.samples().len()), (RATE, count));
        if count <= 1024 {
            assert_eq!(cleaned.samples(), samples);
        }
    }
    let silent = sound(vec![0.0; 30_000]);
    assert_eq!(denoise(&silent).unwrap(), silent);
}

#[test]
fn clean_cuts_silence_off_both_ends_alone() {
    let meant = notes(2);
    let around = [vec![0.0; 9_000], noise(3_000, 1e-5), meant.clone(), noise(12_345, 1e-5)].concat();
    let trimmed = trim(&sound(around.clone())).unwrap();
    // A frame reaches a thousand samples to either side, and the last pause is silence too.
    let start = around.windows(64).position(|w| w == &trimmed.samples()[..64]).unwrap();
    assert!((10_976..=12_512).contains(&start), "it begins at {start}, the first note at 12,000");
    let last_note = 12_000 + 28_000;
    assert!((last_note..=last_note + 1_536).contains(&(start + trimmed.samples().len())), "it ends at {}", start + trimmed.samples().len());
    // Pauses inside stay.
    assert!(trimmed.samples().windows(2_000).any(|w| w.iter().all(|s| s.abs() < 1e-3)));
    for untouched in [sound(vec![0.0; 5_000]), sound(meant[..4_000].to_vec()), sound(vec![0.5])] {
        assert_eq!(trim(&untouched).unwrap().samples().len(), untouched.samples().len());
    }
}

#[test]
fn clean_does_what_it_is_asked_in_order() {
    let around = [noise(8_000, 0.02), notes(2), noise(8_000, 0.02)].concat();
    let sound = sound(around);
    let apply = |denoise: bool, trim: bool| Cleaning { denoise, trim }.apply(sound.clone()).unwrap();
    assert_eq!(apply(false, false), sound);
    assert_eq!(apply(true, true), trim(&denoise(&sound).unwrap()).unwrap());
    let tags: std::collections::BTreeSet<u8> = [(false, false), (false, true), (true, false), (true, true)].map(|(denoise, trim)| Cleaning { denoise, trim }.tag()).into();
    assert_eq!((tags.len(), Cleaning::default().tag()), (4, 0));
}
