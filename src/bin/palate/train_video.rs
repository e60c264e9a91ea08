//! `palate train video`: the video-text Transformer, learned from the frames of a catalog's films, their words and the items' texts.
//!
//! Natively no film is decoded: an item names a folder of frames. Not here: learning (`palate::train::tower`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use palate::compute::cpu::isa::Isa;
use palate::encode::ImageEncoder;
use palate::fuse::film::Film;
use palate::fuse::video_text::{Config, Item as Rows};
use palate::platform::native::files;
use palate::preprocess::Picture;
use palate::train::tower::clip::{self, Clip, Drops};
use palate::{Error, Result};
use serde_json::json;

use crate::train_tower::{Read, Tower, View, Words};
use crate::{media, pack};

/// Frames, and words, that are read of a film.
const PLACES: usize = 16;
const FILMS: Words = Words { field: "frames", many: "films" };
const RATE: f32 = 1e-3;

#[derive(Args)]
pub struct Video {
    #[command(flatten)]
    tower: Tower,
    /// The image model that sees the frames.
    #[arg(long, value_name = "MODEL")]
    image_model: PathBuf,
    /// A field of words that go with a film, its subtitles say; not one of those that make up the text.
    #[arg(long, value_name = "NAME")]
    words: Option<String>,
    /// Also write the vector of every film with its words: JSON Lines for `palate evaluate --features`.
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
}

impl Video {
    pub fn run(self) -> Result<()> {
        let settings = self.tower.settings(Drops::default(), RATE)?;
        let eye = pack::open_image(pack::find(&self.image_model)?)?;
        let texts = self.tower.texts()?;
        let dim = texts.dim();
        let shape = Arc::new(Config { frame: eye.dim(), word: dim, width: 96, dim, heads: 4, layers: 2, wide: 192, places: PLACES });
        let of = |item: &palate::publish::items::Item| -> Vec<String> {
            let spoken = self.words.as_ref().and_then(|name| item.fields.get(name)?.as_str());
            spoken.map(|text| text.split_whitespace().take(PLACES).map(str::to_lowercase).collect()).unwrap_or_default()
        };
        let items = self.tower.items()?;
        let distinct: Vec<String> = items.iter().flat_map(of).collect::<BTreeSet<_>>().into_iter().collect();
        let vectors = texts.encode(&distinct.iter().map(String::as_str).collect::<Vec<_>>())?;
        let known: BTreeMap<&str, Vec<f32>> = distinct.iter().map(String::as_str).zip(vectors).collect();
        let read = self.tower.read(FILMS, &items, texts, |item, path| {
            let words = of(item).iter().filter_map(|word| known.get(word.as_str()).cloned()).collect();
            Clip::new(&shape, frames(&eye, path)?, words)
        })?;
        let begin = |read: &Read<Clip>| clip::random(&shape, read.texts.model_id(), self.tower.seed);
        self.tower.learn(FILMS, &read, &settings, begin, |pack, held| {
            let film = Film::open(pack::find(pack)?.bytes, Isa::best())?;
            let views = |what: &str, places: &[usize]| -> Result<View> {
                let of = |&at: &usize| -> Rows<'_> {
                    let clip = &read.examples[at].input;
                    let (frames, words) = (clip.frames(), clip.words());
                    match what {
                        "frames" => (frames, &[]),
                        "words" => (&[], words),
                        _ => (frames, words),
                    }
                };
                Ok(View { name: what.to_string(), asked: places.to_vec(), vectors: film.encode(&places.iter().map(of).collect::<Vec<_>>())? })
            };
            if let Some(path) = &self.vectors {
                let all: Vec<usize> = (0..read.examples.len()).collect();
                let lines = views("both", &all)?.vectors.into_iter().zip(&read.examples);
                let text: String = lines.map(|(vector, example)| json!({"id": example.key, "embedding": vector}).to_string() + "\n").collect();
                files::write_atomic(path, text.as_bytes())?;
            }
            let spoken: Vec<usize> = held.iter().copied().filter(|&at| !read.examples[at].input.words().is_empty()).collect();
            let mut all = vec![views("frames", held)?];
            if !spoken.is_empty() {
                all.extend([views("words", &spoken)?, views("frames and words", &spoken)?]);
            }
            Ok(all)
        })
    }
}

/// The vectors of the pictures of a folder, in the order of their names: evenly spaced ones where there are more than places.
fn frames(eye: &ImageEncoder, folder: &Path) -> Result<Vec<Vec<f32>>> {
    let shown = folder.display();
    let entries = std::fs::read_dir(folder).map_err(|e| Error::input(format!("{shown} can't be read as a folder of frames: {e}. Extract them with `ffmpeg -i FILM {shown}/%05d.png`, say.")))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    if paths.is_empty() {
        return Err(Error::input(format!("{shown} holds no frames. Extract them with `ffmpeg -i FILM {shown}/%05d.png`, say.")));
    }
    let count = paths.len().min(PLACES);
    let some = (0..count).map(|at| &paths[(2 * at + 1) * paths.len() / (2 * count)]);
    eye.encode(&some.map(|path| media::read(path)).collect::<Result<Vec<Picture>>>()?)
}
