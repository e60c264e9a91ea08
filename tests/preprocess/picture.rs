//! Pictures: sizes, transparency, and what is no picture.

use palate::preprocess::Picture;
use palate::preprocess::image::{Preparation, Resize};
use palate::preprocess::resize::{Filter, Part, resize};

#[test]
fn picture_transparency_shows_white() {
    let picture = Picture::from_rgba(4, 1, &[10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128, 255, 255, 255, 7]).unwrap();
    assert_eq!(picture.rgb(), [10, 20, 30, 255, 255, 255, 127, 127, 127, 255, 255, 255]);
}

#[test]
fn picture_sizes_that_do_not_fit_are_refused() {
    for (width, height, bytes) in [(0, 0, 0), (0, 4, 0), (2, 2, 15), (2, 2, 17), (usize::MAX, 2, 8), (1 << 20, 1 << 20, 4)] {
        let error = Picture::from_rgba(width, height, &vec![0; bytes]).unwrap_err();
        assert_eq!(error.code(), "bad-input", "{width} x {height}");
        assert!(error.to_string().contains(&format!("{width} x {height}")), "{error}");
    }
}

/// A plain picture stays plain, whatever its size becomes: weights sum to one in fixed point.
#[test]
fn picture_resize_keeps_a_plain_color() {
    let picture = Picture::from_rgb(37, 23, [9, 128, 255].repeat(37 * 23)).unwrap();
    for filter in [Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
        for (width, height) in [(1, 1), (5, 90), (37, 23), (301, 7)] {
            let out = resize(&picture, width, height, filter, Part { left: 0, top: 0, width, height });
            assert_eq!(out, [9, 128, 255].repeat(width * height), "{filter:?} to {width} x {height}");
        }
    }
}

/// A part of a resized picture is that part of the whole.
#[test]
fn picture_resize_of_a_part_is_a_part() {
    let bytes: Vec<u8> = (0..53 * 41 * 3).map(|i| (i * 7919 % 251) as u8).collect();
    let picture = Picture::from_rgb(53, 41, bytes).unwrap();
    let (width, height) = (29, 97);
    let whole = resize(&picture, width, height, Filter::Bicubic, Part { left: 0, top: 0, width, height });
    let part = Part { left: 5, top: 60, width: 11, height: 31 };
    let want: Vec<u8> = (60..91).flat_map(|y| whole[(y * width + 5) * 3..(y * width + 16) * 3].to_vec()).collect();
    assert_eq!(resize(&picture, width, height, Filter::Bicubic, part), want);
}

/// A strip a thousand times as long as it is wide asks for no more memory than what is kept of it.
#[test]
fn picture_strips_are_prepared_in_little_memory() {
    let wanted = Preparation {
        resize: Resize::Shortest(224),
        filter: Filter::Bicubic,
        height: 224,
        width: 224,
        rescale: 1.0 / 255.0,
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    for (width, height) in [(1, 1_000_000), (1_000_000, 1)] {
        let picture = Picture::from_rgb(width, height, vec![200; width * height * 3]).unwrap();
        let pixels = wanted.pixels(&picture);
        assert_eq!(pixels.len(), 224 * 224 * 3);
        assert!(pixels.iter().all(|v| (v - 200.0 / 255.0).abs() < 1e-6));
    }
}
