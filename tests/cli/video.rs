//! `palate train video` as a publisher runs it: folders of frames, words beside them, an account by each, and what is wrong by name.

use std::path::Path;

use image::{ImageFormat, RgbImage};
use serde_json::Value;

use super::Shop;
use crate::catalogs::seeded::write_checkpoint;

pub const COLORS: [(&str, [u8; 3]); 4] = [("warm", [220, 30, 30]), ("green", [30, 170, 40]), ("blue", [40, 60, 220]), ("light", [240, 240, 240])];
const TRAIN: [&str; 14] =
    ["train", "video", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--words", "spoken", "--batch", "16", "--epochs", "40"];

/// 96 films of six frames that go from one color to another and say so, half of them with words; and an item without a film.
pub fn shop() -> Shop {
    let shop = Shop::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/vit.json");
    write_checkpoint(&shop.at("eye"), &serde_json::from_slice(&std::fs::read(fixture).unwrap()).unwrap());
    shop.ok(&["model", "add", "eye", "--dtype", "f32"]);
    let mut items = String::from("{\"id\": \"none\", \"title\": \"garden winter\"}\n");
    for n in 0..96usize {
        let (from, turn) = (n % 4, 1 + n / 12 % 4);
        let to = (from + 1 + n / 4 % 3) % 4;
        // Words of their own for what comes first and what comes then.
        let text = format!("{} {}", ["boots", "chair", "lamp", "wool"][from], ["oak", "tea", "cup", "leaf"][to]);
        let words = if n % 2 == 0 { format!(", \"spoken\": \"{} {} snow\"", COLORS[from].0, COLORS[to].0) } else { String::new() };
        items += &format!("{{\"id\": \"f{n}\", \"title\": \"{text}\", \"frames\": \"clip{n}\"{words}}}\n");
        std::fs::create_dir_all(shop.at(&format!("clip{n}"))).unwrap();
        for at in 0..6 {
            let [r, g, b] = COLORS[if at < turn { from } else { to }].1;
            let picture = RgbImage::from_fn(24, 24, |x, y| image::Rgb([r, g, b].map(|c: u8| c.saturating_sub(((x * 7 + y * 3 + n as u32) % 24) as u8))));
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
            shop.file(&format!("clip{n}/{at}.png"), bytes.get_ref());
        }
    }
    shop.file("items.jsonl", items.as_bytes());
    shop
}

#[test]
fn cli_train_video_finds_the_texts_of_films_it_never_saw() {
    let shop = shop();
    let report = shop.ok(&[&TRAIN[..], &["--out", "film", "--vectors", "films.jsonl", "--json"]].concat()).json().remove(0);
    println!("{report}");
    let names: Vec<&str> = report["ablation"].as_array().unwrap().iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["frames", "words", "frames and words"]);
    let held = &report["held_out"]["all_texts"];
    assert_eq!((&held["films"], &held["texts"]), (&19.into(), &96.into()));
    // Eight of 96 texts say the same; whoever sees colors without their order has sixteen candidates for these places.
    let found = |at: usize| report["ablation"][at]["held_out"]["all_texts"]["recall_at_10"].as_f64().unwrap();
    assert!(found(0) >= 0.6 && found(2) >= 0.6, "{report}");
    assert_eq!(shop.snapshot("film").len(), 2, "the pack and its manifest");
    let lines = std::fs::read_to_string(shop.at("films.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 96);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((first["id"].as_str(), first["embedding"].as_array().unwrap().len()), (Some("f0"), 32));

    let measured = shop.ok(&[&TRAIN[..10], &["--evaluate", "film", "--json"]].concat()).json().remove(0);
    assert_eq!(measured["held_out"], report["held_out"]);
    let few = |out: &str| shop.ok(&[&TRAIN[..12], &["--epochs", "1", "--name", "film", "--out", out, "--json"]].concat()).json().remove(0)["made"]["sha256"].clone();
    assert_eq!(few("one"), few("two"), "a seed decides every byte");
}

#[test]
fn cli_train_video_names_what_is_wrong_and_writes_nothing() {
    let shop = shop();
    std::fs::remove_dir_all(shop.at("clip3")).unwrap();
    std::fs::create_dir_all(shop.at("clip3")).unwrap();
    std::fs::remove_dir_all(shop.at("clip4")).unwrap();
    shop.file("clip5/2.png", b"no picture");
    let train = [&TRAIN[..12], &["--epochs", "1", "--out", "film"]].concat();
    shop.fails(&train, &["3 films can't be used", "item \"f3\"", "holds no frames", "item \"f4\"", "clip4", "item \"f5\"", "clip5, frame 3", "Nothing was written"]);
    assert!(!shop.at("film").exists());
    shop.ok(&[&train[..], &["--skip-bad"]].concat());
    shop.fails(&[&TRAIN[..10], &["--skip-bad", "--evaluate", "tiny"]].concat(), &["palate train video"]);
}
