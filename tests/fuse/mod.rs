//! Several modalities as one vector: the graph, learning, and indexes that are ranked by it.

mod index;
mod joint;
mod learning;
mod video_text;

use palate::fuse::joint::{Config, Modality};
use palate::train::fusion_space::{Content, Space};

use crate::catalogs::{Seeded, model};

pub const TEXT: usize = 24;
pub const IMAGE: usize = 40;
pub const DIM: usize = 16;

pub fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|v| *v /= length);
    vector
}

pub fn config() -> Config {
    let modality = |name: &str, encoder: &'static str, dim| {
        let id = model(encoder, dim).id;
        Modality { name: name.into(), dim, model: id.name, sha256: id.sha256 }
    };
    Config { dim: DIM, modalities: vec![modality("text", "words", TEXT), modality("image", "eye", IMAGE)] }
}

/// Items of `kinds` kinds: text and picture show the kind each in its own way, beside noise; every seventh has no picture.
pub fn contents(items: usize, kinds: usize, noise: f32) -> Vec<Content> {
    let mut chance = Seeded(7);
    let mut of = |name: &str, dim: usize, some: bool| {
        let marks: Vec<Vec<f32>> = (0..kinds).map(|_| chance.vector(dim)).collect();
        let mut row = |item: usize| match some && item % 7 == 6 {
            true => vec![0.0; dim],
            false => unit(marks[item % kinds].iter().map(|m| m + noise * chance.signed()).collect()),
        };
        Content::new(name, dim, (0..items).flat_map(&mut row).collect())
    };
    vec![of("text", TEXT, false), of("image", IMAGE, true)]
}

pub fn space(items: usize, kinds: usize, noise: f32) -> Space {
    Space::new(contents(items, kinds, noise), &vec![true; items], DIM, &[20], 3)
}
