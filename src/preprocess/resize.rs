//! Resizing with an antialiased filter, bit for bit as Pillow does it on bytes.
//!
//! Two passes, lines first, with weights in fixed point of 22 bits and a rounded byte between the passes (Pillow,
//! `src/libImaging/Resample.c`): reference processors of vision models resize so, and their models learned from it. Pillow 13
//! takes columns first where that is less work, which moves a few bytes by one.

use super::picture::Picture;

/// What weighs the pixels under an output pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    Box,
    Bilinear,
    /// Keys' cubic with a = -1/2.
    Bicubic,
    /// Three lobes.
    Lanczos,
}

impl Filter {
    /// The filter's half width in pixels of the smaller image.
    fn support(self) -> f64 {
        match self {
            Filter::Box => 0.5,
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) };
        let a = x.abs();
        match self {
            Filter::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Filter::Bilinear => (1.0 - a).max(0.0),
            Filter::Bicubic if a < 1.0 => (1.5 * a - 2.5) * a * a + 1.0,
            Filter::Bicubic if a < 2.0 => ((-0.5 * a + 2.5) * a - 4.0) * a + 2.0,
            Filter::Bicubic => 0.0,
            Filter::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Filter::Lanczos => 0.0,
        }
    }
}

/// A part of a resized picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// Bits of a weight behind the point.
const BITS: u32 = 22;

/// The inputs of one output pixel: the first, and the weights.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// The taps of outputs `from .. from + count` of `to`, over `size` inputs.
fn taps(size: usize, to: usize, from: usize, count: usize, filter: Filter) -> Vec<Taps> {
    let scale = size as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let of = |at: usize| {
        let center = (at as f64 + 0.5) * scale;
        let first = ((center - support + 0.5).max(0.0)) as usize;
        let end = ((center + support + 0.5) as usize).min(size);
        let weights: Vec<f64> = (first..end).map(|i| filter.at((i as f64 - center + 0.5) / stretch)).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |w: &f64| {
            let w = if sum == 0.0 { *w } else { w / sum } * f64::from(1u32 << BITS);
            if w < 0.0 { (w - 0.5) as i32 } else { (w + 0.5) as i32 }
        };
        Taps { first, weights: weights.iter().map(fixed).collect() }
    };
    (from..from + count).map(of).collect()
}

fn byte(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// The bytes `[part.height, part.width, 3]` of a part of `picture` resized to `width` by `height`. Only what the part sees is
/// computed, so that a long strip of pixels takes no more memory than a square one.
pub fn resize(picture: &Picture, width: usize, height: usize, filter: Filter, part: Part) -> Vec<u8> {
    let columns = taps(picture.width(), width, part.left, part.width, filter);
    let lines = taps(picture.height(), height, part.top, part.height, filter);
    let (first, end) = match (lines.first(), lines.last()) {
        (Some(first), Some(last)) => (first.first, last.first + last.weights.len()),
        _ => return Vec::new(),
    };
    let half = 1 << (BITS - 1);
    let stride = picture.width() * 3;
    // Pillow leaves a pass out that changes no size; its taps would be ones.
    let mut narrow = Vec::with_capacity((end - first) * part.width * 3);
    for line in picture.rgb()[first * stride..end * stride].chunks_exact(stride) {
        for tap in &columns {
            let mut sums = [half; 3];
            for (pixel, weight) in line[tap.first * 3..].as_chunks::<3>().0.iter().zip(&tap.weights) {
                sums.iter_mut().zip(pixel).for_each(|(sum, c)| *sum += i32::from(*c) * weight);
            }
            narrow.extend(sums.map(byte));
        }
    }
    let stride = part.width * 3;
    let mut out = Vec::with_capacity(part.height * stride);
    let mut sums = vec![0i32; stride];
    for tap in &lines {
        sums.fill(half);
        for (line, weight) in narrow[(tap.first - first) * stride..].chunks_exact(stride).zip(&tap.weights) {
            sums.iter_mut().zip(line).for_each(|(sum, c)| *sum += i32::from(*c) * weight);
        }
        out.extend(sums.iter().map(|&sum| byte(sum)));
    }
    out
}
