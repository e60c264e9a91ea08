//! Pictures as queries: found by what they look like, only where the session takes them, from the device alone.

use std::rc::Rc;
use std::sync::Arc;

use palate::Result;
use palate::engine::ask::{Search, Wishes};
use palate::engine::media::{MediaModel, Seen};
use palate::engine::model::AnyModel;
use palate::format::manifest::Model;
use palate::format::pack::ModelId;
use palate::format::space::{Embedded, Models};
use palate::index::build::row;
use palate::index::catalog::IMAGE;
use palate::math::scan::quantize_row;
use palate::platform::Abort;
use palate::platform::native::wait;
use palate::preprocess::Picture;
use serde_json::json;

use super::fixture::{DIM, URL, Device, TestSession, like, pack, publish_model, serve_with, store_all, text_model, vector};

/// Length of a picture's vector.
pub const SEEN: usize = 3;

/// The "pack" of the image model.
pub fn eye() -> Vec<u8> {
    vec![7; 5000]
}

pub fn eye_id(bytes: &[u8]) -> ModelId {
    ModelId { name: "eye".into(), sha256: palate::format::digest::sha256(bytes) }
}

/// Sees a picture's first pixel.
struct Eye(ModelId);

impl AnyModel for Eye {
    fn dim(&self) -> usize {
        SEEN
    }

    fn id(&self) -> &ModelId {
        &self.0
    }

    fn device(&self) -> String {
        "test".into()
    }
}

impl MediaModel<Picture> for Eye {
    fn encode(&self, picture: Picture) -> Seen<'_> {
        let vector = picture.rgb()[..3].iter().map(|&v| f32::from(v) / 255.0).collect();
        Box::pin(async move { Ok(vector) })
    }
}

fn load(bytes: Arc<Vec<u8>>, _: &ModelId) -> Result<Rc<dyn MediaModel<Picture>>> {
    Ok(Rc::new(Eye(eye_id(&bytes))))
}

/// Items `red-0`.., `green-0`.., `blue-0`.. that look so, and `plain-0`.. without a picture; the model beside the index.
fn shop() -> Device {
    let device = Device::new();
    let mut rows = Vec::new();
    for (topic, name) in ["red", "green", "blue", "plain"].into_iter().enumerate() {
        for n in 0..4 {
            let mut row = row(&format!("{name}-{n}"), &vector(topic, n), DIM, n as u64, json!({"title": name}).as_object().unwrap().clone());
            if topic < SEEN {
                let mut seen = [0.02 * n as f32; SEEN];
                seen[topic] = 1.0;
                let (vector, scale) = quantize_row(&seen);
                row.others.insert(IMAGE.into(), Embedded { vector, scale, hash: n as u64 });
            }
            rows.push(row);
        }
    }
    serve_with(&device.server, text_model(), Models::from([(IMAGE.to_string(), eye_model())]), rows, None);
    publish_models(&device);
    device
}

/// The image model, as a manifest names it.
pub fn eye_model() -> Model {
    Model { id: eye_id(&eye()), dim: SEEN, file: Some("eye.safetensors".into()), in_text_space: false }
}

/// Serves the packs of texts and of pictures.
pub fn publish_models(device: &Device) {
    device.server.serve(&URL.replace("manifest.json", "eye.safetensors"), eye());
    publish_model(&device.server, &pack());
}

pub fn with_eye(device: &Device) -> TestSession {
    let mut session = device.open_with_text();
    session.take::<Picture>(None, Box::new(load));
    wait(session.prepare::<Picture>(&Abort::new(), &|_| ())).unwrap();
    session
}

pub fn green() -> Picture {
    Picture::from_rgb(1, 1, vec![0, 255, 0]).unwrap()
}

fn keys(session: &TestSession, ask: &Search) -> Vec<String> {
    wait(session.search_like(ask, green())).unwrap().into_iter().map(|hit| hit.key).collect()
}

fn ask() -> Search {
    Search { wishes: Wishes { k: 20, explain: true, ..Wishes::default() }, ..Search::default() }
}

#[test]
fn image_search_finds_what_looks_alike_and_says_so() {
    let device = shop();
    let session = with_eye(&device);
    let found = keys(&session, &ask());
    assert_eq!(found[0], "green-0");
    assert!(found[..4].iter().all(|key| key.starts_with("green")), "{found:?}");
    assert_eq!(found.len(), 12, "items without a picture are not listed");
    let hits = wait(session.search_like(&ask(), green())).unwrap();
    let reasons: Vec<(&str, f32)> = hits[0].reasons.iter().map(|reason| (reason.term, reason.weight)).collect();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].0 == "image" && (reasons[0].1 - hits[0].score).abs() < 1e-6, "{reasons:?}");
}

/// A film's frames count together, each the same.
#[test]
fn image_search_takes_several_frames_as_one() {
    let session = with_eye(&shop());
    let blue = || Picture::from_rgb(1, 1, vec![0, 0, 255]).unwrap();
    let found = |frames| wait(session.search_film(&ask(), frames)).unwrap();
    let both = found(vec![green(), blue()]);
    assert!(both[..8].iter().all(|hit| !hit.key.starts_with("red")), "{:?}", both.iter().map(|hit| &hit.key).collect::<Vec<_>>());
    assert!(found(vec![green(), green(), blue()])[0].key.starts_with("green"));
    assert_eq!(found(vec![green(), green()])[0].key, found(vec![green()])[0].key);
    let error = wait(session.search_film(&ask(), Vec::new())).unwrap_err();
    assert!(error.code() == "bad-input" && error.to_string().contains("no frame"), "{error}");
}

#[test]
fn image_search_takes_words_and_taste_with_it() {
    let session = with_eye(&shop());
    let words = Search { text: "boots".into(), ..ask() };
    let hits = wait(session.search_like(&words, green())).unwrap();
    let terms: Vec<&str> = hits[0].reasons.iter().map(|reason| reason.term).collect();
    assert!(terms.contains(&"image") && terms.contains(&"text"), "{terms:?}");
    wait(session.record((0..4).map(|n| like(&format!("blue-{n}"))).collect())).unwrap();
    let personal = Search { personal: 1.0, ..ask() };
    assert!(keys(&session, &personal)[0].starts_with("blue"));
}

/// The words' model and the picture's stay on the device side by side, and a later visit needs no network.
#[test]
fn image_model_stays_on_the_device() {
    let device = shop();
    store_all(&with_eye(&device));
    let asked = device.server.requests().len();
    let session = with_eye(&device);
    let more: Vec<String> = device.server.requests()[asked..].iter().map(|(url, _)| url.clone()).collect();
    assert!(more.iter().all(|url| url.ends_with("manifest.json")), "{more:?}");
    assert_eq!(keys(&session, &ask())[0], "green-0");
}

#[test]
fn image_search_without_a_model_says_what_to_do() {
    let device = shop();
    let mut session = device.open_with_text();
    let error = wait(session.search_like(&ask(), green())).unwrap_err();
    assert!(error.code() == "bad-input" && error.to_string().contains("imageModel: true"), "{error}");
    session.take::<Picture>(None, Box::new(load));
    let error = wait(session.search_like(&ask(), green())).unwrap_err();
    assert!(error.code() == "not-found" && error.to_string().contains("sync()"), "{error}");

    let mut plain = Device::with_shop(3).open_with_text();
    plain.take::<Picture>(None, Box::new(load));
    let error = wait(plain.prepare::<Picture>(&Abort::new(), &|_| ())).unwrap_err();
    assert!(error.code() == "bad-input" && error.to_string().contains("--image-model"), "{error}");

    let mut other = shop().open_with_text();
    other.take::<Picture>(None, Box::new(|_, _| Ok(Rc::new(Eye(eye_id(b"another"))) as Rc<dyn MediaModel<Picture>>)));
    wait(other.prepare::<Picture>(&Abort::new(), &|_| ())).unwrap();
    assert_eq!(wait(other.search_like(&ask(), green())).unwrap_err().code(), "mismatch");
}
