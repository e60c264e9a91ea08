//! What is asked for on the command line: texts and files, one by one or as JSON Lines.
//!
//! Not here: encoding them.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Args;
use palate::platform::native::folder;
use palate::publish::table::read_json_lines;
use palate::{Error, Result};
use serde_json::{Map, Value, json};

/// Longest query text in bytes: no model reads more.
const MAX_TEXT: usize = 64 << 10;

/// The flags that name queries.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Asked {
    /// A text; may be given several times.
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// A picture file (needs an image model).
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// A sound file (needs an audio model).
    #[arg(long, value_name = "FILE")]
    audio: Vec<PathBuf>,
    /// A film: a folder of frames, or a GIF, WebP or APNG file (needs an image model).
    #[arg(long, value_name = "FILE")]
    video: Vec<PathBuf>,
    /// JSON Lines, each with `text`, `image`, `audio` or `video` (paths relative to the file), which make one query together.
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
}

/// One query: as it was asked, and what it holds, one of them at least.
pub struct Query {
    pub asked: Value,
    /// The file, or the file and line, that it came from.
    pub place: String,
    pub text: Option<String>,
    pub image: Option<PathBuf>,
    pub audio: Option<PathBuf>,
    pub video: Option<PathBuf>,
}

impl Query {
    /// What it is called in a list.
    pub fn title(&self) -> String {
        let name = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        [self.text.clone(), name(&self.image), name(&self.audio), name(&self.video)].into_iter().flatten().collect::<Vec<_>>().join(" + ")
    }

    /// The error for a picture, a sound or a film where no model takes it; `why` says whose model is missing.
    pub fn no_model(&self, why: &str) -> Error {
        let (what, medium) = match self {
            Query { image: Some(_), .. } => ("an image", "image"),
            Query { video: Some(_), .. } => ("a film", "image"),
            _ => ("a sound", "audio"),
        };
        Error::input(format!("{} is {what}, and there is no {medium} model here: {why}, or describe it with --text.", self.place))
    }
}

impl Asked {
    /// All queries, in order: texts, then pictures, then sounds, then films, then the lines.
    pub fn queries(&self) -> Result<Vec<Query>> {
        let mut queries = Vec::new();
        for text in &self.text {
            queries.push(Query { asked: json!({"text": text}), place: "--text".into(), text: Some(checked(text, "--text")?), image: None, audio: None, video: None });
        }
        for (medium, paths) in [("image", &self.image), ("audio", &self.audio), ("video", &self.video)] {
            for path in paths {
                let place = path.display().to_string();
                let of = |name: &str| (name == medium).then(|| path.clone());
                queries.push(Query { asked: json!({medium: place}), place, text: None, image: of("image"), audio: of("audio"), video: of("video") });
            }
        }
        if let Some(path) = &self.lines {
            let name = path.display().to_string();
            let from = path.parent().unwrap_or(Path::new(""));
            read_json_lines(&name, BufReader::new(folder::open(path)?), &mut |(line, row)| {
                let place = format!("{name}, line {line}");
                let row = row.map_err(|reason| Error::input(format!("{place}: {reason}. Write one object a line.")))?;
                queries.push(from_row(row, place, from)?);
                Ok(())
            })?;
            if queries.is_empty() {
                return Err(Error::input(format!("{name} holds no query. Write one object a line, like {{\"text\": \"warm boots\"}}.")));
            }
        }
        Ok(queries)
    }
}

fn from_row(row: Map<String, Value>, place: String, from: &Path) -> Result<Query> {
    let text = |field: &str| match row.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(Error::input(format!("{place}: \"{field}\" is {other}. Give a text."))),
    };
    let image = text("image")?.map(|image| from.join(image));
    let audio = text("audio")?.map(|audio| from.join(audio));
    let video = text("video")?.map(|video| from.join(video));
    let text = text("text")?.map(|text| checked(&text, &place)).transpose()?;
    if text.is_none() && image.is_none() && audio.is_none() && video.is_none() {
        return Err(Error::input(format!("{place}: no \"text\", \"image\", \"audio\" or \"video\". Write one object a line, like {{\"text\": \"warm boots\"}}.")));
    }
    Ok(Query { asked: Value::Object(row), place, text, image, audio, video })
}

fn checked(text: &str, place: &str) -> Result<String> {
    if text.trim().is_empty() {
        return Err(Error::input(format!("{place}: the text is empty. Give some words.")));
    }
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Ok(text[..end].to_string())
}
