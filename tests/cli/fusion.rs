//! `palate train fusion` and what is built with it: learned, written, searched, and refused where it does not fit.

use std::fmt::Write;
use std::path::Path;

use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use super::{Shop, keys};
use crate::catalogs::seeded::{pixels, samples, write_checkpoint};
use crate::catalogs::sounds::{RATE, described, wav};

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
    let complete = ["--interactions", "events.csv", "--vectors", "complete.jsonl", "--core", "2", "--complete", "--folds", "2"];
    let closed = TRAIN.iter().map(|&word| if word == "4" { "0" } else { word });
    let complete = shop.ok(&closed.chain(complete).collect::<Vec<_>>()).json().remove(0);
    assert_eq!(complete["epoch"], 0, "the closed form is what is written");
    assert_eq!((complete["folds"].as_u64(), complete["ablation"].as_array().unwrap().len()), (Some(2), 7));
    assert_eq!(std::fs::read_to_string(shop.at("complete.jsonl")).unwrap().lines().count(), 54, "items without a picture are left out");
    shop.fails(&[&TRAIN[..], &["--interactions", "events.csv", "--core", "1000"]].concat(), &["interactions"]);

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
    let none: Vec<&str> = TRAIN.iter().map(|&word| if word == "4" { "0" } else { word }).collect();
    shop.fails(&none, &["--epochs", "--interactions"]);
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--fusion", "nowhere", "--out", "index"], &["nowhere"]);
}

/// Texts and sounds without a picture, by an ear that shares the texts' space; some items have no sound.
#[test]
fn cli_fusion_joins_texts_and_sounds() {
    let shop = Shop::new();
    let (mut items, mut events) = (String::new(), String::from("user,item,rating\n"));
    for (n, (text, samples)) in described().iter().enumerate() {
        let audio = if n % 10 == 9 { String::new() } else { format!(", \"audio\": \"{n}.wav\"") };
        writeln!(items, "{{\"id\": \"s{n}\", \"title\": \"{text}\"{audio}}}").unwrap();
        shop.file(&format!("{n}.wav"), &wav(RATE, 1, &samples[..RATE as usize / 2]));
        (0..10).filter(|user| user % 4 == n % 4).for_each(|user| writeln!(events, "u{user},s{n},5").unwrap());
    }
    shop.file("items.jsonl", items.as_bytes());
    shop.file("events.csv", events.as_bytes());
    shop.ok(&["train", "audio", "--items", "items.jsonl", "--text-model", "tiny", "--epochs", "2", "--out", "ear"]);

    let models = ["--items", "items.jsonl", "--text-model", "tiny", "--audio-model", "ear"];
    let train = [&["train", "fusion"], &models[..], &["--dim", "16", "--epochs", "4", "--out", "joint", "--json"]].concat();
    let names = |report: &Value| report["ablation"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let alone = shop.ok(&train).json().remove(0);
    assert_eq!(names(&alone), ["text finds audio", "text finds the whole", "audio finds text", "audio finds the whole"]);
    let people = shop.ok(&[&train[..], &["--interactions", "events.csv"]].concat()).json().remove(0);
    assert_eq!(names(&people), ["text + audio", "text alone", "audio alone", "text, not learned", "audio, not learned", "asked without text", "asked without audio"]);

    let build = [&["build"], &models[..], &["--fusion", "joint", "--out", "index"]].concat();
    shop.ok(&build);
    let inspected = shop.ok(&["inspect", "index", "--json"]).json().remove(0);
    assert_eq!((&inspected["models"]["fusion"]["dim"], &inspected["models"]["audio"]["dim"]), (&json!(16), &json!(32)), "{inspected}");
    shop.file("lines.jsonl", b"{\"text\": \"warm tea oak.\"}\n{\"audio\": \"4.wav\"}\n{\"text\": \"warm tea oak.\", \"audio\": \"4.wav\"}\n");
    let found = shop.ok(&["search", "--index", "index", "--lines", "lines.jsonl", "-k", "100", "--json"]).json();
    assert_eq!(found.iter().map(|answer| keys(answer).len()).collect::<Vec<_>>(), [100; 3], "every item has a vector for every query");
    shop.fails(&["train", "fusion", "--items", "items.jsonl", "--text-model", "tiny", "--audio-model", "tiny", "--out", "none"], &["takes no sounds"]);
    assert_eq!(shop.run(&["train", "fusion", "--items", "items.jsonl", "--text-model", "tiny", "--out", "none"]).code, 2, "an image or an audio model is asked for");
}

/// All three: which pairs find each other is told for each.
#[test]
fn cli_fusion_joins_texts_pictures_and_sounds() {
    let shop = shop();
    let ear = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/ast.json");
    write_checkpoint(&shop.at("ear"), &serde_json::from_slice(&std::fs::read(ear).unwrap()).unwrap());
    shop.ok(&["model", "add", "ear", "--dtype", "f32"]);
    let items = std::fs::read_to_string(shop.at("items.jsonl")).unwrap();
    // Half of the items with a picture have a sound too, and those without have one.
    let with = |(n, line): (usize, &str)| if n % 2 == 1 { line.replace('}', &format!(", \"audio\": \"{}.wav\"}}", n % 3)) } else { line.to_owned() };
    let lines: Vec<String> = items.lines().enumerate().map(with).collect();
    shop.file("items.jsonl", lines.join("\n").as_bytes());
    (0..3).for_each(|n| shop.file(&format!("{n}.wav"), &wav(16_000, 1, &samples(16_000, 0.9, n, false))));
    let report = shop.ok(&[&TRAIN[..], &["--audio-model", "ear"]].concat()).json().remove(0);
    let names: Vec<&str> = report["ablation"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    for name in ["text finds image", "text finds audio", "image finds audio", "audio finds image", "audio finds the whole"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert!(report["ablation"].as_array().unwrap().iter().all(|l| l["metrics"]["recall@10"]["value"].is_number()), "{report}");
}
