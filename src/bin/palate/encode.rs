//! `palate encode`: embeddings of texts, pictures or sounds.
//!
//! Not here: the models, and finding them (`pack`).

use std::path::{Path, PathBuf};

use clap::Args;
use palate::compute::cpu::isa::Isa;
use palate::fuse::{self, Film};
use palate::publish::clean::Cleaning;
use palate::{Error, Result};
use serde_json::json;

use crate::pack::{self, Opened};
use crate::{film, media, sound};
use crate::query::{Asked, Query};
use crate::terminal::{bar, clip, line};

/// Queries of one call of the encoder; pictures are in memory together.
const TEXTS: usize = 128;
const PICTURES: usize = 16;

#[derive(Args)]
pub struct Encode {
    /// The model: a pack's folder or file, or a name in models/.
    #[arg(long, value_name = "MODEL")]
    model: PathBuf,
    /// What reads films by the image model's frames, by `palate train video` [default: a film is the mean of its frames].
    #[arg(long, value_name = "MODEL")]
    video_model: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    clean: sound::Clean,
    /// Print one JSON line each: {"input": ..., "embedding": [...]}.
    #[arg(long)]
    json: bool,
}

impl Encode {
    pub fn run(self) -> Result<()> {
        let queries = self.asked.queries()?;
        let model = pack::open_any(pack::find(&self.model)?)?;
        let film = self.video_model.as_deref().map(|name| reader(name, &model)).transpose()?;
        let progress = bar(queries.len(), "encoding");
        let batch = if matches!(model, Opened::Text(_)) { TEXTS } else { PICTURES };
        for batch in queries.chunks(batch) {
            let vectors = encode(&model, film.as_ref(), batch, self.clean.cleaning())?;
            progress.inc(batch.len() as u64);
            for (query, vector) in batch.iter().zip(vectors) {
                progress.suspend(|| {
                    if self.json {
                        return line(&json!({"input": query.asked, "embedding": vector}).to_string());
                    }
                    let start: Vec<String> = vector.iter().take(6).map(|v| format!("{v:.4}")).collect();
                    line(&format!("{}  [{}, … {} numbers]", clip(&query.title(), 48), start.join(", "), vector.len()))
                })?;
            }
        }
        progress.finish_and_clear();
        Ok(())
    }
}

/// Opens what reads films by the frames of `model`.
fn reader(name: &Path, model: &Opened) -> Result<Film> {
    let Opened::Image(eye) = model else {
        return Err(Error::input("--video-model reads frames that an image model saw. Name that one with --model."));
    };
    let film = Film::open(pack::find(name)?.bytes, Isa::best())?;
    film.check(eye.model_id(), eye.dim())?;
    Ok(film)
}

fn encode(model: &Opened, reader: Option<&Film>, queries: &[Query], cleaning: Cleaning) -> Result<Vec<Vec<f32>>> {
    match model {
        Opened::Text(encoder) => {
            let text = |query: &Query| -> Result<String> {
                match query {
                    Query { text: Some(text), image: None, audio: None, video: None, .. } => Ok(text.clone()),
                    _ => Err(query.no_model("the model reads text. Name one for it with --model")),
                }
            };
            let texts = queries.iter().map(text).collect::<Result<Vec<_>>>()?;
            encoder.encode(&texts.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Opened::Image(encoder) => {
            let pictures = |query: &Query| match query {
                Query { text: None, image: Some(path), audio: None, video: None, .. } => Ok((vec![media::read(path)?], None)),
                Query { text: None, image: None, audio: None, video: Some(path), .. } => Ok((film::read(path)?, reader)),
                _ => Err(another(query, "pictures and films", &encoder.model_id().name)),
            };
            let read = queries.iter().map(pictures).collect::<Result<Vec<_>>>()?;
            let mut vectors = encoder.encode(&read.iter().flat_map(|(pictures, _)| pictures.clone()).collect::<Vec<_>>())?.into_iter();
            read.iter().map(|(pictures, reader)| fuse::film::vector(*reader, &vectors.by_ref().take(pictures.len()).collect::<Vec<_>>())).collect()
        }
        Opened::Audio(encoder) => {
            let vector = |query: &Query| match query {
                Query { text: None, image: None, audio: Some(path), video: None, .. } => sound::vector(encoder, path, cleaning),
                _ => Err(another(query, "sounds", &encoder.model_id().name)),
            };
            queries.iter().map(vector).collect()
        }
    }
}

/// The error for a query that holds something else than the model takes.
fn another(query: &Query, takes: &str, model: &str) -> Error {
    let holds = match query {
        Query { text: Some(_), .. } => "a text",
        Query { image: Some(_), .. } => "a picture",
        Query { video: Some(_), .. } => "a film",
        _ => "a sound",
    };
    Error::input(format!("{} holds {holds}, and {model:?} takes {takes}. Name another model with --model.", query.place))
}
