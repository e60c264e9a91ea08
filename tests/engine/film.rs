//! Films as queries: read in their order where the index has something that reads them, else by the mean of their frames.

use palate::Error;
use palate::compute::cpu::isa::Isa;
use palate::engine::ask::{Hit, Search, Wishes};
use palate::format::manifest::{Kind, Model, Shard};
use palate::format::space::{Embedded, Models};
use palate::fuse::Film;
use palate::fuse::video_text::{Config, NAME};
use palate::index::build::row;
use palate::index::catalog::{IMAGE, VIDEO};
use palate::math::scan::quantize_row;
use palate::platform::native::wait;
use palate::preprocess::Picture;
use palate::publish::checkpoint::Checkpoint;
use palate::publish::model::PackDType;
use palate::train::tower::clip::random;
use serde_json::json;

use super::fixture::{DIM, Device, model_id, pack, serve_with, text_model, vector};
use super::image::{SEEN, eye, eye_id, eye_model, publish_models, with_eye};

const COLORS: [[u8; 3]; 2] = [[255, 0, 0], [0, 255, 0]];

/// A film of four frames, one color and then the other; the mean of its frames does not know which came first.
fn frames(first: usize) -> Vec<Picture> {
    (0..4).map(|at| Picture::from_rgba(1, 1, &[&COLORS[(first + at / 2) % 2][..], &[255]].concat()).unwrap()).collect()
}

fn seen(first: usize) -> Vec<Vec<f32>> {
    let of = |color: &[u8; 3]| color.iter().map(|&v| f32::from(v) / 255.0).collect();
    (0..4).map(|at| of(&COLORS[(first + at / 2) % 2])).collect()
}

/// A pack with seeded weights, for frames of `SEEN` numbers.
fn reader() -> Vec<u8> {
    let shape = Config { frame: SEEN, word: DIM, width: 16, dim: DIM, heads: 2, layers: 1, wide: 24, places: 8 };
    let start = random(&shape, &model_id(&pack()), 3).unwrap();
    let checkpoint = Checkpoint {
        name: "films".into(),
        config: start.config.to_string(),
        tokenizer: None,
        weights: start.file(&start.weights).unwrap(),
        encoder: start.encoder.clone(),
        architecture: NAME.into(),
    };
    checkpoint.pack_graph(&start.graph, PackDType::F32).unwrap()
}

/// Items `first-0` and `first-1`, films that are each other's reverse, and `still` without one.
fn shop(reads: bool) -> Device {
    let device = Device::new();
    let reader = reader();
    let film = Film::open(reader.clone(), Isa::Portable).unwrap();
    let embedded = |vector: Vec<f32>| {
        let (vector, scale) = quantize_row(&vector);
        Embedded { vector, scale, hash: 1 }
    };
    let rows = ["first-0", "first-1", "still"].into_iter().enumerate().map(|(at, key)| {
        let mut row = row(key, &vector(at, 0), DIM, 1, json!({"title": key}).as_object().unwrap().clone());
        if at < 2 {
            row.others.insert(IMAGE.into(), embedded(vec![0.7, 0.7, 0.0]));
            if reads {
                row.others.insert(VIDEO.into(), embedded(film.encode(&[(&seen(at), &[])]).unwrap().remove(0)));
            }
        }
        row
    });
    let shard = Shard::of(Kind::Film, &reader, 3);
    let mut others = Models::from([(IMAGE.to_string(), eye_model())]);
    if reads {
        others.insert(VIDEO.into(), Model { id: film.id().clone(), dim: DIM, file: Some(shard.file.clone()), in_text_space: false });
    }
    serve_with(&device.server, text_model(), others, rows.collect(), reads.then_some((shard, reader)));
    publish_models(&device);
    device
}

fn ask(text: &str) -> Search {
    Search { text: text.into(), wishes: Wishes { k: 3, explain: true, ..Wishes::default() }, ..Search::default() }
}

fn keys(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.key.as_str()).collect()
}

#[test]
fn film_is_found_by_the_order_of_its_frames() {
    let session = with_eye(&shop(true));
    for first in 0..2 {
        let hits = wait(session.search_film(&ask(""), frames(first))).unwrap();
        assert_eq!(keys(&hits)[0], format!("first-{first}"));
        assert!(hits[0].score > 0.99 && hits.len() == 2, "{hits:?}: an item without a film is not listed");
        assert_eq!(hits[0].reasons[0].term, VIDEO);
    }
    let both = wait(session.search_film(&ask("tea"), frames(0))).unwrap();
    assert_eq!(both.len(), 3, "words find the item without a film too");
    // One picture is what an item looks like.
    let looks = wait(session.search_like(&ask(""), frames(0).swap_remove(0))).unwrap();
    assert_eq!(looks[0].reasons[0].term, IMAGE);
    assert!(matches!(wait(session.search_film(&ask(""), Vec::new())), Err(Error::Input(_))));
}

#[test]
fn film_is_the_mean_of_its_frames_where_nothing_reads_it() {
    let session = with_eye(&shop(false));
    let hits = wait(session.search_film(&ask(""), frames(1))).unwrap();
    assert_eq!((keys(&hits), hits[0].reasons[0].term), (vec!["first-0", "first-1"], IMAGE), "both look alike");
}

#[test]
fn film_reader_wants_the_frames_that_it_was_learned_with() {
    let film = Film::open(reader(), Isa::Portable).unwrap();
    assert!(film.check(&eye_id(&eye()), SEEN).is_ok(), "a pack that names no model takes any of that length");
    assert!(matches!(film.check(&eye_id(&eye()), SEEN + 1), Err(Error::Mismatch(text)) if text.contains("\"films\"") && text.contains("\"eye\"")));
    assert!(matches!(Film::open(eye(), Isa::Portable), Err(Error::Corrupt { .. })));
}
