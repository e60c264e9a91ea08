//! Sounds on the command line: a model added, files encoded, an index built and searched, and files that are none.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Shop, keys};
use crate::catalogs::seeded::{samples, write_checkpoint};
use crate::catalogs::sounds::{mp3_frame, wav};

/// Items with sounds of all sorts: files that are there, missing, on the web, or none.
const ITEMS: &str = r#"{"id": "a", "title": "Warm boots", "audio": "a.wav"}
{"id": "b", "title": "Oak chair", "audio": "b.mp3"}
{"id": "c", "title": "Green tea", "audio": "c.wav"}
{"id": "d", "title": "Garden lamp", "audio": "gone.wav"}
{"id": "e", "title": "Wool", "audio": "https://example.org/e.mp3"}
{"id": "f", "title": "Blue cup"}
"#;

const BUILD: [&str; 9] = ["build", "--items", "items.jsonl", "--text-model", "tiny", "--audio-model", "ear", "--out", "index"];

/// A shop with an audio model and sounds.
fn shop() -> Shop {
    let shop = Shop::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/ast.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    write_checkpoint(&shop.at("ear"), &fixture);
    let made = shop.ok(&["model", "add", "ear", "--dtype", "f32", "--json"]).json().remove(0);
    assert_eq!((made["architecture"].as_str(), made["dim"].as_u64()), (Some("ast"), Some(48)));
    shop.file("items.jsonl", ITEMS.as_bytes());
    shop.file("a.wav", &wav(16_000, 1, &samples(16_000, 0.9, 1, false)));
    shop.file("b.mp3", &mp3_frame(20).repeat(60));
    shop.file("c.wav", &wav(44_100, 1, &samples(44_100, 0.9, 3, false)));
    shop
}

fn vector(shop: &Shop, file: &str) -> Vec<f64> {
    let line = shop.ok(&["encode", "--model", "ear", "--audio", file, "--json"]).json().remove(0);
    assert_eq!(line["input"]["audio"], file);
    line["embedding"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn cli_sounds_find_their_items() {
    let shop = shop();
    let report = shop.ok(&[&BUILD[..], &["--json"]].concat()).json().remove(0);
    assert_eq!(report["sounds"], serde_json::json!({"encoded": 3, "reused": 0, "without": 3, "bad": 0}));
    let ask = ["search", "--index", "index", "--audio", "a.wav", "--audio", "b.mp3", "--audio", "c.wav", "-k", "9", "--json"];
    for (answer, key) in shop.ok(&ask).json().iter().zip(["a", "b", "c"]) {
        assert_eq!(keys(answer)[0], key, "{answer}");
        assert_eq!(keys(answer).len(), 3, "items without a sound are not found by one");
        assert!(answer["hits"][0]["score"].as_f64().unwrap() > 0.999);
    }
    shop.file("both.jsonl", b"{\"text\": \"oak chair\", \"audio\": \"b.mp3\"}\n");
    let both = shop.ok(&["search", "--index", "index", "--lines", "both.jsonl", "--json"]).json();
    assert_eq!((keys(&both[0])[0], keys(&both[0]).len()), ("b", 6));
    let inspected = shop.ok(&["inspect", "index", "--json"]).json().remove(0);
    assert_eq!((&inspected["models"]["audio"]["dim"], &inspected["verified"]), (&48.into(), &true.into()));
    let again = shop.ok(&[&BUILD[..8], &["delta", "--base", "index", "--json"]].concat()).json().remove(0);
    assert_eq!(again["sounds"], serde_json::json!({"encoded": 0, "reused": 3, "without": 3, "bad": 0}));
}

/// Cleaned, a noisy recording with silence around comes nearer to what it is a recording of; a base that was cleaned otherwise is of no use.
#[test]
fn cli_sounds_are_cleaned_where_asked() {
    let shop = shop();
    let pure: Vec<f32> = samples(16_000, 0.9, 1, false);
    let silence = vec![0.0f32; 8_000];
    shop.file("late.wav", &wav(16_000, 1, &[&silence[..], &pure, &silence].concat()));
    let [late, trimmed] = [&[][..], &["--trim-silence"]].map(|flags| {
        let line = shop.ok(&[&["encode", "--model", "ear", "--audio", "late.wav", "--json"], flags].concat()).json().remove(0);
        line["embedding"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>()
    });
    let plain = vector(&shop, "a.wav");
    assert!(cosine(&trimmed, &plain) > cosine(&late, &plain), "{} {}", cosine(&trimmed, &plain), cosine(&late, &plain));
    shop.ok(&BUILD);
    let again = shop.ok(&[&BUILD[..8], &["cleaned", "--base", "index", "--denoise", "--json"]].concat()).json().remove(0);
    assert_eq!(again["sounds"], serde_json::json!({"encoded": 3, "reused": 0, "without": 3, "bad": 0}));
    let again = shop.ok(&[&BUILD[..8], &["again", "--base", "cleaned", "--denoise", "--json"]].concat()).json().remove(0);
    assert_eq!(again["sounds"], serde_json::json!({"encoded": 0, "reused": 3, "without": 3, "bad": 0}));
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--out", "index", "--denoise"], &["--audio-model"]);
}

/// Other rates, two channels, and a file that breaks off are the same sound.
#[test]
fn cli_sounds_are_decoded_as_they_are_heard() {
    let shop = shop();
    let long = samples(48_000, 1.2, 5, false);
    let stereo: Vec<f32> = long.iter().flat_map(|s| [s * 1.5, s * 0.5]).collect();
    let whole = wav(48_000, 2, &stereo);
    shop.file("stereo.wav", &whole);
    shop.file("mono.wav", &wav(48_000, 1, &long));
    shop.file("cut.wav", &whole[..whole.len() - 20_001]);
    shop.file("raw.bin", &mp3_frame(20).repeat(60));
    let mono = vector(&shop, "mono.wav");
    for (file, least) in [("stereo.wav", 0.999), ("cut.wav", 0.999)] {
        let found = cosine(&vector(&shop, file), &mono);
        assert!(found > least, "{file}: {found}");
    }
    assert_eq!(vector(&shop, "raw.bin"), vector(&shop, "b.mp3"), "a file is known by what it holds");
}

/// Three hours cost what a second does: no more of the file is read. It is a pipe here, which tells how much was taken out of it.
#[test]
fn cli_sounds_of_three_hours_are_read_as_far_as_they_are_heard() {
    let shop = shop();
    let frame = mp3_frame(20);
    let whole = 3 * 3600 * 44_100 / 1152;
    let pipe = shop.at("long.mp3");
    if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        println!("skipped: pipes have no names here");
        return;
    }
    let writer = std::thread::spawn(move || {
        let mut pipe = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
        (0..whole).take_while(|_| pipe.write_all(&frame).is_ok()).count()
    });
    let found = cosine(&vector(&shop, "long.mp3"), &vector(&shop, "b.mp3"));
    let read = writer.join().unwrap();
    println!("{read} of {whole} frames were read, cosine with the beginning {found:.6}");
    assert!(found > 0.9999, "{found}");
    assert!(read < whole / 100, "{read} of {whole} frames were read");
}

#[test]
fn cli_sounds_that_are_none_stop_the_build_by_name() {
    let shop = shop();
    shop.file("a.wav", &wav(16_000, 1, &[0.0; 16_000]));
    shop.file("b.mp3", b"not a sound at all, but a text that somebody called one");
    shop.fails(&BUILD, &["2 sounds can't be used", "a.wav: the sound is silent", "b.mp3 can't be read as a sound", "--skip-bad"]);
    assert!(!shop.at("index").exists(), "nothing is half-written");
    let ran = shop.ok(&[&BUILD[..], &["--skip-bad", "--json"]].concat());
    assert_eq!(ran.json()[0]["sounds"], serde_json::json!({"encoded": 1, "reused": 0, "without": 3, "bad": 2}));
    shop.file("empty.wav", &wav(16_000, 1, &[]));
    shop.file("nothing.mp3", b"");
    shop.file("head.wav", &wav(16_000, 1, &[0.5; 100])[..44]);
    for file in ["empty.wav", "nothing.mp3", "head.wav", "b.mp3"] {
        shop.fails(&["encode", "--model", "ear", "--audio", file], &[file, "can't be read as a sound"]);
    }
    shop.fails(&["encode", "--model", "ear", "--audio", "gone.wav"], &["gone.wav"]);
    shop.fails(&["encode", "--model", "ear", "--text", "boots"], &["holds a text", "takes sounds"]);
    shop.fails(&["encode", "--model", "tiny", "--audio", "a.wav"], &["a.wav is a sound", "no audio model"]);
    shop.fails(&["search", "--index", "index", "--video", "x.mp4"], &["x.mp4 is a film"]);
    shop.fails(&["build", "--items", "items.jsonl", "--text-model", "tiny", "--audio-model", "tiny", "--out", "index"], &["takes no sounds"]);
}
