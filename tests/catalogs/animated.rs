//! Animated pictures of frames: GIF by the library, WebP and APNG put together from single ones, as their specifications say.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{Delay, Frame, ImageFormat, RgbImage};

/// A frame and how long it is shown, in milliseconds.
pub type Shown = (RgbImage, u16);

pub fn gif(frames: &[Shown]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for (frame, ms) in frames {
        let rgba = image::DynamicImage::from(frame.clone()).into_rgba8();
        encoder.encode_frame(Frame::from_parts(rgba, 0, 0, Delay::from_numer_denom_ms(u32::from(*ms), 1))).unwrap();
    }
    drop(encoder);
    bytes
}

fn still(frame: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    frame.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn riff(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = [&name[..], &(body.len() as u32).to_le_bytes(), body].concat();
    chunk.resize(chunk.len() + body.len() % 2, 0);
    chunk
}

/// A lossless one (WebP container specification, "Animation").
pub fn webp(frames: &[Shown]) -> Vec<u8> {
    let three = |n: u32| n.to_le_bytes()[..3].to_vec();
    let size = |frame: &RgbImage| [three(frame.width() - 1), three(frame.height() - 1)].concat();
    let mut body = b"WEBP".to_vec();
    body.extend(riff(b"VP8X", &[&[0b10, 0, 0, 0], &size(&frames[0].0)[..]].concat()));
    body.extend(riff(b"ANIM", &[255, 255, 255, 255, 0, 0]));
    for (frame, ms) in frames {
        let picture = &still(frame, ImageFormat::WebP)[12..];
        body.extend(riff(b"ANMF", &[&[0; 6], &size(frame)[..], &three(u32::from(*ms)), &[0b10], picture].concat()));
    }
    riff(b"RIFF", &body)
}

fn png_chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
    let mut crc = !0u32;
    for byte in name.iter().chain(body) {
        crc ^= u32::from(*byte);
        (0..8).for_each(|_| crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 });
    }
    [&(body.len() as u32).to_be_bytes()[..], name, body, &(!crc).to_be_bytes()].concat()
}

/// Name and body of a PNG's chunks.
fn png_chunks(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut rest = &bytes[8..];
    let mut chunks = Vec::new();
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        chunks.push((&rest[4..8], &rest[8..8 + length]));
        rest = &rest[12 + length..];
    }
    chunks
}

/// An APNG (PNG specification, third edition, 11.3.4).
pub fn apng(frames: &[Shown]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut number = 0u32;
    for (at, (frame, ms)) in frames.iter().enumerate() {
        let png = still(frame, ImageFormat::Png);
        let chunks = png_chunks(&png);
        if at == 0 {
            bytes.extend(&png[..8]);
            bytes.extend(png_chunk(b"IHDR", chunks[0].1));
            bytes.extend(png_chunk(b"acTL", &[(frames.len() as u32).to_be_bytes(), [0; 4]].concat()));
        }
        let numbers = [number, frame.width(), frame.height(), 0, 0].map(u32::to_be_bytes).concat();
        bytes.extend(png_chunk(b"fcTL", &[&numbers[..], &ms.to_be_bytes(), &1000u16.to_be_bytes(), &[0, 0]].concat()));
        number += 1;
        for (_, body) in chunks.iter().filter(|(name, _)| *name == b"IDAT") {
            if at == 0 {
                bytes.extend(png_chunk(b"IDAT", body));
                continue;
            }
            bytes.extend(png_chunk(b"fdAT", &[&number.to_be_bytes()[..], body].concat()));
            number += 1;
        }
    }
    bytes.extend(png_chunk(b"IEND", &[]));
    bytes
}
