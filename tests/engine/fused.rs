//! An index that is ranked by what items read and look like together: words, a picture or both are one query.

use palate::compute::cpu::isa::Isa;
use palate::engine::ask::{Search, Wishes};
use palate::format::manifest::{Kind, Model, Shard};
use palate::format::space::{Embedded, Models};
use palate::fuse::Fuser;
use palate::fuse::joint::{Config, Modality};
use palate::index::build::row;
use palate::index::catalog::{IMAGE, TEXT};
use palate::math::scan::quantize_row;
use palate::platform::native::wait;
use palate::publish::fusion::pack as joint_pack;
use palate::publish::model::PackDType;
use palate::train::fusion_space::{Content, Space};
use serde_json::json;

use super::fixture::{DIM, TOPICS, Device, like, model_id, pack, serve_with, store_all, text_model, vector};
use super::image::{SEEN, eye, eye_id, eye_model, green, publish_models, with_eye};

const COLORS: [&str; 4] = ["red", "green", "blue", "plain"];

/// What item `n` of a topic looks like; of every topic there is one of each color, and the last has no picture.
fn seen(n: usize) -> Option<Vec<f32>> {
    (n < SEEN).then(|| (0..SEEN).map(|c| if c == n { 1.0 } else { 0.0 }).collect())
}

/// Items `boots-red`, `boots-green`, … whose fused vectors are projections of what they are.
fn shop() -> Device {
    let device = Device::new();
    let items: Vec<(usize, usize)> = (0..4).flat_map(|topic| (0..4).map(move |color| (topic, color))).collect();
    let texts: Vec<f32> = items.iter().flat_map(|&(topic, color)| vector(topic, color)).collect();
    let looks: Vec<f32> = items.iter().flat_map(|&(_, color)| seen(color).unwrap_or_else(|| vec![0.0; SEEN])).collect();
    let contents = vec![Content::new(TEXT, DIM, texts), Content::new(IMAGE, SEEN, looks)];
    let space = Space::new(contents, &[true; 16], 64, &[64], 1);
    let modality = |name: &str, dim, id: palate::format::pack::ModelId| Modality { name: name.into(), dim, model: id.name, sha256: id.sha256 };
    let config = Config { dim: 64, modalities: vec![modality(TEXT, DIM, model_id(&pack())), modality(IMAGE, SEEN, eye_id(&eye()))] };
    let joint = joint_pack("joint", &config, &space, &space.start(2, 0.0), PackDType::Q8).unwrap();
    let fuser = Fuser::open(joint.clone(), Isa::Portable).unwrap();
    let rows = items.iter().map(|&(topic, color)| {
        let (text, look) = (vector(topic, color), seen(color));
        let fused = fuser.fuse(&[vec![Some(&text[..]), look.as_deref()]]).unwrap().remove(0);
        let mut row = row(&format!("{}-{}", TOPICS[topic], COLORS[color]), &fused, 64, 1, json!({"title": TOPICS[topic]}).as_object().unwrap().clone());
        for (name, vector) in [(TEXT, Some(text)), (IMAGE, look)] {
            let Some((vector, scale)) = vector.map(|vector| quantize_row(&vector)) else { continue };
            row.others.insert(name.into(), Embedded { vector, scale, hash: 1 });
        }
        row
    });
    let shard = Shard::of(Kind::Fusion, &joint, 16);
    let others = Models::from([
        (TEXT.to_string(), text_model()),
        (IMAGE.to_string(), eye_model()),
    ]);
    let model = Model { id: fuser.id().clone(), dim: 64, file: Some(shard.file.clone()), in_text_space: false };
    serve_with(&device.server, model, others, rows.collect(), Some((shard, joint)));
    publish_models(&device);
    device
}

fn ask(text: &str) -> Search {
    Search { text: text.into(), wishes: Wishes { k: 4, explain: true, ..Wishes::default() }, ..Search::default() }
}

#[test]
fn fused_words_and_a_picture_are_one_query() {
    let session = with_eye(&shop());
    let keys = |hits: Vec<palate::engine::ask::Hit>| hits.into_iter().map(|hit| hit.key).collect::<Vec<_>>();
    let words = keys(wait(session.search(&ask("tea"))).unwrap());
    assert!(words.iter().all(|key| key.starts_with("tea")), "{words:?}");
    let looks = keys(wait(session.search_like(&ask(""), green())).unwrap());
    assert!(looks.iter().all(|key| key.ends_with("green")), "{looks:?}");
    let both = wait(session.search_like(&ask("tea"), green())).unwrap();
    assert_eq!(both[0].key, "tea-green");
    let terms: Vec<&str> = both[0].reasons.iter().map(|reason| reason.term).collect();
    assert_eq!(terms, ["image"], "one query, one term");
}

#[test]
fn fused_lists_work_from_the_device_alone() {
    let device = shop();
    store_all(&with_eye(&device));
    let asked = device.server.requests().len();
    let session = with_eye(&device);
    wait(session.record(vec![like("tea-red"), like("tea-blue")])).unwrap();
    let near = wait(session.similar("tea-green", &Wishes { k: 3, ..Wishes::default() })).unwrap();
    assert!(near.iter().all(|hit| hit.key.starts_with("tea") || hit.key.ends_with("green")), "{near:?}");
    assert_eq!(wait(session.search_like(&ask("tea"), green())).unwrap()[0].key, "tea-green");
    assert!(device.server.requests()[asked..].iter().all(|(url, _)| url.ends_with("manifest.json")), "the fusion came with the index");
    assert_eq!(session.report().model.0, "words");
}
