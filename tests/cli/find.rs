//! `palate search`, `palate encode` and `palate recommend`: right answers in the promised shape.

use super::{Shop, keys};

#[test]
fn cli_search_finds_the_item_of_the_words() {
    let shop = Shop::open();
    let answers = shop.ok(&["search", "--index", "index", "--text", "oak chair", "--text", "green tea leaf", "-k", "3", "--json"]).json();
    assert_eq!(answers[0]["query"]["text"], "oak chair");
    assert_eq!((keys(&answers[0])[0], keys(&answers[1])[0]), ("chair", "tea"));
    let scores: Vec<f64> = answers[0]["hits"].as_array().unwrap().iter().map(|hit| hit["score"].as_f64().unwrap()).collect();
    assert!(scores.len() == 3 && scores[0] > 0.6 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    // Items without a vector are never found, however many are asked for.
    let all = shop.ok(&["search", "--index", "index", "--text", "tea", "-k", "50", "--json"]).json();
    assert_eq!(keys(&all[0]).len(), 5);
    let text = shop.ok(&["search", "--index", "index", "--text", "oak chair", "-k", "1"]).out;
    assert!(text.contains("Oak chair") && text.contains("chair"), "{text}");
}

#[test]
fn cli_search_and_encode_take_lines() {
    let shop = Shop::open();
    shop.file("queries.jsonl", b"{\"text\": \"warm wool\", \"mark\": 7}\n\n{\"text\": \"garden light\"}\n");
    let answers = shop.ok(&["search", "--index", "index", "--lines", "queries.jsonl", "--json"]).json();
    assert_eq!(answers.len(), 2);
    assert_eq!((answers[0]["query"]["mark"].as_u64(), keys(&answers[1])[0]), (Some(7), "lamp"));
    let lines = shop.ok(&["encode", "--model", "tiny", "--lines", "queries.jsonl", "--text", "tea", "--json"]).json();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["input"]["text"], "tea");
    for line in &lines {
        let vector: Vec<f64> = line["embedding"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(vector.len(), 32);
        assert!((vector.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-5);
    }
    shop.file("queries.jsonl", b"{\"text\": \"a\"}\n{\"words\": 1}\n");
    shop.fails(&["search", "--index", "index", "--lines", "queries.jsonl"], &["queries.jsonl, line 2", "\"text\""]);
    shop.file("queries.jsonl", b"\n");
    shop.fails(&["encode", "--model", "tiny", "--lines", "queries.jsonl"], &["holds no query"]);
}

#[test]
fn cli_says_which_model_is_missing_for_what_is_not_text() {
    let shop = Shop::open();
    shop.file("queries.jsonl", b"{\"image\": \"x.png\"}\n");
    shop.fails(&["search", "--index", "index", "--image", "x.png"], &["x.png is an image", "no image model"]);
    shop.fails(&["search", "--index", "index", "--audio", "x.mp3"], &["no audio model"]);
    shop.fails(&["encode", "--model", "tiny", "--video", "x.mp4"], &["x.mp4 is a film"]);
    shop.fails(&["encode", "--model", "tiny", "--lines", "queries.jsonl"], &["line 1 is an image"]);
    shop.fails(&["search", "--index", "index", "--text", "  "], &["--text: the text is empty"]);
}

#[test]
fn cli_recommend_follows_the_history_with_reasons() {
    let shop = Shop::open();
    shop.file("history.jsonl", b"{\"item\": \"socks\", \"event\": \"like\", \"time\": 1700000000000}\n{\"item\": \"chair\", \"event\": \"dislike\"}\n");
    let ask = ["recommend", "--index", "index", "--history", "history.jsonl", "-k", "3", "--json"];
    let answer = shop.ok(&ask).json().remove(0);
    let found = keys(&answer);
    assert_eq!(found[0], "boots", "{answer}");
    assert!(!found.contains(&"socks") && !found.contains(&"chair"), "judged items do not return: {found:?}");
    let because = &answer["hits"][0]["reasons"][0]["because"][0]["key"];
    assert_eq!(because, "socks");
    assert_eq!(shop.ok(&ask).json().remove(0), answer, "the same history gives the same list");

    shop.file("context.json", b"{\"text\": \"green tea in a cup\"}");
    let answer = shop.ok(&[&ask[..], &["--context", "context.json", "--diversity", "0"]].concat()).json().remove(0);
    assert!(keys(&answer)[..2].contains(&"tea"), "{answer}");
    let text = shop.ok(&ask[..7]).out;
    assert!(text.contains("because of Wool"), "{text}");
}

#[test]
fn cli_recommend_refuses_a_bad_history_by_line_and_counts_unknown_items() {
    let shop = Shop::open();
    let ask = ["recommend", "--index", "index", "--history", "history.jsonl", "--json"];
    for (lines, word) in [
        (&b"{\"item\": \"tea\"}"[..], "line 1: no \"event\""),
        (b"{\"item\": \"tea\", \"event\": \"like\"}\n{\"event\": \"like\"}", "line 2: no \"item\""),
        (b"{\"item\": \"tea\", \"event\": \"like\", \"value\": \"x\"}", "\"value\""),
        (b"{\"item\": \"tea\", \"event\": \"like\", \"value\": NaN}", "line 1: not JSON"),
        (b"{\"item\": \"tea\", \"event\": \"hug\"}", "kind is not known"),
        (b"{\"item\": \"tea\", \"event\": \"like\", \"value\": 1e300}", "value"),
    ] {
        shop.file("history.jsonl", lines);
        shop.fails(&ask, &[word]);
    }
    shop.file("history.jsonl", b"{\"item\": \"gone\", \"event\": \"like\"}\n{\"item\": \"tea\", \"event\": \"like\"}\n");
    let ran = shop.ok(&ask);
    assert!(ran.err.contains("1 of 2 events are of items that the index does not have") && !ran.err.contains("gone"), "{}", ran.err);
    shop.file("history.jsonl", b"");
    assert!(!keys(&shop.ok(&ask).json()[0]).is_empty(), "without a history there is a list too");
}
