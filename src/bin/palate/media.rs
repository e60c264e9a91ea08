//! Decodes picture files: JPEG, PNG, GIF and WebP (their first frame), BMP, upright as their EXIF orientation says, and SVG.
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
pub const MAX_MEMORY: u64 = 1 << 30;

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
    let (width, height, rgba) = decode_rgba(bytes, name)?;
    Picture::from_rgba(width, height, &rgba)
}

/// Width, height and pixels with straight alpha (`[height, width, 4]`) of a file's bytes; `name` is the file's in messages.
///
/// # Errors
/// As [`read`].
pub fn decode_rgba(bytes: &[u8], name: &str) -> Result<(usize, usize, Vec<u8>)> {
    let bad = |detail: &str| Error::input(format!("{name} can't be read as a picture: {detail}. Give a JPEG, PNG, GIF, WebP, BMP or SVG file."));
    if is_svg(bytes) {
        return draw(bytes).map_err(|detail| bad(&detail));
    }
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
    Ok((width, height, image.into_rgba8().into_raw()))
}

/// Longer side of a drawing's pixels, and largest drawing in bytes.
const DRAWN: f32 = 512.0;
const MAX_SVG: usize = 8 << 20;

/// Whether a file begins as an SVG drawing does.
fn is_svg(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    ["<svg", "<?xml", "<!--", "<!doctype svg"].iter().any(|start| head.starts_with(start))
}

/// An SVG drawing's pixels. No script runs, nothing outside of the file is read, and texts are left out: there are no fonts.
fn draw(bytes: &[u8]) -> std::result::Result<(usize, usize, Vec<u8>), String> {
    use resvg::{tiny_skia, usvg};
    if bytes.len() > MAX_SVG {
        return Err(format!("a drawing of {} bytes is more than {MAX_SVG}", bytes.len()));
    }
    let options = usvg::Options { image_href_resolver: usvg::ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) }, ..Default::default() };
    let tree = usvg::Tree::from_data(bytes, &options).map_err(|e| e.to_string())?;
    let size = tree.size();
    let scale = DRAWN / size.width().max(size.height());
    let (width, height) = ((size.width() * scale).round().max(1.0) as u32, (size.height() * scale).round().max(1.0) as u32);
    let mut canvas = tiny_skia::Pixmap::new(width, height).ok_or("its size is none")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut canvas.as_mut());
    let rgba = canvas.pixels().iter().flat_map(|p| {
        let c = p.demultiply();
        [c.red(), c.green(), c.blue(), c.alpha()]
    });
    Ok((width as usize, height as usize, rgba.collect()))
}
