//! Drawings and photographs as they might come: turned, cut, colored, on any ground, noisy, or as lines alone.
//!
//! Not here: decoding, and how pages prepare a picture (`preprocess`).

use sha2::{Digest, Sha256};

use super::Medium;
use crate::compute::graph::Batch;
use crate::format::pack::EncoderConfig;
use crate::math::rng::Rng;

/// A decoded picture with straight alpha, brought to a square: `[side, side, 4]` bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    pub side: usize,
    pub rgba: Vec<u8>,
}

impl Source {
    /// From a picture of any proportions: its larger side fits, clear around it. Each pixel is the mean of what it covers.
    pub fn new(side: usize, width: usize, height: usize, rgba: &[u8]) -> Self {
        let mut out = vec![0u8; side * side * 4];
        let scale = width.max(height).max(1) as f64 / side as f64;
        let (left, top) = ((side as f64 - width as f64 / scale) / 2.0, (side as f64 - height as f64 / scale) / 2.0);
        let span = |at: usize, before: f64, most: usize| {
            let from = ((at as f64 - before) * scale).floor();
            let to = ((at as f64 + 1.0 - before) * scale).ceil().max(from + 1.0);
            (from.max(0.0) as usize)..(to.max(0.0) as usize).min(most)
        };
        for y in 0..side {
            for x in 0..side {
                let (mut sum, mut count) = ([0u64; 4], 0u64);
                for sy in span(y, top, height) {
                    for sx in span(x, left, width) {
                        let p = &rgba[(sy * width + sx) * 4..][..4];
                        let alpha = u64::from(p[3]);
                        (0..3).for_each(|c| sum[c] += u64::from(p[c]) * alpha);
                        sum[3] += alpha;
                        count += 1;
                    }
                }
                let pixel = &mut out[(y * side + x) * 4..][..4];
                if sum[3] > 0 {
                    (0..3).for_each(|c| pixel[c] = (sum[c] / sum[3]) as u8);
                    pixel[3] = (sum[3] / count) as u8;
                }
            }
        }
        Self { side, rgba: out }
    }

    /// `[side + 2 * EDGE, side + 2 * EDGE]` colors times alpha, and alpha, 0 to 1: clear around the picture.
    fn premultiplied(&self) -> Vec<[f32; 4]> {
        let wide = self.side + 2 * EDGE;
        let mut out = vec![[0.0; 4]; wide * wide];
        for (y, row) in self.rgba.chunks_exact(self.side * 4).enumerate() {
            for (out, p) in out[(y + EDGE) * wide + EDGE..].iter_mut().zip(row.as_chunks::<4>().0) {
                let alpha = f32::from(p[3]) / 255.0;
                *out = [f32::from(p[0]) / 255.0 * alpha, f32::from(p[1]) / 255.0 * alpha, f32::from(p[2]) / 255.0 * alpha, alpha];
            }
        }
        out
    }
}

/// Clear pixels around a picture that is sampled.
const EDGE: usize = 2;

/// How much pictures are changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Changes {
    /// Share of pictures that become lines alone.
    pub lines: f64,
    /// Whether left and right may change places.
    pub flip: bool,
    /// Share of pictures out of which a rectangle is erased (Zhong et al. 2020, "Random Erasing Data Augmentation").
    pub erased: f64,
}

impl Default for Changes {
    fn default() -> Self {
        Self { lines: 0.2, flip: true, erased: 0.5 }
    }
}

impl Medium for Source {
    type Changes = Changes;

    fn changed(&self, encoder: &EncoderConfig, changes: &Changes, rng: &mut Rng) -> Batch {
        one(view(self, size(encoder), Some((changes, rng))))
    }

    fn plain(&self, encoder: &EncoderConfig) -> Vec<Batch> {
        vec![one(view(self, size(encoder), None))]
    }

    fn hash(&self, hash: &mut Sha256) {
        hash.update(&self.rgba);
    }
}

/// The input of one item that is nothing but numbers.
pub(super) fn one(numbers: Vec<f32>) -> Batch {
    Batch { items: 1, floats: vec![numbers], ..Batch::default() }
}

fn size(encoder: &EncoderConfig) -> usize {
    encoder.image.as_ref().map_or(0, |image| image.width)
}

/// `[size, size, 3]` numbers of -1 to 1: one of the ways in which the picture might come. `None`: as it is, on white.
pub fn view(source: &Source, size: usize, changes: Option<(&Changes, &mut Rng)>) -> Vec<f32> {
    let ratio = source.side as f32 / size as f32;
    let Some((changes, rng)) = changes else {
        return sample(source, size, [ratio, 0.0, 0.0, ratio], (0.0, 0.0), [1.0; 3]).into_iter().map(|v| v * 2.0 - 1.0).collect();
    };
    let mut between = |low: f64, high: f64| (low + (high - low) * rng.unit()) as f32;
    let angle = between(-0.28, 0.28);
    let zoom = ratio * between(0.8, 1.3);
    let (stretch, flip) = (between(0.9, 1.1), if changes.flip && between(0.0, 1.0) < 0.5 { -1.0 } else { 1.0 });
    let (shift_x, shift_y) = (between(-0.09, 0.09) * source.side as f32, between(-0.09, 0.09) * source.side as f32);
    let lines = f64::from(between(0.0, 1.0)) < changes.lines;
    let ground = match between(0.0, 1.0) {
        _ if lines => [1.0; 3],
        g if g < 0.5 => [1.0; 3],
        g if g < 0.65 => [between(0.0, 0.2); 3],
        _ => [between(0.0, 1.0), between(0.0, 1.0), between(0.0, 1.0)],
    };
    let (sin, cos) = angle.sin_cos();
    let matrix = [cos * zoom * stretch * flip, -sin * zoom, sin * zoom * flip, cos * zoom / stretch];
    let mut pixels = sample(source, size, matrix, (shift_x, shift_y), ground);
    if lines {
        pixels = drawn(&pixels, size, between(0.5, 1.0));
    } else {
        let (gain, lift, gray) = (between(0.7, 1.2), between(-0.12, 0.12), if between(0.0, 1.0) < 0.1 { 1.0 } else { between(0.0, 0.35) });
        let tint = [between(0.88, 1.12), between(0.88, 1.12), between(0.88, 1.12)];
        let noise = if between(0.0, 1.0) < 0.3 { between(0.0, 0.07) } else { 0.0 };
        for pixel in pixels.as_chunks_mut::<3>().0 {
            let light = luma(pixel);
            for (value, tint) in pixel.iter_mut().zip(tint) {
                *value = (((*value * (1.0 - gray) + light * gray) - 0.5) * gain + 0.5 + lift) * tint;
                if noise > 0.0 {
                    // A sum of two uniform ones is near enough to a sensor's.
                    *value += noise * between(-1.0, 1.0) + noise * between(-1.0, 1.0);
                }
            }
        }
    }
    if f64::from(between(0.0, 1.0)) < changes.erased {
        let [wide, high] = [between(0.1, 0.45), between(0.1, 0.45)].map(|share| share * size as f32);
        let (left, top) = (between(0.0, 1.0) * (size as f32 - wide), between(0.0, 1.0) * (size as f32 - high));
        for y in top as usize..(top + high) as usize {
            for x in left as usize..(left + wide) as usize {
                pixels[(y * size + x) * 3..][..3].copy_from_slice(&ground);
            }
        }
    }
    pixels.into_iter().map(|v| v.clamp(0.0, 1.0) * 2.0 - 1.0).collect()
}

fn luma(p: &[f32; 3]) -> f32 {
    0.3 * p[0] + 0.59 * p[1] + 0.11 * p[2]
}

/// Pixels through `[xx, xy, yx, yy]` around the middle, between the source's pixels, over `ground`; 0 to 1.
fn sample(source: &Source, size: usize, m: [f32; 4], shift: (f32, f32), ground: [f32; 3]) -> Vec<f32> {
    let (half, middle) = (size as f32 / 2.0, source.side as f32 / 2.0);
    let (from, wide) = (source.premultiplied(), source.side + 2 * EDGE);
    // In the padded picture's pixels; what is farther outside is as clear as its rim.
    let place = |v: f32| (v - 0.5 + EDGE as f32).clamp(0.0, (wide - 2) as f32);
    let mut pixels = Vec::with_capacity(size * size * 3);
    for y in 0..size {
        for x in 0..size {
            let mut sum = [0.0f32; 4];
            // Four points a pixel keep thin lines whole.
            for (ox, oy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let (dx, dy) = (x as f32 + ox - half, y as f32 + oy - half);
                let (sx, sy) = (place(m[0] * dx + m[1] * dy + middle + shift.0), place(m[2] * dx + m[3] * dy + middle + shift.1));
                let (px, py) = (sx as usize, sy as usize);
                let (tx, ty) = (sx - px as f32, sy - py as f32);
                let rows = [&from[py * wide + px..][..2], &from[(py + 1) * wide + px..][..2]];
                for (row, share) in rows.into_iter().zip([1.0 - ty, ty]) {
                    (0..4).for_each(|c| sum[c] += share * (row[0][c] * (1.0 - tx) + row[1][c] * tx));
                }
            }
            (0..3).for_each(|c| pixels.push(sum[c] / 4.0 + ground[c] * (1.0 - sum[3] / 4.0)));
        }
    }
    pixels
}

/// Dark strokes on white: what is dark already, and else edges.
fn drawn(pixels: &[f32], size: usize, strength: f32) -> Vec<f32> {
    let light: Vec<f32> = pixels.as_chunks::<3>().0.iter().map(luma).collect();
    let at = |x: usize, y: usize| light[y.min(size - 1) * size + x.min(size - 1)];
    let mut out = Vec::with_capacity(pixels.len());
    for y in 0..size {
        for x in 0..size {
            let (l, r) = (at(x.saturating_sub(1), y), at(x + 1, y));
            let (u, d) = (at(x, y.saturating_sub(1)), at(x, y + 1));
            let edge = ((l - r).abs() + (u - d).abs() - 0.12).clamp(0.0, 1.0);
            let dark = (1.0 - at(x, y) / 0.45).clamp(0.0, 1.0);
            out.extend([1.0 - strength * dark.max(0.8 * edge).min(1.0); 3]);
        }
    }
    out
}
