//! `palate train image` as a publisher runs it: a pack that builds, searches and encodes; bad pictures; interruptions.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};

use super::{Shop, keys};

const COLORS: [(&str, [u8; 3]); 4] = [("red", [220, 30, 30]), ("green", [30, 170, 40]), ("blue", [40, 60, 220]), ("yellow", [240, 210, 30])];
const TRAIN: [&str; 15] =
    ["train", "image", "--items", "items.jsonl", "--text-model", "tiny", "--size", "32", "--epochs", "2", "--batch", "16", "--out", "eye", "--json"];

/// 32 items: PNG files of a color each, two of them SVG drawings.
fn shop() -> Shop {
    let shop = Shop::new();
    let mut items = String::new();
    for n in 0..32u8 {
        let (name, color) = COLORS[usize::from(n) % 4];
        let file = if n < 2 { format!("{n}.svg") } else { format!("{n}.png") };
        items += &format!("{{\"id\": \"i{n}\", \"title\": \"{name} {n}\", \"image\": \"{file}\"}}\n");
        if n < 2 {
            let [r, g, b] = color;
            shop.file(&file, format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 10 10\"><script>1</script><circle cx=\"5\" cy=\"5\" r=\"4\" fill=\"rgb({r},{g},{b})\"/></svg>").as_bytes());
            continue;
        }
        let image: DynamicImage = RgbImage::from_fn(40, 30, |x, y| image::Rgb(if (x + y) % u32::from(n) < 2 { [n, n, n] } else { color })).into();
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        shop.file(&file, &bytes.into_inner());
    }
    shop.file("items.jsonl", items.as_bytes());
    shop
}

#[test]
fn cli_train_image_makes_a_pack_in_the_space_of_the_texts() {
    let shop = shop();
    let report = shop.ok(&TRAIN).json().remove(0);
    assert_eq!((report["made"]["dim"].as_u64(), report["made"]["epochs"].as_u64()), (Some(32), Some(2)), "{report}");
    assert_eq!(report["held_out"]["all_texts"]["pictures"], 6);
    assert_eq!(report["held_out"]["all_texts"]["texts"], 32);
    assert_eq!(shop.snapshot("eye").len(), 2, "the pack and its manifest, and nothing of the way there");
    // The same seed gives the same bytes, and what is measured again is the same.
    let again = shop.ok(&[&TRAIN[..TRAIN.len() - 3], &["--out", "twin", "--name", "eye", "--json"]].concat()).json().remove(0);
    assert_eq!(again["made"]["sha256"], report["made"]["sha256"]);
    let measured = shop.ok(&["train", "image", "--items", "items.jsonl", "--text-model", "tiny", "--size", "32", "--evaluate", "eye", "--json"]).json().remove(0);
    assert_eq!(measured["held_out"], report["held_out"]);

    shop.ok(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--out", "index"]);
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(shop.at("index/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["models"]["image"]["space"], "text");
    let bytes = std::fs::read(shop.shard()).unwrap();
    assert!(!bytes.windows(13).any(|w| w == b"vectors.image"), "the texts' vectors are all there is");
    let found = shop.ok(&["search", "--index", "index", "--image", "7.png", "-k", "32", "--json"]).json().remove(0);
    assert_eq!(keys(&found).len(), 32);
    // What the search ranks by is the picture's vector against the texts'.
    let vector = |args: &[&str]| -> Vec<f64> { serde_json::from_value(shop.ok(args).json()[0]["embedding"].clone()).unwrap() };
    let seen = vector(&["encode", "--model", "eye", "--image", "7.png", "--json"]);
    let title: usize = keys(&found)[0][1..].parse().unwrap();
    let read = vector(&["encode", "--model", "tiny", "--text", &format!("{} {title}.", COLORS[title % 4].0), "--json"]);
    let cosine: f64 = seen.iter().zip(&read).map(|(a, b)| a * b).sum();
    assert!((cosine - found["hits"][0]["score"].as_f64().unwrap()).abs() < 0.02, "{cosine} and {found}");
}

#[test]
fn cli_train_image_names_what_is_wrong_and_writes_nothing() {
    let shop = shop();
    shop.file("5.png", b"no picture");
    shop.fails(&TRAIN, &["item \"i5\"", "5.png", "Nothing was written"]);
    assert!(!shop.at("eye").exists());
    shop.ok(&[&TRAIN[..], &["--skip-bad"]].concat());
    shop.fails(&[&TRAIN[..6], &["--size", "50", "--out", "other"]].concat(), &["50 pixels"]);
    shop.file("few.jsonl", b"{\"id\": \"a\", \"title\": \"Red\", \"image\": \"3.png\"}\n");
    shop.fails(&["train", "image", "--items", "few.jsonl", "--text-model", "tiny", "--out", "few"], &["16 at least"]);
    // A state of another run is not mixed in.
    std::fs::create_dir_all(shop.at("mixed")).unwrap();
    shop.file("mixed/training.safetensors", b"no state");
    shop.fails(&[&TRAIN[..TRAIN.len() - 3], &["--out", "mixed", "--skip-bad"]].concat(), &["training.safetensors"]);
}
