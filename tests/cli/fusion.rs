//! `palate train fusion` and what is built with it: learned, written, searched, and refused where it does not fit.

use std::fmt::Write;
use std::path::Path;

use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use super::{Shop, keys};
use crate::catalogs::seeded::{pixels, write_checkpoint};

/// Sixty items with pictures, but every tenth; people who like every third item each.
fn shop() -> Shop {
    let shop = Shop::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/vit.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    write_checkpoint(&shop.at("eye"), &fixture);
    shop.ok(&["model", "add", "eye", "--dtype", "f32"]);
    let (mut items, mut events) = (String::new(), String::from("user,item,rating\n"));
    for at in 0..60 {
        let words = ["boots", "tea", "lamp"][at % 3];
        let image = if at % 10 == 9 { String::new() } else { format!(", \"image\": \"{at}.png\"") };
        writeln!(items, "{{\"id\": \"i{at}\", \"title\": \"{words} {at}\"{image}}}").unwrap();
        let picture = RgbImage::from_raw(24, 24, pixels(24, 24, at as i64 % 3, 3)).unwrap();
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        shop.file(&format!("{at}.png"), bytes.get_ref());
        for user in (0..12).filter(|user| user % 3 == at % 3) {
            writeln!(events, "u{user},i{at},5").unwrap();
        }
    }
    shop.file("items.jsonl", items.as_bytes());
    shop.file("events.csv", events.as_bytes());
    shop
}

const TRAIN: [&str; 15] =
    ["train", "fusion", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--dim", "16", "--epochs", "4", "--out", "joint", "--json"];

#[test]
fn cli_fusion_is_learned_built_with_and_searched() {
    let shop = shop();
    let people = shop.ok(&[&TRAIN[..], &["--interactions", "events.csv", "--vectors", "fused.jsonl"]].concat()).json().remove(0);
    let names: Vec<&str> = people["ablation"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["text + image", "text alone", "image alone", "text, not learned", "image, not learned", "asked without text", "asked without image"]);
    assert!(people["ablation"][2]["lost"]["low"].is_number() && people["ablation"][0]["lost"].is_null());
    assert_eq!(std::fs::read_to_string(shop.at("fused.jsonl")).unwrap().lines().count(), 60);
    assert!(!shop.at("joint/checkpoint-all.safetensors").exists(), "checkpoints go when the pack is there");

    let again = shop.ok(&[&TRAIN[..], &["--interactions", "events.csv"]].concat()).json().remove(0);
    assert_eq!(again["sha256"], people["sha256"], "a seed decides every byte");
    let alone = shop.ok(&TRAIN).json().remove(0);
    assert_eq!(alone["ablation"][0]["name"], "text finds image");

    let build = ["build", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--fusion", "joint", "--out", "index"];
    shop.ok(&build);
    let inspected = shop.ok(&["inspect", "index", "--json"]).json().remove(0);
    assert_eq!((&inspected["models"]["fusion"]["dim"], &inspected["models"]["image"]["dim"]), (&json!(16), &json!(48)), "{inspected}");
    assert_eq!(inspected["verified"], true);
    shop.file("lines.jsonl", b"{\"text\": \"tea 4.\"}\n{\"image\": \"4.png\"}\n{\"text\": \"tea 4.\", \"image\": \"4.png\"}\n");
    let found = shop.ok(&["search", "--index", "index", "--lines", "lines.jsonl", "-k", "60", "--json"]).json();
    assert_eq!(found.iter().map(|answer| keys(answer).len()).collect::<Vec<_>>(), [60; 3], "every item has a vector for every query");
    let score = |answer: &Value, key: &str| answer["hits"].as_array().unwrap().iter().find(|hit| hit["key"] == key).unwrap()["score"].as_f64().unwrap();
    let mean = (score(&found[0], "i4") + score(&found[1], "i4")) / 2.0;
    assert!(score(&found[2], "i4") >= mean - 1e-4, "one vector between both");
}

#[test]
fn cli_fusion_that_does_not_fit_is_refused() {
    let shop = shop();
    shop.ok(&TRAIN);
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--fusion", "tiny", "--out", "index"], &["palate train fusion"]);
    shop.file("bare.jsonl", b"{\"id\": \"a\", \"title\": \"tea\"}\n{\"id\": \"b\", \"title\": \"boots\"}\n");
    shop.fails(&["train", "fusion", "--items", "bare.jsonl", "--text-model", "tiny", "--image-model", "eye", "--out", "none"], &["image", "--media"]);
    shop.fails(&[&TRAIN[..], &["--rate", "7"]].concat(), &["--rate"]);
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--fusion", "nowhere", "--out", "index"], &["nowhere"]);
}
