//! `palate train audio` as a publisher runs it: a pack that builds, searches and encodes, and finds what it never heard.

use serde_json::Value;

use super::{Shop, keys};
use crate::catalogs::sounds::{RATE, described, wav};

const TRAIN: [&str; 14] =
    ["train", "audio", "--items", "items.jsonl", "--text-model", "tiny", "--batch", "16", "--epochs", "30", "--patience", "30", "--out", "ear"];

/// A hundred items with a sound each, and one without.
fn shop() -> Shop {
    let shop = Shop::new();
    let mut items = String::from("{\"id\": \"mute\", \"title\": \"garden winter\"}\n");
    for (n, (text, samples)) in described().iter().enumerate() {
        items += &format!("{{\"id\": \"s{n}\", \"title\": \"{text}\", \"audio\": \"{n}.wav\"}}\n");
        shop.file(&format!("{n}.wav"), &wav(RATE, 1, samples));
    }
    shop.file("items.jsonl", items.as_bytes());
    shop
}

fn numbers(shop: &Shop, args: &[&str]) -> Vec<f64> {
    serde_json::from_value(shop.ok(args).json()[0]["embedding"].clone()).unwrap()
}

#[test]
fn cli_train_audio_finds_the_texts_of_sounds_that_it_never_heard() {
    let shop = shop();
    let start = std::time::Instant::now();
    let report = shop.ok(&[&TRAIN[..], &["--json"]].concat()).json().remove(0);
    let seconds = start.elapsed().as_secs_f64();
    let held = &report["held_out"]["all_texts"];
    println!("{seconds:.1} s: {report}");
    assert_eq!((&held["sounds"], &held["texts"]), (&20.into(), &100.into()));
    // One in ten by chance; ten of twenty come so once in 100,000.
    assert!(held["recall_at_10"].as_f64().unwrap() >= 0.5 && held["low"].as_f64().unwrap() > 0.2, "{held}");
    assert_eq!(report["made"]["dim"], 32);
    assert_eq!(shop.snapshot("ear").len(), 2, "the pack and its manifest, and nothing of the way there");
    let measured = shop.ok(&["train", "audio", "--items", "items.jsonl", "--text-model", "tiny", "--evaluate", "ear", "--json"]).json().remove(0);
    assert_eq!(measured["held_out"], report["held_out"]);

    shop.ok(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--audio-model", "ear", "--out", "index"]);
    let manifest: Value = serde_json::from_slice(&std::fs::read(shop.at("index/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["models"]["audio"]["space"], "text");
    let bytes = std::fs::read(shop.shard()).unwrap();
    assert!(!bytes.windows(13).any(|w| w == b"vectors.audio"), "the texts' vectors are all there is");
    let found = shop.ok(&["search", "--index", "index", "--audio", "7.wav", "-k", "101", "--json"]).json().remove(0);
    assert_eq!(keys(&found).len(), 101, "an item without a sound is found by its text");
    let heard = numbers(&shop, &["encode", "--model", "ear", "--audio", "7.wav", "--json"]);
    let first: usize = keys(&found)[0][1..].parse().unwrap();
    let read = numbers(&shop, &["encode", "--model", "tiny", "--text", &format!("{}.", described()[first].0), "--json"]);
    let cosine: f64 = heard.iter().zip(&read).map(|(a, b)| a * b).sum();
    assert!((cosine - found["hits"][0]["score"].as_f64().unwrap()).abs() < 0.02, "{cosine} and {found}");
}

#[test]
fn cli_train_audio_of_a_seed_writes_the_same_bytes() {
    let shop = shop();
    let train = |out: &str, seed: &str| {
        let args = ["train", "audio", "--items", "items.jsonl", "--text-model", "tiny", "--epochs", "1", "--name", "ear", "--out", out, "--seed", seed, "--json"];
        shop.ok(&args).json().remove(0)["made"]["sha256"].clone()
    };
    let one = train("one", "1");
    assert_eq!(one, train("again", "1"));
    assert_ne!(one, train("other", "2"));
}

#[test]
fn cli_train_audio_names_what_is_wrong_and_writes_nothing() {
    let shop = shop();
    shop.file("5.wav", b"no sound");
    shop.file("6.wav", &wav(RATE, 1, &[0.0; 16_000]));
    shop.fails(&TRAIN, &["2 sounds can't be used", "item \"s5\"", "5.wav can't be read as a sound", "item \"s6\"", "6.wav: the sound is silent", "Nothing was written"]);
    assert!(!shop.at("ear").exists());
    let some = [&TRAIN[..8], &["--epochs", "1", "--out", "some", "--skip-bad", "--json"]].concat();
    assert_eq!(shop.ok(&some).json()[0]["held_out"]["all_texts"]["texts"], 98);
    shop.fails(&[&TRAIN[..], &["--seconds", "0"]].concat(), &["--seconds"]);
    shop.fails(&[&TRAIN[..], &["--rate", "7"]].concat(), &["--rate"]);
    shop.file("few.jsonl", b"{\"id\": \"a\", \"title\": \"tea\", \"audio\": \"3.wav\"}\n");
    shop.fails(&["train", "audio", "--items", "few.jsonl", "--text-model", "tiny", "--out", "few"], &["16 at least"]);
    std::fs::create_dir_all(shop.at("mixed")).unwrap();
    shop.file("mixed/training.safetensors", b"no state");
    shop.fails(&[&TRAIN[..12], &["--skip-bad", "--out", "mixed"]].concat(), &["training.safetensors"]);
}
