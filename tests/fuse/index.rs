//! Indexes that are ranked by fused vectors: what stands where, deltas, and queries.

use palate::Error;
use palate::compute::cpu::isa::Isa;
use palate::format::manifest::{FILE, Kind, Manifest, Model};
use palate::fuse::Fuser;
use palate::index::Catalog;
use palate::platform::native::folder::Folder;
use palate::publish::build::{Base, Built, Encoders, Fusion, Options, build, write};
use palate::publish::fusion::pack;
use palate::publish::items::Item;
use palate::publish::model::PackDType;
use palate::publish::media::{EncodeMedia, Source};
use serde_json::json;

use super::{DIM, IMAGE, TEXT, config, space, unit};
use crate::catalogs::{Seeded, Words, item, model};

/// Sees a file's name.
struct Eye;

impl EncodeMedia for Eye {
    fn modality(&self) -> &'static str {
        palate::index::catalog::IMAGE
    }

    fn many(&self) -> &'static str {
        "pictures"
    }

    fn model(&self) -> Model {
        model("eye", IMAGE)
    }

    fn read(&self, item: &Item) -> palate::Result<Option<Source>> {
        Source::file(item, "image", |name| Ok((name != "none").then(|| name.as_bytes().to_vec())))
    }

    fn encode(&self, sources: &[Source]) -> palate::Result<Vec<palate::Result<Vec<f32>>>> {
        let see = |source: &Source| Ok(unit(Seeded(source.name.bytes().map(u64::from).sum()).vector(IMAGE)));
        Ok(sources.iter().map(see).collect())
    }
}

fn items() -> Vec<Item> {
    let mut items: Vec<Item> = (0..40).map(|at| item(json!({"id": format!("i{at}"), "title": format!("thing {}", at % 9), "image": format!("{at}.png")}))).collect();
    items.push(item(json!({"id": "no-picture", "title": "thing 1", "image": "none"})));
    items.push(item(json!({"id": "no-text", "image": "7.png"})));
    items.push(item(json!({"id": "nothing"})));
    items
}

fn joint() -> Vec<u8> {
    let space = space(60, 5, 0.5);
    pack("toy", &config(), &space, &space.start(4, 0.0), PackDType::Q8).unwrap()
}

fn built(base: Option<&Base>, words: &Words) -> palate::Result<Built> {
    let pack = joint();
    let fuser = Fuser::open(pack.clone(), Isa::best())?;
    let encoders = Encoders { texts: words, pictures: Some(&Eye), sounds: None, films: None, fusion: Some(Fusion { fuser: &fuser, pack: &pack }) };
    build(items(), encoders, base, &Options::default(), None, &mut |_, _| ())
}

fn catalog(built: &Built) -> Catalog {
    let files = built.manifest.shards_of(&Kind::Items).map(|s| built.files[&s.file].clone()).collect();
    Catalog::open(&Manifest::parse(&built.manifest.to_bytes()).unwrap(), files).unwrap()
}

#[test]
fn fused_index_ranks_by_the_joint_space_and_keeps_the_modalities_beside() {
    let built = built(None, &Words::new(TEXT)).unwrap();
    let catalog = catalog(&built);
    assert!(catalog.is_fused());
    assert_eq!((catalog.dim(), catalog.model().id.name.as_str(), catalog.text_model().id.name.as_str()), (DIM, "toy", "words"));
    let shard = built.manifest.shards_of(&Kind::Fusion).next().unwrap();
    assert_eq!(built.manifest.models["fusion"].file.as_deref(), Some(shard.file.as_str()));
    let fuser = Fuser::open(built.files[&shard.file].clone(), Isa::Portable).unwrap();
    for key in ["i3", "no-picture", "no-text"] {
        let at = catalog.ordinal(key).unwrap();
        let own: Vec<(&str, Vec<f32>)> = ["text", "image"].into_iter().filter_map(|m| Some((m, catalog.embedding(m, at)?))).collect();
        assert_eq!(own.len(), if key == "i3" { 2 } else { 1 }, "{key}");
        let given = ["text", "image"].map(|name| own.iter().find(|(m, _)| *m == name).map(|(_, v)| v.as_slice()));
        let mut scores = vec![0.0; catalog.len()];
        catalog.scan(&fuser.fuse(&[given.to_vec()]).unwrap()[0], &mut scores).unwrap();
        assert!(scores[at as usize] > 0.999, "{key}: {}", scores[at as usize]);
    }
    assert!(!catalog.has_vector(catalog.ordinal("nothing").unwrap()));
}

#[test]
fn fused_index_on_a_base_encodes_nothing_again_and_gives_the_same_bytes() {
    let words = Words::new(TEXT);
    let first = built(None, &words).unwrap();
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path().join("index"));
    write(&first, &first.manifest.to_bytes(), &folder).unwrap();
    let base = Base::open(&folder).unwrap();
    words.budget.set(0);
    let again = built(Some(&base), &words).unwrap();
    assert_eq!(again.manifest.to_bytes(), first.manifest.to_bytes());
    assert_eq!((again.report.encoded, again.report.changed, again.report.new_shards), (0, 0, 0));
    // And the other way: a plain index on a fused one takes the texts' own vectors.
    let plain = build(items(), &words, Some(&base), &Options::default(), None, &mut |_, _| ()).unwrap();
    words.budget.set(usize::MAX);
    assert_eq!(plain.manifest.to_bytes(), build(items(), &words, None, &Options::default(), None, &mut |_, _| ()).unwrap().manifest.to_bytes());
    assert!(folder.read(FILE, 1 << 20).is_ok());
}

#[test]
fn fused_index_refuses_other_encoders_than_were_learned_with() {
    let other = Words { name: "others", ..Words::new(TEXT) };
    assert!(matches!(built(None, &other), Err(Error::Mismatch(text)) if text.contains("others") && text.contains("words")));
}
