//! Sixty pictures of all sorts through ten processors: bit for bit what Pillow makes of them (tests/reference/preprocess_goldens.py).

use std::path::Path;

use palate::format::digest::sha256;
use palate::format::pack::{ImageInput, ImageSize};
use palate::preprocess::Picture;
use palate::preprocess::image::{Preparation, Resize};
use palate::preprocess::resize::Filter;
use palate::publish::image_input;
use serde_json::{Value, json};

use crate::catalogs::seeded::pixels;

/// Largest difference of a normalized number; they were written with six places.
const NORMALIZED: f64 = 2e-6;

/// A processor as `palate model add` reads it.
fn preparation(processor: &Value) -> Preparation {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("preprocessor_config.json"), processor.to_string()).unwrap();
    let kind = match processor["image_processor_type"].as_str().unwrap() {
        "CLIPImageProcessor" => "clip",
        "BitImageProcessor" => "dinov2",
        "MobileNetV2ImageProcessor" => "mobilenet_v2",
        "SiglipImageProcessor" => "siglip",
        _ => "vit",
    };
    let config = json!({"model_type": kind});
    let ImageInput { resize, filter, height, width, rescale, mean, std } = image_input::read(folder.path(), &config, &config).unwrap();
    let filter = match filter.as_str() {
        "box" => Filter::Box,
        "bilinear" => Filter::Bilinear,
        "bicubic" => Filter::Bicubic,
        "lanczos" => Filter::Lanczos,
        other => panic!("filter {other}"),
    };
    let resize = match resize {
        Some(ImageSize { shortest: 0, height, width }) => Resize::Exact { height, width },
        Some(size) => Resize::Shortest(size.shortest),
        None => Resize::Keep,
    };
    Preparation { resize, filter, height, width, rescale, mean, std }
}

#[test]
fn golden_pictures_are_prepared_as_the_reference_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/preprocess.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let mut wrong = Vec::new();
    let cases = fixture["cases"].as_array().unwrap();
    for case in cases {
        let (width, height, seed) = (number(&case["width"]), number(&case["height"]), case["seed"].as_i64().unwrap());
        let picture = match case["mode"].as_str().unwrap() {
            "rgba" => Picture::from_rgba(width, height, &pixels(width, height, seed, 4)).unwrap(),
            "gray" => {
                let rgb = pixels(width, height, seed, 1).into_iter().flat_map(|v| [v; 3]).collect();
                Picture::from_rgb(width, height, rgb).unwrap()
            }
            _ => Picture::from_rgb(width, height, pixels(width, height, seed, 3)).unwrap(),
        };
        let preparation = preparation(&fixture["processors"][case["processor"].as_str().unwrap()]);
        assert_eq!(json!([preparation.height, preparation.width, 3]), case["shape"], "{case}");
        if sha256(&preparation.bytes(&picture)) != case["sha256"].as_str().unwrap() {
            wrong.push(format!("{case}"));
        }
        let normalized = preparation.pixels(&picture);
        let found = normalized.iter().step_by(number(&case["step"]));
        for (found, want) in found.zip(case["numbers"].as_array().unwrap()) {
            let difference = (f64::from(*found) - want.as_f64().unwrap()).abs();
            assert!(difference <= NORMALIZED, "{found} instead of {want}: {case}");
        }
    }
    assert!(wrong.is_empty(), "{} of {} are other bytes: {wrong:#?}", wrong.len(), cases.len());
}
