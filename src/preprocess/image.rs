//! Pictures to the numbers that a vision model takes: resize, crop, rescale, normalize.

use super::picture::Picture;
use super::resize::{Filter, Part, resize};

/// To which size a picture is brought before it is cropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// Its shorter side to so many pixels, the other in proportion.
    Shortest(usize),
    /// To that height and width, whatever its proportions.
    Exact { height: usize, width: usize },
    /// Not at all.
    Keep,
}

/// How a model wants its pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    pub resize: Resize,
    pub filter: Filter,
    /// Height and width of the result: the middle of the resized picture, black where that is smaller.
    pub height: usize,
    pub width: usize,
    /// `(byte * rescale - mean) / std` by channel.
    pub rescale: f64,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

impl Preparation {
    /// `[height * width, 3]` numbers.
    pub fn pixels(&self, picture: &Picture) -> Vec<f32> {
        let bytes = self.bytes(picture);
        // One table a channel: a byte has 256 values.
        let tables: Vec<Vec<f32>> = (0..3)
            .map(|c| (0..=255u8).map(|b| ((f64::from(b) * self.rescale) as f32 - self.mean[c]) / self.std[c]).collect())
            .collect();
        bytes.iter().enumerate().map(|(at, &b)| tables[at % 3][usize::from(b)]).collect()
    }

    /// The bytes that are left after resizing and cropping, `[height, width, 3]`.
    pub fn bytes(&self, picture: &Picture) -> Vec<u8> {
        let (height, width) = self.resized(picture);
        // Where the crop begins in the resized picture, or the resized picture in the crop.
        let (top, above) = middle(height, self.height);
        let (left, before) = middle(width, self.width);
        let part = Part { left, top, width: self.width.min(width), height: self.height.min(height) };
        let inner = resize(picture, width, height, self.filter, part);
        if part.width == self.width && part.height == self.height {
            return inner;
        }
        let mut bytes = vec![0u8; self.height * self.width * 3];
        for (line, from) in bytes.chunks_exact_mut(self.width * 3).skip(above).zip(inner.chunks_exact(part.width * 3)) {
            line[before * 3..][..from.len()].copy_from_slice(from);
        }
        bytes
    }

    /// Height and width before the crop.
    fn resized(&self, picture: &Picture) -> (usize, usize) {
        let (h, w) = (picture.height(), picture.width());
        match self.resize {
            Resize::Exact { height, width } => (height, width),
            Resize::Keep => (h, w),
            Resize::Shortest(size) if w <= h => ((size as u64 * h as u64 / w as u64) as usize, size),
            Resize::Shortest(size) => (size, (size as u64 * w as u64 / h as u64) as usize),
        }
    }
}

/// Of `size` pixels the first that a crop to `crop` keeps; where there are fewer, how many empty ones stand before them.
fn middle(size: usize, crop: usize) -> (usize, usize) {
    match size >= crop {
        true => ((size - crop) / 2, 0),
        // The odd line of two goes to the front, as the reference's.
        false => (0, (crop - size).div_ceil(2)),
    }
}
