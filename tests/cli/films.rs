//! Films natively: folders of frames and animated pictures, encoded, put into an index by the video-text Transformer, and searched with.

use image::RgbImage;
use serde_json::Value;

use super::video::{COLORS, shop};
use super::{Shop, keys};
use crate::catalogs::animated::{Shown, apng, gif, webp};

const BUILD: [&str; 12] =
    ["build", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--video-model", "film", "--out", "index", "--json"];

/// The shop with a video model that learned a little of it.
fn learned() -> Shop {
    let shop = shop();
    let train = ["train", "video", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--words", "spoken", "--batch", "16", "--epochs", "6", "--out", "film"];
    shop.ok(&train);
    shop
}

fn embeddings(shop: &Shop, args: &[&str]) -> Vec<Vec<f64>> {
    let of = |line: &Value| serde_json::from_value(line["embedding"].clone()).unwrap();
    shop.ok(&[&["encode", "--model", "eye", "--json"], args].concat()).json().iter().map(of).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Frames of whole colors, twenty in all: the first is shown as long as the nineteen others together.
fn slow() -> Vec<Shown> {
    let frame = |at: u16| (RgbImage::from_pixel(24, 24, image::Rgb(COLORS[if at == 0 { 0 } else { 2 }].1)), if at == 0 { 1900 } else { 100 });
    (0..20).map(frame).collect()
}

#[test]
fn cli_films_are_seen_as_their_frames_in_time_whatever_file_they_are() {
    let shop = shop();
    let frames = slow();
    shop.file("f.gif", &gif(&frames));
    shop.file("f.webp", &webp(&frames));
    shop.file("f.apng", &apng(&frames));
    std::fs::create_dir_all(shop.at("half")).unwrap();
    for at in 0..20 {
        let mut bytes = std::io::Cursor::new(Vec::new());
        frames[if at < 10 { 0 } else { 1 }].0.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        shop.file(&format!("half/{at:02}.png"), bytes.get_ref());
    }
    let films = embeddings(&shop, &["--video", "half", "--video", "f.gif", "--video", "f.webp", "--video", "f.apng"]);
    // Half of the time is the first frame's: by numbers it would be a twentieth.
    for (name, film) in ["gif", "webp", "apng"].iter().zip(&films[1..]) {
        assert!(cosine(film, &films[0]) > 0.999, "{name}: {}", cosine(film, &films[0]));
    }
    let stills = embeddings(&shop, &["--image", "half/00.png", "--image", "half/19.png", "--video", "half/00.png"]);
    let mean: Vec<f64> = stills[0].iter().zip(&stills[1]).map(|(a, b)| a + b).collect();
    let length = cosine(&mean, &mean).sqrt();
    assert!((cosine(&mean, &films[0]) / length - 1.0).abs() < 1e-5);
    assert!(cosine(&stills[0], &stills[1]) < 0.99 * cosine(&stills[0], &stills[0]), "the colors look different");
    assert_eq!(stills[0], stills[2], "a film that stands still is its picture");
    // What reads films knows which color came first.
    let read = |args: &[&str]| embeddings(&shop, &[&["--video-model", "film"], args].concat());
    let reader = ["train", "video", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--batch", "16", "--epochs", "1", "--out", "film"];
    shop.ok(&reader);
    let turned = |first: usize, then: usize| gif(&(0..8).map(|at| (RgbImage::from_pixel(24, 24, image::Rgb(COLORS[if at < 4 { first } else { then }].1)), 100)).collect::<Vec<_>>());
    shop.file("forth.gif", &turned(0, 2));
    shop.file("back.gif", &turned(2, 0));
    let asked = ["--image", "half/00.png", "--video", "forth.gif", "--video", "back.gif"];
    let (order, mean) = (read(&asked), embeddings(&shop, &asked));
    assert_eq!((order[0].len(), order[1].len()), (48, 32), "a film has its reader's vector, a picture the eye's");
    assert!((cosine(&mean[1], &mean[2]) - 1.0).abs() < 1e-6, "the frames are the same: {}", cosine(&mean[1], &mean[2]));
    assert!(cosine(&order[1], &order[2]) < 0.9999, "their order is not: {}", cosine(&order[1], &order[2]));
    assert_eq!(order[0], mean[0]);
    shop.fails(&["encode", "--model", "tiny", "--video-model", "film", "--text", "tea"], &["--video-model", "image model"]);
    shop.file("film.mp4", b"\0\0\0\x18ftypmp42");
    shop.fails(&["encode", "--model", "eye", "--video", "film.mp4"], &["film.mp4", "ffmpeg"]);
    shop.file("cut.gif", &gif(&frames)[..200]);
    shop.fails(&["encode", "--model", "eye", "--video", "cut.gif"], &["cut.gif can't be read as an animated picture"]);
    std::fs::create_dir_all(shop.at("empty")).unwrap();
    shop.fails(&["encode", "--model", "eye", "--video", "empty"], &["empty holds no frames"]);
}

#[test]
fn cli_films_of_an_index_are_found_by_films_and_words() {
    let shop = learned();
    let report = shop.ok(&BUILD).json().remove(0);
    assert_eq!(report["films"], serde_json::json!({"encoded": 96, "reused": 0, "without": 1, "bad": 0}), "{report}");
    let inspected = shop.ok(&["inspect", "index", "--json"]).json().remove(0);
    assert_eq!((&inspected["models"]["video"]["dim"], &inspected["verified"]), (&32.into(), &true.into()), "{inspected}");
    let search = |args: &[&str]| shop.ok(&[&["search", "--index", "index", "-k", "200", "--json"], args].concat()).json().remove(0);
    // Films of odd numbers have no words: their vector is that of their frames.
    let found = search(&["--video", "clip7"]);
    // The fifty-fifth is the same film.
    assert_eq!(keys(&found)[..2], ["f55", "f7"]);
    assert!(found["hits"][0]["score"].as_f64().unwrap() > 0.995, "{}", found["hits"][0]);
    assert_eq!(keys(&found).len(), 96, "an item without a film is not listed");
    // The same as an animated picture.
    let frames: Vec<Shown> = (0..6).map(|at| (image::open(shop.at(&format!("clip7/{at}.png"))).unwrap().into_rgb8(), 100)).collect();
    shop.file("f7.png", &apng(&frames));
    assert_eq!(search(&["--video", "f7.png"])["hits"], found["hits"]);
    shop.file("both.jsonl", b"{\"video\": \"clip7\", \"text\": \"garden winter\"}\n");
    let both = search(&["--lines", "both.jsonl"]);
    assert_eq!(keys(&both).len(), 97, "words find the item without a film too");
    let best = |list: &Value| list["hits"][0]["score"].as_f64().unwrap();
    assert!(best(&both) < best(&found) - 0.1, "words that a film does not say count against it: {} and {}", best(&both), best(&found));

    // What did not change is taken from the base; other words make another vector.
    let items = std::fs::read_to_string(shop.at("items.jsonl")).unwrap();
    shop.file("items.jsonl", items.replacen("warm green snow", "warm green ice", 1).as_bytes());
    let again = shop.ok(&[&BUILD[..], &["--base", "index"]].concat()).json().remove(0);
    assert_eq!((&again["films"]["encoded"], &again["films"]["reused"], &again["encoded"]), (&1.into(), &95.into(), &0.into()), "{again}");
}

#[test]
fn cli_films_join_what_lists_go_by() {
    let shop = learned();
    // Two items that are films and nothing else, the second and the third the same.
    let mute = ["a", "b", "c"].into_iter().zip([4, 7, 7]).map(|(id, clip)| format!("{{\"id\": \"{id}\", \"frames\": \"clip{clip}\"}}\n"));
    let items = std::fs::read_to_string(shop.at("items.jsonl")).unwrap() + &mute.collect::<String>();
    shop.file("items.jsonl", items.as_bytes());
    let joint = ["train", "fusion", "--items", "items.jsonl", "--text-model", "tiny", "--image-model", "eye", "--video-model", "film", "--dim", "32", "--epochs", "20", "--out", "joint", "--json"];
    let account = shop.ok(&joint).json().remove(0);
    assert!(account["ablation"].as_array().unwrap().iter().any(|line| line["name"] == "video finds text"), "{account}");
    shop.file("history.jsonl", b"{\"item\": \"b\", \"event\": \"like\", \"time\": 1000}\n");
    let liked = |index: &str| {
        let ask = ["recommend", "--index", index, "--history", "history.jsonl", "--now", "2000", "-k", "100", "--diversity", "0", "--json"];
        shop.ok(&ask).json().remove(0)["hits"].as_array().unwrap().clone()
    };
    shop.ok(&BUILD);
    let apart = liked("index");
    assert!(apart.iter().all(|hit| hit["reasons"].as_array().unwrap().iter().all(|reason| reason["term"] != "liked")), "an item without words says nothing: {}", apart[0]);
    shop.ok(&[&BUILD[..], &["--fusion", "joint"]].concat());
    let joined = liked("index");
    // The film itself comes first, then those of the same colors in the same order.
    assert_eq!(joined[0]["key"], "c", "{}", joined[0]);
    let reason = &joined[0]["reasons"][0];
    assert_eq!((&reason["term"], &reason["because"][0]["key"]), (&"liked".into(), &"b".into()), "{reason}");
    for hit in &joined {
        let sum: f64 = hit["reasons"].as_array().unwrap().iter().map(|reason| reason["weight"].as_f64().unwrap()).sum();
        assert!((sum - hit["score"].as_f64().unwrap()).abs() < 1e-4, "{hit}");
    }
    let found = shop.ok(&["search", "--index", "index", "--video", "clip7", "-k", "3", "--json"]).json().remove(0);
    assert!(keys(&found)[..2].iter().all(|key| ["b", "c"].contains(&key)), "{found}");

    // A fusion that was learned without films knows nothing of them.
    let pictured: String = (0..40).map(|n| format!("{{\"id\": \"p{n}\", \"title\": \"boots tea\", \"image\": \"clip{n}/0.png\"}}\n")).collect();
    shop.file("pictured.jsonl", pictured.as_bytes());
    shop.ok(&["train", "fusion", "--items", "pictured.jsonl", "--text-model", "tiny", "--image-model", "eye", "--dim", "32", "--epochs", "1", "--out", "blind"]);
    shop.fails(&[&BUILD[..], &["--fusion", "blind"]].concat(), &["learned without video", "leave the video model out"]);
}

#[test]
fn cli_films_that_do_not_fit_are_named() {
    let shop = learned();
    std::fs::remove_dir_all(shop.at("clip3")).unwrap();
    std::fs::create_dir_all(shop.at("clip3")).unwrap();
    shop.file("clip5/2.png", b"no picture");
    shop.fails(&BUILD, &["2 films can't be used", "clip3 holds no frames", "clip5, frame 3", "Nothing was written"]);
    let left = shop.ok(&[&BUILD[..], &["--skip-bad"]].concat()).json().remove(0);
    assert_eq!((&left["films"]["encoded"], &left["films"]["bad"]), (&94.into(), &2.into()));
    assert_eq!(shop.run(&[&BUILD[..5], &["--video-model", "film", "--out", "other"]].concat()).code, 2, "frames need somebody who sees them");
    shop.ok(&["model", "add", "eye", "--dtype", "q8", "--name", "other", "--out", "other-eye"]);
    shop.fails(&[&BUILD[..5], &["--image-model", "other-eye", "--video-model", "film", "--out", "other"]].concat(), &["\"film\"", "\"eye\"", "\"other\""]);
    shop.fails(&[&BUILD[..5], &["--image-model", "eye", "--video-model", "tiny", "--out", "other"]].concat(), &["palate train video"]);
    assert!(!shop.at("other").exists());
}
