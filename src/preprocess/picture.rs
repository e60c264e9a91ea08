//! A decoded picture: opaque RGB bytes.

use crate::error::{Error, Result};

/// Most pixels of a picture: 100 megapixels, 300 MB.
pub const MAX_PIXELS: usize = 100_000_000;

/// `[height, width, 3]` bytes, line by line from the top, sRGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// From opaque pixels.
    ///
    /// # Errors
    /// [`Error::Input`] for no pixels, too many, or another number of bytes than the size asks for.
    pub fn from_rgb(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self> {
        check(width, height, 3, rgb.len())?;
        Ok(Self { width, height, rgb })
    }

    /// From pixels with straight (not premultiplied) alpha, laid over white.
    ///
    /// Reference processors drop alpha and show whatever color stands under transparent pixels, mostly black. A canvas has
    /// forgotten that color, and a drawing of black lines without a background would be all black: white it is.
    ///
    /// # Errors
    /// As [`Picture::from_rgb`].
    pub fn from_rgba(width: usize, height: usize, rgba: &[u8]) -> Result<Self> {
        check(width, height, 4, rgba.len())?;
        let mut rgb = Vec::with_capacity(width * height * 3);
        for pixel in rgba.as_chunks::<4>().0 {
            let alpha = u32::from(pixel[3]);
            let over = |c: u8| ((u32::from(c) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
            rgb.extend([over(pixel[0]), over(pixel[1]), over(pixel[2])]);
        }
        Ok(Self { width, height, rgb })
    }

    /// In pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// In pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// `[height, width, 3]`.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

fn check(width: usize, height: usize, channels: usize, bytes: usize) -> Result<()> {
    let pixels = width.checked_mul(height).filter(|&pixels| pixels > 0 && pixels <= MAX_PIXELS);
    let Some(pixels) = pixels else {
        return Err(Error::input(format!("a picture of {width} x {height} pixels cannot be read; give one of 1 to {MAX_PIXELS} pixels.")));
    };
    if pixels * channels != bytes {
        return Err(Error::input(format!("a picture of {width} x {height} pixels has {bytes} bytes instead of {}; decode it again.", pixels * channels)));
    }
    Ok(())
}
