//! Decodes picture files: JPEG, PNG, GIF and WebP (their first frame), BMP; upright, as their EXIF orientation says.
//!
//! Not here: what a model makes of the pixels (`palate::preprocess`). In a page the browser decodes (`www/lib/media.js`).

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use palate::platform::native::folder;
use palate::preprocess::Picture;
use palate::preprocess::picture::MAX_PIXELS;
use palate::{Error, Result};

/// Largest picture file in bytes.
pub const MAX_FILE: u64 = 256 << 20;
/// Longest side in pixels, and the memory that decoding may take.
const MAX_SIDE: u32 = 65_535;
const MAX_MEMORY: u64 = 1 << 30;

/// The picture of a file.
///
/// # Errors
/// [`Error::NotFound`] where it is missing, [`Error::Input`] where it is no picture, damaged, or too large.
pub fn read(path: &Path) -> Result<Picture> {
    decode(&folder::read(path, MAX_FILE)?, &path.display().to_string())
}

/// The picture of a file's bytes; `name` is the file's in messages.
///
/// # Errors
/// As [`read`].
pub fn decode(bytes: &[u8], name: &str) -> Result<Picture> {
    let bad = |detail: &str| Error::input(format!("{name} can't be read as a picture: {detail}. Give a JPEG, PNG, GIF, WebP or BMP file."));
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| bad(&e.to_string()))?;
    if reader.format().is_none() {
        return Err(bad("its format is not known"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| bad(&e.to_string()))?;
    let (width, height) = decoder.dimensions();
    if width as usize * height as usize > MAX_PIXELS {
        return Err(bad(&format!("{width} x {height} pixels are more than {MAX_PIXELS}")));
    }
    // A picture without a readable orientation is upright.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| bad(&e.to_string()))?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    match image.color().has_alpha() {
        true => Picture::from_rgba(width, height, &image.into_rgba8()),
        false => Picture::from_rgb(width, height, image.into_rgb8().into_raw()),
    }
}
