//! `palate train`: models that a catalog learns of its own.
//!
//! Not here: what both towers share (`train_tower`), and learning (`palate::train`).

use std::path::PathBuf;

use clap::{Args, Subcommand};
use palate::encode::audio::{audible, preparation};
use palate::format::pack::AudioInput;
use palate::platform::native::folder;
use palate::preprocess::Picture;
use palate::publish::checkpoint::{Checkpoint, Choice};
use palate::train::tower::augment::{Changes, Source};
use palate::train::tower::sound::{self as ear, Heard, Masks};
use palate::train::tower::start::{self, Shape, Start};
use palate::train::tower::Settings;
use palate::{Error, Result};
use rayon::prelude::*;

use crate::train_fusion::Fusion;
use crate::train_tower::{Read, Tower, View, Words};
use crate::train_video::Video;
use crate::{media, pack, sound};

#[derive(Subcommand)]
pub enum Train {
    /// A small image model in the space of the catalog's texts, so that pages search with pictures without a large download.
    Image(Image),
    /// A small audio model in the space of the catalog's texts, so that pages search with sounds: a CNN and an LSTM.
    Audio(Audio),
    /// A Transformer over the frames of films and their words, in the space of the catalog's texts.
    Video(Video),
    /// One space for what items read, look and sound like: projections and a gated sum, from items alone or from interactions too.
    Fusion(Box<Fusion>),
}

impl Train {
    pub fn run(self) -> Result<()> {
        match self {
            Train::Image(image) => image.run(),
            Train::Audio(audio) => audio.run(),
            Train::Video(video) => video.run(),
            Train::Fusion(fusion) => fusion.run(),
        }
    }
}

#[derive(Args)]
pub struct Image {
    #[command(flatten)]
    tower: Tower,
    /// Start from the body of a MobileNetV2 checkpoint folder that knows pictures already [default: from random numbers].
    #[arg(long, value_name = "DIR", conflicts_with = "evaluate")]
    from: Option<PathBuf>,
    /// Inverted residuals of that body that stay as they are, with all before them.
    #[arg(long, value_name = "LAYERS", default_value_t = 3, requires = "from")]
    freeze: usize,
    /// Learning rate of the body's matrices at its highest, by Muon; 0: by AdamW as all else [default: 0.004, with --from 0].
    #[arg(long, value_name = "RATE")]
    matrix_rate: Option<f32>,
    /// Side of the pictures that the model takes, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 96)]
    size: usize,
    /// Share of pictures that are learned as lines alone, for searches with doodles.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    lines: f64,
    /// Share of pictures out of which a rectangle is erased while learning.
    #[arg(long, value_name = "SHARE", default_value_t = Changes::default().erased)]
    erase: f64,
    /// Left and right mean something in these pictures: don't swap them.
    #[arg(long)]
    no_flip: bool,
}

/// Side of the pictures that are kept while learning, for one pixel that the model takes.
const KEPT: f64 = 1.34;
/// Of a body from random numbers. One that knows pictures already would forget them.
const MATRIX_RATE: f32 = 4e-3;
const PICTURES: Words = Words { fields: &["image"], many: "pictures" };

impl Image {
    fn run(self) -> Result<()> {
        start::check_size(self.size)?;
        if [self.lines, self.erase].iter().any(|share| !(0.0..=1.0).contains(share)) {
            return Err(Error::input("--lines and --erase are 0 to 1."));
        }
        let matrix_rate = self.matrix_rate.unwrap_or(if self.from.is_some() { 0.0 } else { MATRIX_RATE });
        if !(0.0..1.0).contains(&matrix_rate) {
            return Err(Error::input("--matrix-rate is 0 to 1."));
        }
        let settings = Settings { matrix_rate, ..self.tower.settings(Changes { lines: self.lines, flip: !self.no_flip, erased: self.erase }, <Settings>::default().learning_rate)? };
        let side = (self.size as f64 * KEPT) as usize;
        let read = self.tower.read(PICTURES, &self.tower.items()?, self.tower.texts()?, |_, path| {
            let bytes = folder::read(path, media::MAX_FILE)?;
            let (width, height, rgba) = media::decode_rgba(&bytes, &path.display().to_string())?;
            Ok(Source::new(side, width, height, &rgba))
        })?;
        self.tower.learn(PICTURES, &read, &settings, |read| self.start(read), |pack, held| {
            let encoder = pack::open_image(pack::find(pack)?)?;
            let vectors = encoder.encode(&held.par_iter().map(|&at| media::read(&read.paths[at])).collect::<Result<Vec<Picture>>>()?)?;
            Ok(vec![View { name: String::new(), asked: held.to_vec(), vectors }])
        })
    }

    fn start(&self, read: &Read<Source>) -> Result<Start> {
        let (space, dim, seed) = (read.texts.model_id(), read.texts.dim(), self.tower.seed);
        let Some(folder) = &self.from else { return start::random(&Shape::default(), self.size, dim, space, seed) };
        let checkpoint = Checkpoint::read(folder, Choice::default())?;
        if checkpoint.architecture != "mobilenet-v2" {
            return Err(Error::input(format!("{} holds a {}; a tower starts from a MobileNetV2, or without --from.", folder.display(), checkpoint.architecture)));
        }
        let config = serde_json::from_str(&checkpoint.config).map_err(|e| Error::corrupt("config.json", e.to_string()))?;
        Ok(start::body(&config, &checkpoint.weights, self.size, dim, space, seed)?.freeze(self.freeze))
    }
}

#[derive(Args)]
pub struct Audio {
    #[command(flatten)]
    tower: Tower,
    /// So much of a sound's beginning is listened to.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    seconds: f64,
    /// Stripes of time and of frequency that are blotted out of each sound while learning.
    #[arg(long, value_name = "COUNT", default_value_t = Masks::default().times)]
    masks: usize,
    #[command(flatten)]
    clean: sound::Clean,
}

const SOUNDS: Words = Words { fields: &["audio"], many: "sounds" };
/// Sounds have fewer numbers and a shallower net than pictures.
const RATE: f32 = 2e-3;

impl Audio {
    fn run(self) -> Result<()> {
        if !(0.5..=60.0).contains(&self.seconds) || self.masks > 16 {
            return Err(Error::input("--seconds is 0.5 to 60, --masks 0 to 16."));
        }
        let settings = self.tower.settings(Masks { times: self.masks, bands: self.masks, ..Masks::default() }, RATE)?;
        let input = ear::input(self.seconds);
        let prepared = preparation(Some(&input))?;
        let mut read = self.tower.read(SOUNDS, &self.tower.items()?, self.tower.texts()?, |_, path| {
            let sound = sound::read(path, input.seconds, self.clean.cleaning())?;
            let heard = sound::named(audible(&prepared, &sound), &path.display().to_string())?;
            Ok(Heard::new(&prepared.patches(&heard), input.frames))
        })?;
        // What is not held out says how loud and how varied these sounds are.
        let (mean, std) = Heard::spread(read.split(&settings).train.iter().map(|&at| &read.examples[at].input));
        read.examples.iter_mut().for_each(|example| example.input.normalize(mean, std));
        let input = AudioInput { mean, std, ..input };
        let start = |read: &Read<Heard>| ear::random(&ear::Shape::default(), input, read.texts.dim(), read.texts.model_id(), self.tower.seed);
        self.tower.learn(SOUNDS, &read, &settings, start, |pack, held| {
            let encoder = pack::open_audio(pack::find(pack)?)?;
            let vectors = held.par_iter().map(|&at| sound::vector(&encoder, &read.paths[at], self.clean.cleaning())).collect::<Result<_>>()?;
            Ok(vec![View { name: String::new(), asked: held.to_vec(), vectors }])
        })
    }
}
