//! `palate search`: the items nearest to a text, a picture, a sound or a film, or several of them, by the exact scan that the page does too.
//!
//! Not here: the visitor's taste (`recommend`).

use std::path::{Path, PathBuf};

use clap::Args;
use palate::Result;
use palate::compute::cpu::isa::Isa;
use palate::encode::{AudioEncoder, ImageEncoder, TextEncoder};
use palate::format::manifest::Kind;
use palate::fuse::{self, Film, Fuser};
use palate::index::Catalog;
use palate::index::catalog::{AUDIO, IMAGE, TEXT, VIDEO};
use palate::platform::native::folder::Folder;
use palate::publish::build::{Base, text_model};
use palate::publish::clean::Cleaning;
use serde_json::{Value, json};

use crate::query::{Asked, Query};
use crate::terminal::{bold, clip, dim, line};
use crate::{film, media, pack, sound};

#[derive(Args)]
pub struct Search {
    /// The index's folder.
    #[arg(long, value_name = "DIR")]
    index: PathBuf,
    /// The text model [default: the one beside the index, else its name in models/].
    #[arg(long, visible_alias = "text-model", value_name = "MODEL")]
    model: Option<PathBuf>,
    /// The image model [default: the one beside the index, else its name in models/].
    #[arg(long, value_name = "MODEL")]
    image_model: Option<PathBuf>,
    /// The audio model [default: the one beside the index, else its name in models/].
    #[arg(long, value_name = "MODEL")]
    audio_model: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    clean: sound::Clean,
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
        let pictures = match queries.iter().find(|query| query.image.is_some() || query.video.is_some()) {
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
        let (fuser, film) = (fusion(&base, &self.index)?, film_model(&base, &self.index)?);
        for query in queries {
            let models = Encoders { texts: texts.as_ref(), pictures: pictures.as_ref(), sounds: sounds.as_ref().map(|sounds| (sounds, self.clean.cleaning())), film: film.as_ref() };
            let vectors = Vectors::of(&query, models)?;
            let scores = vectors.scores(catalog, fuser.as_ref())?;
            let has = |ordinal| vectors.0.iter().any(|(name, _)| match is_ranked(name, fuser.as_ref()) {
                true => catalog.has_vector(ordinal),
                false => catalog.has_other(name, ordinal),
            });
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

/// The fusion that made the index's vectors.
fn fusion(base: &Base, index: &Path) -> Result<Option<Fuser>> {
    let Some(shard) = base.manifest.shards_of(&Kind::Fusion).next().filter(|_| base.catalog.is_fused()) else { return Ok(None) };
    let bytes = Folder::new(index).read(&shard.file, shard.bytes)?;
    shard.verify(&bytes)?;
    Fuser::open(bytes, Isa::best()).map(Some)
}

/// What reads films, where the index has vectors of them.
fn film_model(base: &Base, index: &Path) -> Result<Option<Film>> {
    let Some(shard) = base.manifest.shards_of(&Kind::Film).next().filter(|_| base.catalog.other_model(VIDEO).is_some()) else { return Ok(None) };
    let bytes = Folder::new(index).read(&shard.file, shard.bytes)?;
    shard.verify(&bytes)?;
    Film::open(bytes, Isa::best()).map(Some)
}

/// Whether a modality's vectors are compared with those that lists are ranked by.
fn is_ranked(modality: &str, fuser: Option<&Fuser>) -> bool {
    fuser.map_or(modality == TEXT, |fuser| fuser.config().modality(modality).is_some())
}

/// The models that queries need.
struct Encoders<'a> {
    texts: Option<&'a TextEncoder>,
    pictures: Option<&'a ImageEncoder>,
    sounds: Option<(&'a AudioEncoder, Cleaning)>,
    film: Option<&'a Film>,
}

/// A query's vectors, each with its modality.
struct Vectors(Vec<(&'static str, Vec<f32>)>);

impl Vectors {
    fn of(query: &Query, Encoders { texts, pictures, sounds, film }: Encoders<'_>) -> Result<Self> {
        let mut vectors = Vec::new();
        if let (Some(text), Some(encoder)) = (&query.text, texts) {
            vectors.push((TEXT, encoder.encode(&[text.as_str()])?.swap_remove(0)));
        }
        if let (Some(path), Some(encoder)) = (&query.image, pictures) {
            vectors.push((IMAGE, encoder.encode(&[media::read(path)?])?.swap_remove(0)));
        }
        if let (Some(path), Some((encoder, cleaning))) = (&query.audio, sounds) {
            vectors.push((AUDIO, sound::vector(encoder, path, cleaning)?));
        }
        if let (Some(path), Some(encoder)) = (&query.video, pictures) {
            let frames = encoder.encode(&film::read(path)?)?;
            vectors.push((if film.is_some() { VIDEO } else { IMAGE }, fuse::film::vector(film, &frames)?));
        }
        Ok(Self(vectors))
    }

    /// Cosines with every item, the mean of the modalities'; those that a fusion joins are one vector.
    fn scores(&self, catalog: &Catalog, fuser: Option<&Fuser>) -> Result<Vec<f32>> {
        let (ranked, mut parts): (Vec<_>, Vec<_>) = self.0.iter().map(|(name, vector)| (*name, vector.as_slice())).partition(|(name, _)| is_ranked(name, fuser));
        let joined = fuser.filter(|_| !ranked.is_empty()).map(|fuser| fuser.query(&ranked)).transpose()?;
        parts.extend(joined.as_deref().map_or(ranked, |joined| vec![(TEXT, joined)]));
        let mut scores = vec![0.0; catalog.len()];
        let share = 1.0 / parts.len().max(1) as f32;
        for (name, vector) in parts {
            let mut part = vec![0.0; catalog.len()];
            match name {
                TEXT => catalog.scan(vector, &mut part)?,
                medium => catalog.scan_other(medium, vector, &mut part)?,
            }
            scores.iter_mut().zip(part).for_each(|(score, cosine)| *score += share * cosine);
        }
        Ok(scores)
    }
}
