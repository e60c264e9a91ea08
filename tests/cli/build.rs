//! `palate build` and `palate inspect`: what is written, verified, reused, refused.

use super::Shop;
use crate::catalogs::checkpoint::write_checkpoint;

const BUILD: [&str; 7] = ["build", "--items", "items.jsonl", "--text-model", "tiny", "--out", "index"];

#[test]
fn cli_build_makes_an_index_that_verifies_and_holds_its_model() {
    let shop = Shop::new();
    let report = shop.ok(&[&BUILD[..], &["--json"]].concat()).json().remove(0);
    assert_eq!((&report["items"], &report["encoded"], &report["without_text"]), (&6.into(), &5.into(), &1.into()));
    let inspected = shop.ok(&["inspect", "index", "--json"]).json().remove(0);
    assert_eq!(inspected["verified"], true);
    assert_eq!((&inspected["items"], &inspected["without_vector"]), (&6.into(), &1.into()));
    assert_eq!(inspected["models"]["text"]["name"], "tiny");
    assert_eq!(inspected["fields"]["price"]["type"], "number");
    let kinds: Vec<&str> = inspected["files"].as_array().unwrap().iter().map(|f| f["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["items", "model"]);
    let text = shop.ok(&["inspect", "index"]).out;
    assert!(text.contains("6 items") && text.contains('✓') && !text.contains('✗') && !text.contains('\u{1b}'), "{text}");
    let pack = shop.ok(&["inspect", "models/tiny/pack", "--json"]).json().remove(0);
    assert_eq!((&pack["kind"], &pack["verified"], &pack["dim"]), (&"model".into(), &true.into(), &32.into()));
}

#[test]
fn cli_build_gives_the_same_bytes_again_and_from_another_order() {
    let shop = Shop::open();
    let first = shop.snapshot("index");
    shop.ok(&BUILD);
    assert_eq!(shop.snapshot("index"), first);
    let lines = std::fs::read_to_string(shop.at("items.jsonl")).unwrap();
    let backward: Vec<&str> = lines.lines().rev().collect();
    shop.file("items.jsonl", backward.join("\n").as_bytes());
    shop.ok(&BUILD);
    assert_eq!(shop.snapshot("index"), first);
}

#[test]
fn cli_build_with_a_base_reports_the_delta() {
    let shop = Shop::open();
    let lines = std::fs::read_to_string(shop.at("items.jsonl")).unwrap();
    shop.file("items.jsonl", lines.replace("Garden lamp", "Blue lamp").replace("120", "99").as_bytes());
    let report = shop.ok(&[&BUILD[..6], &["next", "--base", "index", "--json"]].concat()).json().remove(0);
    assert_eq!((&report["encoded"], &report["reused"], &report["changed"], &report["added"]), (&1.into(), &4.into(), &2.into(), &0.into()));
    let text = shop.ok(&[&BUILD[..], &["--base", "index"]].concat()).out;
    assert!(text.contains("0 added, 2 changed, 0 removed: visitors fetch"), "{text}");
    let names = |folder: &str| shop.snapshot(folder).into_iter().map(|(path, bytes)| (path.file_name().unwrap().to_owned(), bytes)).collect::<Vec<_>>();
    assert_eq!(names("next"), names("index"), "in place or elsewhere, the same files");
}

#[test]
fn cli_build_stops_at_bad_rows_before_anything_is_written() {
    let shop = Shop::open();
    let before = shop.snapshot("index");
    shop.file("bad.jsonl", b"{\"id\": \"a\", \"title\": \"tea\"}\n{\"id\": \"a\"}\n{\"id\": \"b\", \"price\": NaN}\n{\"title\": \"\xff\"}\n");
    let build = ["build", "--items", "bad.jsonl", "--text-model", "tiny", "--out", "index"];
    shop.fails(&build, &["3 rows of bad.jsonl", "bad.jsonl, line 2: the id \"a\" stands on line 1", "line 3: not JSON", "line 4: broken UTF-8", "--skip-bad"]);
    assert_eq!(shop.snapshot("index"), before);
    let ran = shop.ok(&[&build[..], &["--skip-bad", "--json"]].concat());
    assert!(ran.err.contains("note: 3 rows were left out") && ran.err.contains("line 3"), "{}", ran.err);
    let report = ran.json().remove(0);
    assert_eq!((&report["items"], &report["bad_rows"]), (&1.into(), &3.into()));
}

#[test]
fn cli_inspect_names_a_damaged_shard_and_a_rebuild_repairs_it() {
    let shop = Shop::open();
    let path = shop.shard();
    let whole = std::fs::read(&path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for damaged in [whole[..whole.len() / 2].to_vec(), [&whole[..200], &[whole[200] ^ 4], &whole[201..]].concat(), [&whole[..], b"x"].concat(), Vec::new()] {
        std::fs::write(&path, damaged).unwrap();
        let ran = shop.run(&["inspect", "index", "--json"]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        let report = ran.json().remove(0);
        assert_eq!((&report["verified"], &report["files"][0]["verified"], &report["files"][1]["verified"]), (&false.into(), &false.into(), &true.into()));
        assert!(ran.err.contains(&name), "{}", ran.err);
        shop.fails(&["search", "--index", "index", "--text", "tea"], &[&name]);
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(shop.run(&["inspect", "index"]).code, 1);
    shop.ok(&BUILD);
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    shop.ok(&["inspect", "index"]);
}

#[test]
fn cli_inspect_names_a_newer_version_and_a_broken_manifest() {
    let shop = Shop::open();
    let manifest = std::fs::read_to_string(shop.at("index/manifest.json")).unwrap();
    shop.file("index/manifest.json", manifest.replace("\"version\": 1", "\"version\": 7").as_bytes());
    shop.fails(&["inspect", "index"], &["version 7", "Update palate"]);
    shop.fails(&["search", "--index", "index", "--text", "x"], &["version 7"]);
    shop.file("index/manifest.json", &manifest.as_bytes()[..manifest.len() / 2]);
    shop.fails(&["inspect", "index"], &["not JSON"]);
    shop.file("models/tiny/pack/manifest.json", b"{\"format\": \"palate-model\", \"version\": 9}");
    shop.fails(&["inspect", "models/tiny/pack"], &["version 9"]);
}

#[test]
fn cli_build_never_mixes_the_vectors_of_two_models() {
    let shop = Shop::open();
    write_checkpoint(&shop.at("second"), 2);
    shop.ok(&["model", "add", "second", "--out", "models/second/pack"]);
    let report = shop.ok(&["build", "--items", "items.jsonl", "--text-model", "second", "--base", "index", "--out", "other", "--json"]).json().remove(0);
    assert_eq!((&report["reused"], &report["encoded"]), (&0.into(), &5.into()));
    assert!(report["note"].as_str().unwrap().contains("another model"), "{report}");
    shop.fails(&["search", "--index", "index", "--text", "tea", "--model", "second"], &["tiny", "second", "--model"]);
}

#[test]
fn cli_build_names_the_model_where_it_is_served() {
    let shop = Shop::new();
    shop.ok(&[&BUILD[..], &["--model-at", "../models/tiny.safetensors", "--attribution", "Thanks to somebody"]].concat());
    let inspected = shop.ok(&["inspect", "index", "--json"]).json().remove(0);
    assert_eq!(inspected["models"]["text"]["file"], "../models/tiny.safetensors");
    assert_eq!(inspected["attribution"], "Thanks to somebody");
    assert_eq!(shop.snapshot("index").len(), 2, "a manifest and a shard");
    // The model is found by its name in models/ then.
    shop.ok(&["search", "--index", "index", "--text", "tea"]);
}

#[test]
fn cli_build_of_csv_counts_missing_media() {
    let shop = Shop::new();
    shop.file("items.csv", b"id,title,image\n1,Green tea,tea.png\n2,Oak chair,https://shop.example/chair.png\n3,Blue cup,cup.png\n");
    shop.file("cup.png", b"a picture");
    let ran = shop.ok(&["build", "--items", "items.csv", "--text-model", "tiny", "--out", "index"]);
    assert!(ran.err.contains("note: media files that are not in .: 1, the first: tea.png"), "{}", ran.err);
}

#[test]
fn cli_build_signs_and_inspect_knows_by_whom() {
    let shop = Shop::new();
    let public = |file: &str| shop.ok(&["key", "new", file, "--json"]).json().remove(0)["public_key"].as_str().unwrap().to_string();
    let (mine, other) = (public("mine.key"), public("other.key"));
    assert_ne!(mine, other);
    assert_eq!(shop.ok(&["key", "public", "mine.key"]).out.trim(), mine);
    shop.fails(&["key", "new", "mine.key"], &["never replaced"]);
    shop.fails(&["key", "public", "items.jsonl"], &["no key of palate"]);
    shop.fails(&[&BUILD[..], &["--sign", "absent.key"]].concat(), &["absent.key"]);
    assert!(!shop.at("index").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(shop.at("mine.key")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    shop.ok(&[&BUILD[..], &["--sign", "mine.key"]].concat());
    let first = shop.snapshot("index");
    shop.ok(&[&BUILD[..], &["--sign", "mine.key"]].concat());
    assert_eq!(shop.snapshot("index"), first, "signing is deterministic too");
    assert!(shop.ok(&["inspect", "index"]).out.contains("signed"));
    shop.ok(&["inspect", "index", "--public-key", &mine]);
    shop.fails(&["inspect", "index", "--public-key", &other], &["not by the owner"]);
    shop.fails(&["inspect", "index", "--public-key", "abc"], &["64 hex digits"]);
    let manifest = std::fs::read_to_string(shop.at("index/manifest.json")).unwrap();
    shop.file("index/manifest.json", manifest.replace("\"tiny\"", "\"tinY\"").as_bytes());
    shop.ok(&["inspect", "index"]);
    shop.fails(&["inspect", "index", "--public-key", &mine], &["not by the owner"]);
    shop.ok(&BUILD);
    shop.fails(&["inspect", "index", "--public-key", &mine], &["no signature"]);
}

/// Eight people who go from boots to socks, six who go from tea to the lamp; one bad row at the end if wanted.
fn walks(bad: &str) -> Vec<u8> {
    let mut text = String::from("user,item,timestamp\n");
    for user in 0..14 {
        let steps = if user < 8 { ["boots", "socks", "chair"] } else { ["tea", "lamp", "chair"] };
        steps.iter().enumerate().for_each(|(at, item)| text += &format!("u{user},{item},{at}\n"));
    }
    (text + bad).into_bytes()
}

#[test]
fn cli_build_learns_a_ranker_that_inspect_and_recommend_know() {
    let shop = Shop::new();
    shop.file("walks.csv", &walks("u1,gone-1,7\n"));
    let report = shop.ok(&[&BUILD[..], &["--interactions", "walks.csv", "--json"]].concat());
    assert!(report.err.contains("1 interactions with 1 items that are not among the items were left out: gone-1"), "{}", report.err);
    let ranker = &report.json().remove(0)["ranker"];
    assert_eq!((&ranker["users"], &ranker["interactions"], &ranker["items_met"]), (&14.into(), &42.into(), &5.into()), "{ranker}");
    assert_eq!((&ranker["unknown_rows"], &ranker["unknown"][0]), (&1.into(), &"gone-1".into()));
    assert!(ranker["terms"].as_array().is_some_and(|terms| !terms.is_empty()), "{ranker}");

    let inspected = shop.ok(&["inspect", "index", "--json"]).json().remove(0);
    assert_eq!(inspected["verified"], true);
    assert_eq!(inspected["ranker"]["users"], 14);
    let file = inspected["files"].as_array().unwrap().iter().find(|file| file["kind"] == "ranker").unwrap().clone();
    assert_eq!(file["bytes"], ranker["bytes"]);
    assert!(shop.ok(&["inspect", "index"]).out.contains("ranker       "));

    shop.file("history.jsonl", b"{\"item\": \"tea\", \"event\": \"like\"}\n");
    let hits = shop.ok(&["recommend", "--index", "index", "--history", "history.jsonl", "--json"]).json().remove(0);
    let lamp = hits["hits"].as_array().unwrap().iter().find(|hit| hit["key"] == "lamp").unwrap().clone();
    let reason = lamp["reasons"].as_array().unwrap().iter().find(|reason| reason["term"] == "trained").unwrap().clone();
    assert_eq!(reason["because"][0]["key"], "tea");

    // The same again: the same bytes. Without interactions: no ranker, and a word about it.
    let before = shop.snapshot("index");
    shop.ok(&[&BUILD[..], &["--interactions", "walks.csv"]].concat());
    assert_eq!(shop.snapshot("index"), before);
    let ran = shop.ok(&[&BUILD[..], &["--base", "index"]].concat());
    assert!(ran.err.contains("this index gets none"), "{}", ran.err);
    assert_eq!(shop.ok(&["inspect", "index", "--json"]).json().remove(0)["ranker"], serde_json::Value::Null);

    // A damaged ranker is found.
    shop.ok(&[&BUILD[..], &["--interactions", "walks.csv"]].concat());
    let name = format!("index/{}", file["file"].as_str().unwrap());
    let mut bytes = std::fs::read(shop.at(&name)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    shop.file(&name, &bytes);
    let ran = shop.run(&["inspect", "index"]);
    assert!(ran.code == 1 && ran.err.contains("ranker-"), "{}", ran.err);
}

#[test]
fn cli_build_refuses_bad_interactions_before_writing() {
    let shop = Shop::new();
    shop.file("walks.csv", &walks("u1,tea,soon\n,tea,3\n"));
    let learn = |more: &[&'static str]| [&BUILD[..], &["--interactions", "walks.csv"], more].concat();
    shop.fails(&learn(&[]), &["walks.csv, line 44", "time"]);
    assert!(!shop.at("index").exists());
    let ran = shop.ok(&learn(&["--skip-bad"]));
    assert!(ran.err.contains("walks.csv, line 45"), "{}", ran.err);
    std::fs::remove_dir_all(shop.at("index")).unwrap();

    shop.file("walks.csv", &walks(""));
    shop.fails(&learn(&["--ranker-bytes", "99"]), &["99 are allowed", "--ranker-bytes"]);
    shop.file("others.csv", b"user,item\na,x\na,y\n");
    shop.fails(&[&BUILD[..], &["--interactions", "others.csv"]].concat(), &["None of the 2 items", "x, y"]);
    shop.fails(&[&BUILD[..], &["--interactions", "absent.csv"]].concat(), &["absent.csv"]);
    assert!(!shop.at("index").exists());
    let ran = shop.run(&[&BUILD[..], &["--min-rating", "4"]].concat());
    assert!(ran.code == 2 && ran.err.contains("--interactions"), "{}", ran.err);
}

#[test]
fn cli_build_goes_on_with_what_a_stopped_one_learned() {
    let shop = Shop::new();
    shop.file("walks.csv", &walks(""));
    let learn = [&BUILD[..], &["--interactions", "walks.csv"]].concat();
    // A file stands where the index is to go: learning is done, and then nothing can be written.
    shop.file("index", b"in the way");
    shop.fails(&learn, &["index"]);
    std::fs::remove_file(shop.at("index")).unwrap();
    let kept = shop.at(".index.training");
    assert!(kept.join("choosing-choices.kept").is_file());
    let resumed = shop.ok(&learn);
    assert!(resumed.err.contains("learned before, taken from") && !resumed.err.contains("ease: trained") && !resumed.err.contains("ease-content: trained"), "{}", resumed.err);
    assert!(!kept.exists(), "the index is there: nothing is to go on from");
    let index = shop.snapshot("index");
    std::fs::remove_dir_all(shop.at("index")).unwrap();
    let whole = shop.ok(&learn);
    assert!(!whole.err.contains("learned before"), "{}", whole.err);
    assert_eq!(shop.snapshot("index"), index);

    // Other interactions: what was kept is told and not used.
    std::fs::remove_dir_all(shop.at("index")).unwrap();
    shop.file("index", b"in the way");
    shop.fails(&[&learn[..], &["--checkpoint", "aside"]].concat(), &["index"]);
    assert!(!kept.exists() && shop.at("aside").is_dir());
    std::fs::remove_file(shop.at("index")).unwrap();
    shop.file("walks.csv", &walks("u1,boots,9\nu99,boots,1\nu99,lamp,2\n"));
    let other = shop.ok(&[&learn[..], &["--checkpoint", "aside"]].concat());
    assert!(other.err.contains("aside holds is of a run with other interactions, items or options"), "{}", other.err);
    assert!(other.err.contains("trained in") && !other.err.contains("learned before") && !shop.at("aside").exists(), "{}", other.err);
}
