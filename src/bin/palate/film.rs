//! Films natively: folders of frames and animated pictures (GIF, WebP, APNG), evenly spaced frames of which a model sees.
//!
//! Not here: films that are compressed along the time (MP4, WebM): no well-kept Rust decoder reads them. In a page the browser
//! decodes (`www/lib/film.js`).

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{AnimationDecoder, Frames, ImageDecoder, ImageResult, Limits};
use palate::fuse::film::FRAMES;
use palate::platform::native::folder;
use palate::preprocess::Picture;
use palate::preprocess::picture::MAX_PIXELS;
use palate::{Error, Result};

use crate::media::{self, MAX_FILE, MAX_MEMORY};

/// Frames of an animated picture that are looked at; a longer one is seen as far as that.
const MOST: usize = 10_000;
/// How long a frame is shown that says no time, in milliseconds.
const SHOWN: f64 = 100.0;

/// The files of a film's frames, or its own: what [`pictures`] decodes.
///
/// # Errors
/// [`Error::Input`] for a folder that can't be read, [`Error::NotFound`] where there is neither folder nor file.
pub fn files(path: &Path) -> Result<Vec<Vec<u8>>> {
    if !path.is_dir() {
        return Ok(vec![folder::read(path, MAX_FILE)?]);
    }
    let shown = path.display();
    let entries = std::fs::read_dir(path).map_err(|e| Error::input(format!("{shown} can't be read as a folder of frames: {e}.")))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    spaced(paths.len()).map(|at| folder::read(&paths[at], MAX_FILE)).collect()
}

/// The middles of as many equal parts of `count` as frames are taken, or all.
fn spaced(count: usize) -> impl Iterator<Item = usize> {
    let taken = count.min(FRAMES);
    (0..taken).map(move |at| (2 * at + 1) * count / (2 * taken))
}

/// Pictures of a film's frames, in time; `name` is the film's in messages.
///
/// # Errors
/// [`Error::Input`] for what is neither picture nor animation.
pub fn pictures(files: &[Vec<u8>], name: &str) -> Result<Vec<Picture>> {
    match files {
        [] => Err(Error::input(format!("{name} holds no frames. Extract them with `ffmpeg -i FILM {name}/%05d.png`, say."))),
        [one] if is_film(one) => Err(Error::input(format!("{name} is a film that is compressed along the time, and this command decodes none. Extract its frames with `ffmpeg -i {name} FOLDER/%05d.png`, say, and name the folder."))),
        [one] => match animated(one, name)? {
            Some(frames) => Ok(frames),
            None => Ok(vec![media::decode(one, name)?]),
        },
        many => many.iter().zip(1..).map(|(bytes, at)| media::decode(bytes, &format!("{name}, frame {at}"))).collect(),
    }
}

/// Pictures of a film's frames, in time.
///
/// # Errors
/// As [`files`] and [`pictures`].
pub fn read(path: &Path) -> Result<Vec<Picture>> {
    pictures(&files(path)?, &path.display().to_string())
}

/// Whether bytes begin as MP4 and WebM do.
fn is_film(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp") || bytes.starts_with(&[0x1a, 0x45, 0xdf, 0xa3])
}

/// Evenly spaced frames of an animated picture; `None` for one that stands still, or no picture.
fn animated(bytes: &[u8], name: &str) -> Result<Option<Vec<Picture>>> {
    let bad = |e: &dyn std::fmt::Display| Error::input(format!("{name} can't be read as an animated picture: {e}. Give a GIF, WebP or APNG file, or a folder of frames."));
    let Some(first) = open(bytes).map_err(|e| bad(&e))? else { return Ok(None) };
    // Once for the times, once for the frames: all of them together may be far more than the memory holds.
    let mut ends = Vec::new();
    let mut total = 0.0;
    for frame in first.take(MOST) {
        let (over, under) = frame.map_err(|e| bad(&e))?.delay().numer_denom_ms();
        total += if over == 0 { SHOWN } else { f64::from(over) / f64::from(under.max(1)) };
        ends.push(total);
    }
    if ends.is_empty() {
        return Err(bad(&"it has no frames"));
    }
    let times = (0..FRAMES).map(|at| total * (at as f64 + 0.5) / FRAMES as f64);
    let wanted: Vec<usize> = match ends.len() <= FRAMES {
        true => (0..ends.len()).collect(),
        false => times.map(|time| ends.partition_point(|&end| end <= time).min(ends.len() - 1)).collect(),
    };
    let mut pictures = Vec::with_capacity(wanted.len());
    for (at, frame) in open(bytes).map_err(|e| bad(&e))?.into_iter().flatten().take(ends.len()).enumerate() {
        let pixels = frame.map_err(|e| bad(&e))?.into_buffer();
        let (width, height) = pixels.dimensions();
        for _ in wanted.iter().filter(|&&wanted| wanted == at) {
            pictures.push(Picture::from_rgba(width as usize, height as usize, &pixels)?);
        }
    }
    Ok(Some(pictures))
}

/// The frames of an animated picture, each as it is shown.
fn open(bytes: &[u8]) -> ImageResult<Option<Frames<'_>>> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    let bounded = |decoder: &dyn ImageDecoder| {
        let (width, height) = decoder.dimensions();
        match width as usize * height as usize > MAX_PIXELS {
            true => Err(image::ImageError::Limits(image::error::LimitError::from_kind(image::error::LimitErrorKind::DimensionError))),
            false => Ok(()),
        }
    };
    match image::guess_format(bytes) {
        Ok(image::ImageFormat::Gif) => {
            let mut decoder = GifDecoder::new(Cursor::new(bytes))?;
            bounded(&decoder)?;
            decoder.set_limits(limits)?;
            Ok(Some(decoder.into_frames()))
        }
        Ok(image::ImageFormat::WebP) => {
            let mut decoder = WebPDecoder::new(Cursor::new(bytes))?;
            bounded(&decoder)?;
            decoder.set_limits(limits)?;
            Ok(decoder.has_animation().then(|| decoder.into_frames()))
        }
        Ok(image::ImageFormat::Png) => {
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits)?;
            bounded(&decoder)?;
            Ok(match decoder.is_apng()? {
                true => Some(decoder.apng()?.into_frames()),
                false => None,
            })
        }
        _ => Ok(None),
    }
}
