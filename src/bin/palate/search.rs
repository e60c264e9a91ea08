//! `palate search`: the items nearest to a text, a picture or a sound, or several of them, by the exact scan that the page does too.
//!
//! Not here: the visitor's taste (`recommend`).

use std::path::PathBuf;

use clap::Args;
use palate::Result;
use palate::encode::{AudioEncoder, ImageEncoder, TextEncoder};
use palate::index::Catalog;
use palate::index::catalog::{AUDIO, IMAGE};
use palate::platform::native::folder::Folder;
use palate::publish::build::{Base, text_model};
use serde_json::{Value, json};

use crate::query::{Asked, Query};
use crate::terminal::{bold, clip, dim, line};
use crate::{media, pack, sound};

#[derive(Args)]
pub struct Search {
    /// The index's folder.
    #[arg(long, value_name = "DIR")]
    index: PathBuf,
    /// The text model [default: the one beside the index, else its name in models/].
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// The image model [default: the one beside the index, else its name in models/].
    #[arg(long, value_name = "MODEL")]
    image_model: Option<PathBuf>,
    /// The audio model [default: the one beside the index, else its name in models/].
    #[arg(long, value_name = "MODEL")]
    audio_model: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    /// How many items a query.
    #[arg(short, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    k: u32,
    /// Print one JSON line a query: {"query": ..., "hits": [{"key": ..., "score": ...}]}.
    #[arg(long)]
    json: bool,
}

impl Search {
    pub fn run(self) -> Result<()> {
        let queries = self.asked.queries()?;
        let base = Base::open(&Folder::new(&self.index))?;
        let catalog = &base.catalog;
        let texts = match queries.iter().any(|query| query.text.is_some()) {
            true => Some(pack::of_index(&self.index, text_model(&base.manifest)?, self.model.as_deref())?),
            false => None,
        };
        let pictures = match queries.iter().find(|query| query.image.is_some()) {
            Some(query) => {
                let missing = || query.no_model("the index was built without one. Build it with --image-model");
                let wanted = catalog.other_model(IMAGE).ok_or_else(missing)?;
                Some(pack::image_of_index(&self.index, wanted, self.image_model.as_deref())?)
            }
            None => None,
        };
        let sounds = match queries.iter().find(|query| query.audio.is_some()) {
            Some(query) => {
                let missing = || query.no_model("the index was built without one. Build it with --audio-model");
                let wanted = catalog.other_model(AUDIO).ok_or_else(missing)?;
                Some(pack::audio_of_index(&self.index, wanted, self.audio_model.as_deref())?)
            }
            None => None,
        };
        for query in queries {
            let scores = scores(&query, catalog, texts.as_ref(), pictures.as_ref(), sounds.as_ref())?;
            let has = |ordinal| {
                let text = query.text.is_some() && catalog.has_vector(ordinal);
                let image = query.image.is_some() && catalog.has_other(IMAGE, ordinal);
                text || image || query.audio.is_some() && catalog.has_other(AUDIO, ordinal)
            };
            let hits = catalog.top_k(&scores, self.k as usize, has);
            if self.json {
                let hits: Vec<Value> = hits.iter().map(|&(ordinal, score)| json!({"key": catalog.key(ordinal), "score": score})).collect();
                line(&json!({"query": query.asked, "hits": hits}).to_string())?;
                continue;
            }
            line(&bold(&clip(&query.title(), 96)))?;
            for (ordinal, score) in hits {
                let title = catalog.field(ordinal, "title");
                let title = title.as_ref().and_then(Value::as_str).unwrap_or_default();
                line(&format!("  {score:>6.3}  {}  {}", clip(title, 64), dim(catalog.key(ordinal))))?;
            }
        }
        Ok(())
    }
}

/// Cosines with every item; of a query that holds several things their mean.
fn scores(query: &Query, catalog: &Catalog, texts: Option<&TextEncoder>, pictures: Option<&ImageEncoder>, sounds: Option<&AudioEncoder>) -> Result<Vec<f32>> {
    let mut parts = Vec::new();
    let zeros = || vec![0.0; catalog.len()];
    if let (Some(text), Some(encoder)) = (&query.text, texts) {
        let mut part = zeros();
        catalog.scan(&encoder.encode(&[text.as_str()])?[0], &mut part)?;
        parts.push(part);
    }
    if let (Some(path), Some(encoder)) = (&query.image, pictures) {
        let mut part = zeros();
        catalog.scan_other(IMAGE, &encoder.encode(&[media::read(path)?])?[0], &mut part)?;
        parts.push(part);
    }
    if let (Some(path), Some(encoder)) = (&query.audio, sounds) {
        let mut part = zeros();
        catalog.scan_other(AUDIO, &sound::vector(encoder, path)?, &mut part)?;
        parts.push(part);
    }
    let share = 1.0 / parts.len().max(1) as f32;
    let mut scores = zeros();
    for part in parts {
        scores.iter_mut().zip(part).for_each(|(score, cosine)| *score += share * cosine);
    }
    Ok(scores)
}
