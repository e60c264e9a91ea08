//! `palate train video`: the video-text Transformer, learned from the frames of a catalog's films, their words and the items' texts.
//!
//! Not here: reading frames (`film`) and learning (`palate::train::tower`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use palate::compute::cpu::isa::Isa;
use palate::fuse::Film;
use palate::fuse::video_text::{Config, Item as Rows};
use palate::platform::native::files;
use palate::publish::items::Item;
use palate::train::tower::clip::{self, Clip, Drops};
use palate::Result;
use serde_json::json;

use crate::train_tower::{Read, Tower, View, Words};
use crate::films::{FIELDS, words};
use crate::{film, pack};

/// Places for frames, and for words, of which as many are read.
const PLACES: usize = 16;
const FILMS: Words = Words { fields: &FIELDS, many: "films" };
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
        let of = |item: &Item| self.words.as_deref().map(|field| words(item, field, PLACES)).unwrap_or_default();
        let items = self.tower.items()?;
        let distinct: Vec<String> = items.iter().flat_map(of).collect::<BTreeSet<_>>().into_iter().collect();
        let vectors = texts.encode(&distinct.iter().map(String::as_str).collect::<Vec<_>>())?;
        let known: BTreeMap<&str, Vec<f32>> = distinct.iter().map(String::as_str).zip(vectors).collect();
        let read = self.tower.read(FILMS, &items, texts, |item, path| {
            let words = of(item).iter().filter_map(|word| known.get(word.as_str()).cloned()).collect();
            Clip::new(&shape, eye.encode(&film::read(path)?)?, words)
        })?;
        let begin = |read: &Read<Clip>| {
            let mut start = clip::random(&shape, read.texts.model_id(), self.tower.seed)?;
            // Whoever builds an index with it has to see and read the same.
            start.config["eye"] = json!({"name": eye.model_id().name, "sha256": eye.model_id().sha256});
            start.config["words"] = json!(self.words);
            Ok(start)
        };
        self.tower.learn(FILMS, &read, &settings, begin, |pack, held| {
            let film = Film::open(pack::find(pack)?.bytes, Isa::best())?;
            film.check(eye.model_id(), eye.dim())?;
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
