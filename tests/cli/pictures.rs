//! Pictures on the command line: a model added, files encoded, an index built and searched.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use serde_json::Value;

use super::{Shop, keys};
use crate::catalogs::seeded::{pixels, write_checkpoint};

/// Items with pictures of all sorts: files that are there, in other formats, missing, on the web, or none.
const ITEMS: &str = r#"{"id": "a", "title": "Warm boots", "image": "a.png"}
{"id": "b", "title": "Oak chair", "image": "b.jpg"}
{"id": "c", "title": "Green tea", "image": "c.webp"}
{"id": "d", "title": "Garden lamp", "image": "gone.png"}
{"id": "e", "title": "Wool", "image": "https://example.org/e.png"}
{"id": "f", "title": "Blue cup"}
"#;

fn picture(seed: i64) -> DynamicImage {
    RgbImage::from_raw(50, 40, pixels(50, 40, seed, 3)).unwrap().into()
}

fn bytes(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// A shop with an image model and pictures.
fn shop() -> Shop {
    let shop = Shop::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/vit.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    write_checkpoint(&shop.at("eye"), &fixture);
    let made = shop.ok(&["model", "add", "eye", "--dtype", "f32", "--json"]).json().remove(0);
    assert_eq!((made["architecture"].as_str(), made["dim"].as_u64()), (Some("vit"), Some(48)));
    shop.file("items.jsonl", ITEMS.as_bytes());
    shop.file("a.png", &bytes(&picture(1), ImageFormat::Png));
    shop.file("b.jpg", &bytes(&picture(2), ImageFormat::Jpeg));
    shop.file("c.webp", &bytes(&picture(3), ImageFormat::WebP));
    shop
}

const BUILD: [&str; 9] = ["build", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--out", "index"];

/// The vector of one picture.
fn vector(shop: &Shop, file: &str) -> Vec<f64> {
    let line = shop.ok(&["encode", "--model", "eye", "--image", file, "--json"]).json().remove(0);
    assert_eq!(line["input"]["image"], file);
    line["embedding"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn cli_pictures_find_their_items() {
    let shop = shop();
    let report = shop.ok(&[&BUILD[..], &["--json"]].concat()).json().remove(0);
    assert_eq!(report["pictures"], serde_json::json!({"encoded": 3, "reused": 0, "without": 3, "bad": 0}));
    let ask = ["search", "--index", "index", "--image", "a.png", "--image", "b.jpg", "--image", "c.webp", "-k", "9", "--json"];
    let answers = shop.ok(&ask).json();
    for (answer, key) in answers.iter().zip(["a", "b", "c"]) {
        assert_eq!(keys(answer)[0], key, "{answer}");
        assert_eq!(keys(answer).len(), 3, "items without a picture are not found by one");
        assert!(answer["hits"][0]["score"].as_f64().unwrap() > 0.999);
    }
    // Words go on working, and with a picture beside them both count.
    let words = shop.ok(&["search", "--index", "index", "--text", "garden lamp", "-k", "1", "--json"]).json();
    assert_eq!(keys(&words[0]), ["d"]);
    shop.file("both.jsonl", b"{\"text\": \"oak chair\", \"image\": \"b.jpg\"}\n");
    let both = shop.ok(&["search", "--index", "index", "--lines", "both.jsonl", "--json"]).json();
    assert_eq!(keys(&both[0])[0], "b");
    assert_eq!(keys(&both[0]).len(), 6);
    let inspected = shop.ok(&["inspect", "index", "--json"]).json().remove(0);
    assert_eq!((&inspected["models"]["image"]["dim"], &inspected["verified"]), (&48.into(), &true.into()));
}

/// What did not change is not encoded again, and gives the same bytes.
#[test]
fn cli_pictures_are_reused_from_the_base() {
    let shop = shop();
    shop.ok(&BUILD);
    shop.file("b.jpg", &bytes(&picture(7), ImageFormat::Jpeg));
    let report = shop.ok(&[&BUILD[..8], &["delta", "--base", "index", "--json"]].concat()).json().remove(0);
    assert_eq!(report["pictures"], serde_json::json!({"encoded": 1, "reused": 2, "without": 3, "bad": 0}));
    assert_eq!((&report["encoded"], &report["changed"]), (&0.into(), &1.into()));
    shop.ok(&[&BUILD[..8], &["fresh"]].concat());
    let manifest = |index: &str| std::fs::read(shop.at(index).join("manifest.json")).unwrap();
    assert_eq!(manifest("delta"), manifest("fresh"));
}

#[test]
fn cli_pictures_that_are_none_stop_the_build_by_name() {
    let shop = shop();
    let whole = bytes(&picture(2), ImageFormat::Jpeg);
    shop.file("b.jpg", &whole[..40]);
    shop.file("c.webp", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script><g>");
    shop.fails(&BUILD, &["2 pictures can't be used", "b.jpg can't be read as a picture", "c.webp can't be read as a picture", "--skip-bad"]);
    assert!(!shop.at("index").exists(), "nothing is half-written");
    let ran = shop.ok(&[&BUILD[..], &["--skip-bad", "--json"]].concat());
    assert_eq!(ran.json()[0]["pictures"], serde_json::json!({"encoded": 1, "reused": 0, "without": 3, "bad": 2}));
    shop.fails(&["encode", "--model", "eye", "--image", "b.jpg"], &["b.jpg can't be read as a picture"]);
    shop.fails(&["encode", "--model", "eye", "--image", "gone.png"], &["gone.png"]);
    shop.fails(&["encode", "--model", "eye", "--text", "boots"], &["takes pictures"]);
    shop.fails(&["encode", "--model", "tiny", "--image", "a.png"], &["a.png is an image", "no image model"]);
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "eye", "--out", "index"], &["text"]);
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "tiny", "--out", "index"], &["takes no pictures"]);
}

/// A camera's picture stands as its EXIF orientation says; transparency shows white; gray and one pixel are pictures too.
#[test]
fn cli_pictures_are_decoded_as_they_are_seen() {
    let shop = shop();
    // Slopes without noise, which JPEG keeps either way.
    let smooth: DynamicImage = RgbImage::from_fn(48, 32, |x, y| [x as u8 * 5, y as u8 * 7, 200 - x as u8].into()).into();
    let mut jpeg = bytes(&smooth.rotate270(), ImageFormat::Jpeg);
    // APP1: Exif, big-endian TIFF, one entry: orientation (0x0112) = 6, a quarter turn to the right.
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut segment = vec![0xff, 0xe1];
    segment.extend((exif.len() as u16 + 2).to_be_bytes());
    segment.extend(exif);
    jpeg.splice(2..2, segment);
    shop.file("turned.jpg", &jpeg);
    shop.file("upright.jpg", &bytes(&smooth, ImageFormat::Jpeg));
    shop.file("wrong.jpg", &bytes(&smooth.rotate270(), ImageFormat::Jpeg));
    let upright = vector(&shop, "upright.jpg");
    let (turned, wrong) = (cosine(&vector(&shop, "turned.jpg"), &upright), cosine(&vector(&shop, "wrong.jpg"), &upright));
    assert!(turned > 0.995 && wrong < turned - 0.05, "{turned} turned, {wrong} as it is stored");

    let plain = |image: DynamicImage, file: &str| {
        shop.file(file, &bytes(&image, ImageFormat::Png));
        vector(&shop, file)
    };
    let white = plain(RgbImage::from_pixel(9, 9, [255; 3].into()).into(), "white.png");
    assert_eq!(plain(RgbaImage::from_pixel(9, 9, [0, 0, 0, 0].into()).into(), "clear.png"), white);
    assert_eq!(plain(DynamicImage::ImageLuma8(image::GrayImage::from_pixel(9, 9, [255].into())), "gray.png"), white);
    assert_eq!(plain(RgbImage::from_pixel(1, 1, [255; 3].into()).into(), "one.png"), white);
}

/// Printers' colors are those that are seen, and of files that move the first frame is taken (tests/reference/picture_files.py).
#[test]
fn cli_pictures_in_printers_colors_and_moving_ones_are_read() {
    let shop = shop();
    let of = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures").join(file);
        shop.file(file, &std::fs::read(path).unwrap());
        vector(&shop, file)
    };
    let first = of("first.png");
    let whole = image::open(shop.at("first.png")).unwrap();
    let mut negative = whole.clone();
    negative.invert();
    shop.file("negative.png", &bytes(&negative, ImageFormat::Png));
    let other = cosine(&vector(&shop, "negative.png"), &first);
    assert!(other < 0.97, "the frames are told apart: {other}");
    for file in ["moving.gif", "moving.webp", "moving.png"] {
        let same = cosine(&of(file), &first);
        assert!(same > 0.99999, "{file}: {same}");
    }
    // JPEG loses a little.
    let printed = cosine(&of("cmyk.jpg"), &first);
    assert!(printed > 0.995, "{printed}");
}
