//! The text model of a session: the right one, a wrong one, none.

use palate::engine::Options;
use palate::engine::ask::{Recommend, Search, Wishes};
use palate::platform::Abort;
use palate::platform::native::wait;
use serde_json::json;

use super::fixture::{Device, count, like, options, pack, publish_model};

fn search(text: &str) -> Search {
    Search { text: text.into(), wishes: Wishes { k: 10, ..Wishes::default() }, ..Search::default() }
}

#[test]
fn text_search_finds_by_meaning() {
    let session = Device::with_shop(30).open_with_text();
    let keys: Vec<String> = wait(session.search(&search("lamps please"))).unwrap().into_iter().map(|hit| hit.key).collect();
    assert_eq!(count(&keys, "lamps"), 10);
}

#[test]
fn text_search_leans_towards_taste_when_asked() {
    let session = Device::with_shop(30).open_with_text();
    wait(session.record((0..5).map(|n| like(&format!("tea-{n}"))).collect())).unwrap();
    let keys = |personal| -> Vec<String> {
        let ask = Search { personal, ..search("tea or boots") };
        wait(session.search(&ask)).unwrap().into_iter().map(|hit| hit.key).collect()
    };
    assert!(count(&keys(0.9), "tea") > count(&keys(0.0), "tea") || count(&keys(0.0), "tea") == 10);
    assert_eq!(count(&keys(0.9), "tea"), 10);
}

#[test]
fn text_situation_draws_the_list() {
    let session = Device::with_shop(30).open_with_text();
    let context = json!({"text": "an evening of films", "place": "home"}).as_object().unwrap().clone();
    let ask = Recommend { context, wishes: Wishes { k: 10, ..Recommend::default().wishes }, ..Recommend::default() };
    let keys: Vec<String> = wait(session.recommend(&ask)).unwrap().into_iter().map(|hit| hit.key).collect();
    assert!(count(&keys, "films") >= 8, "{keys:?}");
}

#[test]
fn text_of_two_megabytes_is_refused_and_says_how_much_is_allowed() {
    let session = Device::with_shop(3).open_with_text();
    let error = wait(session.search(&search(&"tea ".repeat(500_000)))).unwrap_err();
    assert_eq!(error.code(), "bad-input");
    assert!(error.to_string().contains("2000000") && error.to_string().contains("65536"), "{error}");
    assert_eq!(wait(session.search(&search("  \n"))).unwrap_err().code(), "bad-input");
}

#[test]
fn text_model_of_another_index_is_refused() {
    let device = Device::with_shop(10);
    let mut other = pack();
    other[0] ^= 1;
    publish_model(&device.server, &other);
    let session = device.open();
    let error = wait(session.prepare_text(&Abort::new(), &|_| ())).unwrap_err();
    assert_eq!(error.code(), "mismatch");
    assert!(error.to_string().contains("built with"), "{error}");
    assert_eq!(wait(session.search(&search("tea"))).unwrap_err(), error, "a search says it again");
    assert_eq!(wait(session.recommend(&Recommend::default())).unwrap().len(), 20, "lists go on working");
}

#[test]
fn text_model_damaged_on_the_way_is_refused() {
    let device = Device::with_shop(10);
    let mut damaged = pack();
    damaged[5_000] ^= 1;
    device.server.serve(&format!("{}/words.safetensors", super::fixture::MODEL_URL), damaged);
    let session = device.open();
    assert_eq!(wait(session.prepare_text(&Abort::new(), &|_| ())).unwrap_err().code(), "corrupt");
    device.server.serve(&format!("{}/words.safetensors", super::fixture::MODEL_URL), pack());
    wait(session.prepare_text(&Abort::new(), &|_| ())).unwrap();
    assert_eq!(wait(session.search(&search("tea"))).unwrap().len(), 10);
}

#[test]
fn text_without_a_model_says_what_is_missing() {
    let device = Device::with_shop(10);
    let session = device.try_open(Options { text_model: None, ..options() }).unwrap();
    wait(session.prepare_text(&Abort::new(), &|_| ())).unwrap();
    let error = wait(session.search(&search("tea"))).unwrap_err();
    assert_eq!(error.code(), "not-found");
    assert!(error.to_string().contains("textModel"), "{error}");
}

#[test]
fn text_model_that_is_here_is_not_asked_for_again() {
    let device = Device::with_shop(10);
    device.open_with_text();
    let before = device.server.requests().len();
    device.open_with_text();
    assert_eq!(device.server.requests().len(), before + 1, "the index's manifest only");
}
