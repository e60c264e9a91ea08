//! Numbers, pictures, sounds and checkpoints that a seed decides: the same here and in tests/reference/seeded.py.

use std::path::Path;

use palate::format::tensors::{Part, write};
use palate::preprocess::{Picture, Sound};
use serde_json::Value;

/// FNV-1a.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |value, byte| (value ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// `count` numbers in [-1, 1) that `name` decides: SplitMix64.
pub fn numbers(name: &str, count: usize) -> impl Iterator<Item = f32> {
    let seed = hash(name);
    (1..=count as u64).map(move |at| {
        let mut z = seed.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
}

/// Bytes `[height, width, channels]`: slopes, checks and noise.
pub fn pixels(width: usize, height: usize, seed: i64, channels: usize) -> Vec<u8> {
    let noise: Vec<i64> = numbers(&format!("picture {seed}"), width * height * channels).map(|v| (v * 24.0) as i64).collect();
    let of = |(at, noise): (usize, &i64)| {
        let (x, y, c) = ((at / channels % width) as i64, (at / channels / width) as i64, (at % channels) as i64);
        let slope = x * (3 + c) * 256 / (width as i64).max(64) + (y * (5 - c) * 128).div_euclid((height as i64).max(64));
        let base = slope + ((x / 7 + y / 5 + seed) % 3) * 40;
        ((base + seed * 31) % 320 - 32 + noise).clamp(0, 255) as u8
    };
    noise.iter().enumerate().map(of).collect()
}

/// An RGB picture of [`pixels`].
pub fn picture(width: usize, height: usize, seed: i64) -> Picture {
    Picture::from_rgb(width, height, pixels(width, height, seed, 3)).unwrap()
}

/// Writes the checkpoint that a fixture of tests/reference/model_goldens.py describes.
pub fn write_checkpoint(folder: &Path, fixture: &Value) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("config.json"), fixture["config"].to_string()).unwrap();
    for (name, content) in fixture["files"].as_object().unwrap() {
        std::fs::write(folder.join(name), content.to_string()).unwrap();
    }
    let part = |tensor: &Value| {
        let name = tensor[0].as_str().unwrap();
        let shape: Vec<usize> = tensor[1].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let (scale, offset) = (tensor[2].as_f64().unwrap() as f32, tensor[3].as_f64().unwrap() as f32);
        let values: Vec<f32> = numbers(name, shape.iter().product()).map(|v| v * scale + offset).collect();
        Part::f32(name, &shape, &values)
    };
    let parts: Vec<Part<'_>> = fixture["tensors"].as_array().unwrap().iter().map(part).collect();
    std::fs::write(folder.join("model.safetensors"), write(&parts, &Default::default()).unwrap()).unwrap();
}

/// Samples of a sound that tests/reference/seeded.py makes too: a tone that glides, one that beats, noise that swells, a silence.
pub fn samples(rate: u32, seconds: f64, seed: u32, quiet: bool) -> Vec<f32> {
    let count = (f64::from(rate) * seconds) as usize;
    let s = f64::from(seed);
    let tau = std::f64::consts::TAU;
    let of = |(at, noise): (usize, f32)| {
        if (count * 2 / 5..count / 2).contains(&at) {
            return 0.0;
        }
        let t = at as f64 / f64::from(rate);
        let tones = 0.4 * (tau * (110.0 * (1.0 + s) * t + 40.0 * t * t)).sin() + 0.2 * (tau * (900.0 + 310.0 * s) * t).sin() * (tau * 1.7 * t).sin();
        let wave = tones + f64::from(noise) * 0.15 * (0.5 + 0.5 * (tau * 0.6 * t + s).sin());
        (wave * if quiet { 0.003 } else { 1.0 }) as f32
    };
    numbers(&format!("sound {seed}"), count).enumerate().map(of).collect()
}

/// [`samples`] as a sound.
pub fn sound(rate: u32, seconds: f64, seed: u32) -> Sound {
    Sound::from_mono(rate, samples(rate, seconds, seed, false)).unwrap()
}
