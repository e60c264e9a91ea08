//! A small catalog whose right answers are known: topics are axes, items lie near them.

use std::rc::Rc;
use std::sync::Arc;

use palate::Result;
use palate::encode::choice::Wish;
use palate::engine::download::IfFull;
use palate::engine::scan::Scanning;
use palate::engine::model::{AnyModel, Embedding, TextModel};
use palate::engine::{Options, Session};
use palate::format::history::EventRow;
use palate::format::manifest::{Manifest, Model, Shard};
use palate::format::pack::ModelId;
use palate::format::shard::Row;
use palate::format::space::Models;
use palate::index::build::{build_with_others, row};
use palate::math::rng::Rng;
use palate::platform::memory::{ManualClock, MemoryFetch, MemoryStore};
use palate::platform::native::{KeySeal, wait};
use palate::platform::{Abort, World};
use serde_json::{Map, json};

pub const DIM: usize = 32;
pub const NOW: f64 = 1.7e12;
pub const URL: &str = "https://shop.example/index/manifest.json";
pub const MODEL_URL: &str = "https://shop.example/models/words";
pub const TOPICS: [&str; 4] = ["boots", "tea", "films", "lamps"];

pub type TestWorld = World<MemoryStore, MemoryFetch, ManualClock, KeySeal>;
pub type TestSession = Session<TestWorld>;

/// The server, the device and the clock of a test.
#[derive(Clone)]
pub struct Device {
    pub store: MemoryStore,
    pub server: MemoryFetch,
    pub clock: ManualClock,
    pub seal: KeySeal,
}

impl Device {
    /// A device with nothing on it and a server without files.
    pub fn new() -> Self {
        Device { store: MemoryStore::new(), server: MemoryFetch::new(), clock: ManualClock::at(NOW), seal: KeySeal::fresh() }
    }

    /// A device and a server that has `per_topic` items of each topic and the model.
    pub fn with_shop(per_topic: usize) -> Self {
        let device = Self::new();
        publish(&device.server, per_topic, 0);
        publish_model(&device.server, &pack());
        device
    }

    pub fn world(&self) -> TestWorld {
        World { store: self.store.clone(), fetch: self.server.clone(), clock: self.clock.clone(), seal: self.seal.clone() }
    }

    pub fn try_open(&self, options: Options) -> Result<TestSession> {
        wait(Session::open(self.world(), options, Box::new(load), &Abort::new(), &|_| ()))
    }

    /// Opens without the text model.
    pub fn open(&self) -> TestSession {
        self.try_open(options()).unwrap()
    }

    /// Opens with it.
    pub fn open_with_text(&self) -> TestSession {
        let session = self.open();
        wait(session.prepare_text(&Abort::new(), &|_| ())).unwrap();
        store_all(&session);
        session
    }
}

/// Stores what is in use and not stored yet, as a page does when nobody waits.
pub fn store_all(session: &TestSession) {
    while session.is_unsaved() {
        wait(session.store_piece());
    }
}

pub fn options() -> Options {
    Options { index: URL.into(), text_model: Some(MODEL_URL.into()), if_full: IfFull::UseMemory, public_key: None, weights: Default::default(), from_device: false, scanning: Scanning::on(Wish::Auto, || 0.0) }
}

/// The "pack" of the test's model: any bytes do, its hash is what counts.
pub fn pack() -> Vec<u8> {
    (0..20_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub fn model_id(pack: &[u8]) -> ModelId {
    ModelId { name: "words".into(), sha256: palate::format::digest::sha256(pack) }
}

/// A unit vector near the topic's axis; the same `n` always gives the same one.
pub fn vector(topic: usize, n: usize) -> Vec<f32> {
    let mut rng = Rng::new((topic * 1_000_003 + n) as u64);
    let mut vector: Vec<f32> = (0..DIM).map(|_| (rng.unit() as f32 - 0.5) * 0.25).collect();
    vector[topic] += 1.0;
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|v| *v /= norm);
    vector
}

/// Serves an index: keys `boots-0`, `tea-1`...; `edition` changes the title of item 0 of each topic.
pub fn publish(server: &MemoryFetch, per_topic: usize, edition: usize) -> Manifest {
    let mut rows = Vec::new();
    for (topic, name) in TOPICS.iter().enumerate() {
        for n in 0..per_topic {
            let title = if n == 0 { format!("{name} {n} edition {edition}") } else { format!("{name} {n}") };
            let metadata = json!({"title": title, "topic": name, "price": n, "tags": [name, if n % 2 == 0 { "even" } else { "odd" }]});
            let metadata: Map<_, _> = metadata.as_object().unwrap().clone();
            rows.push(row(&format!("{name}-{n}"), &vector(topic, n), DIM, n as u64, metadata));
        }
    }
    serve(server, rows)
}

/// Builds an index of rows and serves it.
pub fn serve(server: &MemoryFetch, rows: Vec<Row>) -> Manifest {
    serve_with(server, text_model(), Models::new(), rows, None)
}

/// As [`serve`], of rows that `model` made, with the spaces of `others`, and one shard more where there is one.
pub fn serve_with(server: &MemoryFetch, model: Model, others: Models, rows: Vec<Row>, more: Option<(Shard, Vec<u8>)>) -> Manifest {
    let put = |shard: &Shard, bytes| server.serve(&URL.replace("manifest.json", &shard.file), bytes);
    let mut manifest = build_with_others(model, others, rows, |shard, bytes| {
        put(shard, bytes);
        Ok(())
    })
    .unwrap();
    if let Some((shard, bytes)) = more {
        put(&shard, bytes);
        manifest.shards.push(shard);
    }
    server.serve(URL, manifest.to_bytes());
    manifest
}

/// The model of the texts, as a manifest names it.
pub fn text_model() -> Model {
    Model { id: model_id(&pack()), dim: DIM, file: None, in_text_space: false }
}

pub fn publish_model(server: &MemoryFetch, pack: &[u8]) {
    let id = model_id(pack);
    let manifest = json!({
        "format": "palate-model", "version": 1, "name": id.name, "file": "words.safetensors",
        "sha256": id.sha256, "bytes": pack.len(), "dim": DIM, "architecture": "bert",
    });
    server.serve(&format!("{MODEL_URL}/manifest.json"), manifest.to_string().into_bytes());
    server.serve(&format!("{MODEL_URL}/words.safetensors"), pack.to_vec());
}

/// Knows the topics by name.
struct Words(ModelId);

impl AnyModel for Words {
    fn dim(&self) -> usize {
        DIM
    }

    fn id(&self) -> &ModelId {
        &self.0
    }

    fn device(&self) -> String {
        "test".into()
    }
}

impl TextModel for Words {
    fn encode<'a>(&'a self, texts: &'a [&'a str]) -> Embedding<'a> {
        let encode = |text: &&str| {
            let mut vector = vec![0.01; DIM];
            for (topic, name) in TOPICS.iter().enumerate() {
                vector[topic] += f32::from(u8::from(text.contains(name)));
            }
            vector
        };
        let vectors = texts.iter().map(encode).collect();
        Box::pin(async move { Ok(vectors) })
    }
}

pub fn load(pack: Arc<Vec<u8>>, id: &ModelId) -> Result<Rc<dyn TextModel>> {
    assert_eq!(model_id(&pack).sha256, id.sha256, "the engine passes verified bytes");
    Ok(Rc::new(Words(model_id(&pack))))
}

pub fn like(item: &str) -> EventRow {
    acted(item, "like")
}

pub fn acted(item: &str, event: &str) -> EventRow {
    EventRow { item: item.into(), event: event.into(), at: NOW, value: None, context: Map::new(), call: None, shown: Default::default() }
}

/// How many keys of each topic.
pub fn count(keys: &[String], topic: &str) -> usize {
    keys.iter().filter(|key| key.starts_with(topic)).count()
}
