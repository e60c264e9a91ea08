//! Builds: the same bytes for the same items, deltas against a base, and stops that leave the old index whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use palate::format::digest::sha256;
use palate::format::manifest::{FILE, Kind, Manifest};
use palate::index::Catalog;
use palate::platform::native::folder::Folder;
use palate::publish::build::{Base, Built, Options, Report, build, write};
use palate::publish::items::{Item, Reader, Template};
use palate::publish::table;
use serde_json::json;

use crate::catalogs::{Seeded, Words, item, shared};

fn items(n: usize) -> Vec<Item> {
    let mut chance = Seeded(41);
    let words = ["warm", "boots", "chair", "lamp", "wool", "winter", "garden", "blue", "oak", "tea"];
    (0..n)
        .map(|at| {
            let title: Vec<&str> = (0..3).map(|_| words[chance.below(words.len())]).collect();
            item(json!({"id": format!("sku-{at}"), "title": title.join(" "), "price": at as f64 / 4.0, "tags": [words[at % 10]]}))
        })
        .collect()
}

fn built(items: Vec<Item>, base: Option<&Base>) -> Built {
    build(items, &Words::new(32), base, &Options::default(), None, &mut |_, _| {}).unwrap()
}

fn bytes(built: &Built) -> (Vec<u8>, Vec<(String, String)>) {
    (built.manifest.to_bytes(), built.files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect())
}

fn written(built: &Built, name: &str) -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path().join(name));
    write(built, &built.manifest.to_bytes(), &folder).unwrap();
    (place, folder)
}

#[test]
fn build_gives_the_same_bytes_for_the_same_items_in_any_order() {
    let forward = built(items(5000), None);
    let mut backward = items(5000);
    backward.reverse();
    assert_eq!(bytes(&forward), bytes(&built(backward, None)));
    assert_eq!(forward.report, Report { items: 5000, encoded: 5000, added: 5000, shards: 2, new_shards: 2, bytes: forward.report.bytes, delta_bytes: forward.report.bytes, ..Report::default() });
}

#[test]
fn build_puts_each_vector_beside_its_key() {
    let items = items(300);
    let built = built(items.clone(), None);
    let files = built.manifest.shards.iter().map(|s| built.files[&s.file].clone()).collect();
    let catalog = Catalog::open(&built.manifest, files).unwrap();
    let words = Words::new(32);
    for item in &items {
        let ordinal = catalog.ordinal(&item.key).unwrap();
        let expected = words.one(&Template::default().text(item));
        let dot: f32 = catalog.vector(ordinal).iter().zip(&expected).map(|(a, b)| a * b).sum();
        assert!(dot > 0.999, "{}: {dot}", item.key);
        assert_eq!(catalog.item(ordinal), item.fields);
    }
}

#[test]
fn build_on_a_base_encodes_only_what_changed_and_gives_the_same_bytes() {
    let first = built(items(9000), None);
    let (_place, folder) = written(&first, "index");
    let base = Base::open(&folder).unwrap();

    let mut next = items(9000);
    next[10].fields.insert("title".into(), json!("something else"));
    next[20].fields.insert("price".into(), json!(99));
    next.remove(30);
    next.push(item(json!({"id": "new", "title": "new thing"})));
    let delta = built(next.clone(), Some(&base));
    assert_eq!(bytes(&delta), bytes(&built(next, None)), "with or without a base");
    let report = &delta.report;
    assert_eq!((report.items, report.encoded, report.reused), (9000, 2, 8998));
    assert_eq!((report.added, report.changed, report.removed), (1, 2, 1));
    assert_eq!(report.shards, 4);

    let same = built(items(9000), Some(&base));
    assert_eq!((same.report.encoded, same.report.new_shards, same.report.delta_bytes), (0, 0, 0));
    assert_eq!((same.report.added, same.report.changed, same.report.removed), (0, 0, 0));

    // One item differs: one shard differs.
    let mut one = items(9000);
    one[77].fields.insert("price".into(), json!(1234.5));
    let one = built(one, Some(&base));
    assert_eq!((one.report.encoded, one.report.changed, one.report.new_shards), (0, 1, 1));
    assert!(one.report.delta_bytes < one.report.bytes / 3);
}

#[test]
fn build_on_a_base_of_another_model_reuses_nothing_and_says_so() {
    let (_place, folder) = written(&built(items(50), None), "index");
    let base = Base::open(&folder).unwrap();
    let other = Words { name: "other", ..Words::new(32) };
    let built = build(items(50), &other, Some(&base), &Options::default(), None, &mut |_, _| {}).unwrap();
    assert_eq!((built.report.encoded, built.report.reused), (50, 0));
    assert!(built.report.note.unwrap().contains("another model (words)"));
    assert_eq!(built.manifest.models["text"].id.name, "other");
}

#[test]
fn build_that_is_stopped_leaves_the_old_index_and_nothing_else() {
    let first = built(items(5000), None);
    let (_place, folder) = written(&first, "index");
    let names = folder.names().unwrap();

    // The encoder stops in the middle.
    let stopping = Words::new(32);
    stopping.budget.set(3000);
    let mut next = items(5000);
    next.iter_mut().for_each(|item| drop(item.fields.insert("title".into(), json!("changed"))));
    let error = build(next.clone(), &stopping, None, &Options::default(), None, &mut |_, _| {}).map(|b| b.report).unwrap_err();
    assert_eq!(error.code(), "device");
    assert_eq!(folder.names().unwrap(), names);

    // The disk stops in the middle: a folder stands where the second shard must go.
    let second = built(next, None);
    assert_eq!(second.manifest.shards.len(), 2);
    std::fs::create_dir(folder.at(&second.manifest.shards[1].file)).unwrap();
    assert!(write(&second, &second.manifest.to_bytes(), &folder).is_err());
    assert_eq!(folder.names().unwrap(), names, "no shard of the failed build is left");
    assert_eq!(Base::open(&folder).unwrap().manifest, first.manifest);
    std::fs::remove_dir(folder.at(&second.manifest.shards[1].file)).unwrap();

    // What a killed build left is cleared away by the next one; files of others stay.
    std::fs::write(folder.at("items-0123456789abcdef.safetensors.77.tmp"), b"half").unwrap();
    std::fs::write(folder.at("items-0123456789abcdef.safetensors"), b"an orphan").unwrap();
    std::fs::write(folder.at("index.html"), b"the page").unwrap();
    std::fs::write(folder.at("items-notes.safetensors"), b"not ours").unwrap();
    write(&second, &second.manifest.to_bytes(), &folder).unwrap();
    let mut expected: BTreeSet<String> = second.manifest.shards.iter().map(|s| s.file.clone()).collect();
    expected.extend([FILE.to_string(), "index.html".into(), "items-notes.safetensors".into()]);
    assert_eq!(folder.names().unwrap().into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(Base::open(&folder).unwrap().manifest, second.manifest);
}

#[test]
fn build_repairs_a_shard_that_was_damaged_on_disk() {
    let first = built(items(100), None);
    let (_place, folder) = written(&first, "index");
    let name = &first.manifest.shards[0].file;
    let mut bytes = std::fs::read(folder.at(name)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.at(name), bytes).unwrap();
    assert_eq!(Base::open(&folder).map(|b| b.manifest).unwrap_err().code(), "corrupt");
    write(&first, &first.manifest.to_bytes(), &folder).unwrap();
    assert!(Base::open(&folder).is_ok());
}

#[test]
fn build_of_items_without_text_gives_them_no_vector() {
    let mut items = items(3);
    items.push(item(json!({"id": "silent", "price": 3})));
    let built = built(items, None);
    assert_eq!((built.report.without_text, built.report.encoded), (1, 3));
    let files = built.manifest.shards.iter().map(|s| built.files[&s.file].clone()).collect();
    let catalog = Catalog::open(&built.manifest, files).unwrap();
    let silent = catalog.ordinal("silent").unwrap();
    assert!(!catalog.has_vector(silent));
    let mut scores = vec![1.0; 4];
    catalog.scan(&[1.0; 32], &mut scores).unwrap();
    assert_eq!(scores[silent as usize], 0.0);
}

#[test]
fn build_ships_the_chosen_fields_only() {
    let options = Options { keep: Some(["title", "price"].map(String::from).into()), without: ["price".to_string()].into(), attribution: Some("thanks".into()), ..Options::default() };
    let built = build(items(5), &Words::new(8), None, &options, None, &mut |_, _| {}).unwrap();
    assert_eq!(built.manifest.fields.keys().collect::<Vec<_>>(), ["title"]);
    assert_eq!(built.manifest.attribution.as_deref(), Some("thanks"));
    let named: Vec<Item> = (0..300).map(|at| item(json!({"id": at, format!("f{at}"): 1}))).collect();
    let error = build(named, &Words::new(8), None, &Options::default(), None, &mut |_, _| {}).map(|b| b.report).unwrap_err();
    assert!(error.to_string().contains("--fields"), "{error}");
}

#[test]
fn build_adds_shards_made_from_the_catalog() {
    let mut seen = 0;
    let mut more = |catalog: &Catalog| {
        seen = catalog.len();
        Ok(vec![(Kind::Ranker, catalog.key(0).as_bytes().to_vec())])
    };
    let built = build(items(10), &Words::new(8), None, &Options::default(), Some(&mut more), &mut |_, _| {}).unwrap();
    assert_eq!(seen, 10);
    let shard = built.manifest.shards.last().unwrap();
    assert_eq!((&shard.kind, shard.items), (&Kind::Ranker, 10));
    let (_place, folder) = written(&built, "index");
    assert_eq!(Manifest::parse(&folder.read(FILE, 1 << 20).unwrap()).unwrap(), built.manifest);
    assert!(folder.read(&shard.file, 100).unwrap().starts_with(b"sku-"));
}

#[test]
fn build_refuses_an_encoder_that_does_not_keep_its_word() {
    struct Broken(usize);
    impl palate::publish::build::EncodeText for Broken {
        fn model(&self) -> palate::format::manifest::Model {
            crate::catalogs::model("broken", 4)
        }
        fn encode(&self, texts: &[&str]) -> palate::Result<Vec<Vec<f32>>> {
            Ok(match self.0 {
                0 => vec![vec![1.0; 4]; texts.len() + 1],
                1 => vec![vec![1.0; 3]; texts.len()],
                _ => vec![vec![f32::NAN; 4]; texts.len()],
            })
        }
    }
    for kind in 0..3 {
        let result = build(items(5), &Broken(kind), None, &Options::default(), None, &mut |_, _| {});
        assert_eq!(result.map(|b| b.report).unwrap_err().code(), "internal");
    }
}

#[test]
fn build_of_the_films_holds_all_of_them() {
    let Some(path) = shared("films/items.jsonl") else { return };
    let mut reader = Reader::new("items.jsonl");
    let file = palate::platform::native::folder::open(&path).unwrap();
    table::read("items.jsonl", file, &mut |row| {
        reader.push(row);
        Ok(())
    })
    .unwrap();
    let (films, bad) = reader.finish(false).unwrap();
    assert_eq!((films.len(), bad.rows), (9742, 0));
    let template = Template { fields: ["title", "genres", "tags", "director", "description"].map(String::from).into() };
    let options = Options { template, ..Options::default() };
    let words = Words::new(128);
    let built = build(films.clone(), &words, None, &options, None, &mut |_, _| {}).unwrap();
    let files: Vec<Arc<Vec<u8>>> = built.manifest.shards.iter().map(|s| built.files[&s.file].clone()).collect();
    let catalog = Catalog::open(&built.manifest, files).unwrap();
    assert_eq!(catalog.len(), 9742);
    for film in &films {
        assert_eq!(catalog.item(catalog.ordinal(&film.key).unwrap()), film.fields, "film {}", film.key);
    }
    // A film's own text finds it first.
    for key in ["1", "2571", "4973"] {
        let ordinal = catalog.ordinal(key).unwrap();
        let mut scores = vec![0.0; catalog.len()];
        catalog.scan(&catalog.vector(ordinal), &mut scores).unwrap();
        assert_eq!(catalog.top_k(&scores, 1, |_| true)[0].0, ordinal, "film {key}");
    }
}
