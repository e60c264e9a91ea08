//! Vectors of further modalities in an item shard: written, read, reused, and forged.

use palate::Result;
use palate::format::manifest::{Manifest, Model};
use palate::format::shard::{ItemShard, write_items};
use palate::format::space::{Embedded, Models};
use palate::format::tensors::Part;
use palate::index::catalog::{Catalog, IMAGE};

use super::forgery::Forgery;
use crate::catalogs::{model, rows};

/// Length of a picture's vector.
const SEEN: usize = 3;

fn embedded(n: i8) -> Embedded {
    Embedded { vector: vec![n, 127, -n], scale: 0.5, hash: 1 << 40 | n as u64 }
}

fn others() -> Models {
    Models::from([(IMAGE.to_string(), Model { id: model("eye", SEEN).id, dim: SEEN, file: None, in_text_space: false })])
}

/// Two items, the second of which has a picture.
fn shard() -> Vec<u8> {
    let mut rows = rows(1, 2, 2);
    rows[1].others.insert(IMAGE.into(), embedded(5));
    write_items(&model("words", 2).id, 2, (0, 1), rows, &others()).unwrap()
}

fn parsed(forgery: Forgery) -> Result<ItemShard> {
    ItemShard::parse(forgery.bytes(), "a shard")
}

#[test]
fn space_rows_come_back_as_they_went_in() {
    let shard = ItemShard::parse(shard(), "a shard").unwrap();
    let space = shard.space(IMAGE).unwrap();
    assert_eq!((space.to_row(0), space.to_row(1)), (None, Some(embedded(5))));
    assert_eq!((space.dim, &space.model), (SEEN, &model("eye", SEEN).id));
    assert!(shard.space("audio").is_none());
    assert_eq!(shard.to_row(1).others[IMAGE], embedded(5));
    assert!(shard.to_row(0).others.is_empty());
}

#[test]
fn space_of_another_length_is_refused_when_written() {
    let mut rows = rows(1, 1, 2);
    rows[0].others.insert(IMAGE.into(), Embedded { vector: vec![1; SEEN + 1], ..embedded(1) });
    let error = write_items(&model("words", 2).id, 2, (0, 1), rows, &others()).unwrap_err();
    assert!(error.code() == "bad-input" && error.to_string().contains("4 numbers, expected 3"), "{error}");
}

#[test]
fn space_forgeries_with_a_sound_container_are_refused() {
    let forged = || Forgery::of(shard());
    assert_eq!(parsed(forged()).unwrap().len(), 2);
    let cases = [
        ("scales.image", forged().without("scales.image")),
        ("hashes.image", forged().without("hashes.image")),
        ("shape", forged().replacing(Part::i8("vectors.image", &[6], &[0; 6]))),
        ("shape", forged().replacing(Part::i8("vectors.image", &[3, 2], &[0; 6]))),
        ("shape", forged().replacing(Part::i8("vectors.image", &[2, 0], &[]))),
        ("vectors.image", forged().replacing(Part::f32("vectors.image", &[2, 3], &[0.0; 6]))),
        ("scales", forged().replacing(Part::f32("scales.image", &[3], &[0.0; 3]))),
        ("scales", forged().replacing(Part::f32("scales.image", &[2], &[f32::NAN, 0.0]))),
        ("scale 0", forged().replacing(Part::f32("scales.image", &[2], &[-0.5, 0.0]))),
        ("scale 1", forged().replacing(Part::f32("scales.image", &[2], &[0.0, 7.0]))),
        ("hash", forged().replacing(Part::u32("hashes.image", &[1, 2], &[0; 2]))),
        // Vectors of a modality that nobody made.
        ("model.sound", forged().with(Part::i8("vectors.sound", &[2, 1], &[0; 2]))),
    ];
    for (word, forgery) in cases {
        let error = parsed(forgery).map(|s| s.len()).unwrap_err();
        assert_eq!(error.code(), "corrupt", "{word}: {error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

/// The manifest and the shards must agree on the model of the pictures.
#[test]
fn space_models_of_manifest_and_shard_agree() {
    use palate::format::manifest::{Kind, Shard};
    let open = |bytes: Vec<u8>, models: Models| {
        let shards = vec![Shard::of(Kind::Items, &bytes, 2)];
        let mut models = models;
        models.insert("text".into(), model("words", 2));
        Catalog::open(&Manifest { items: 2, models, shards, ..Manifest::default() }, vec![bytes.into()])
    };
    let catalog = open(shard(), others()).unwrap();
    let mut scores = [0.0; 2];
    catalog.scan_other(IMAGE, &[0.0, 1.0, 0.0], &mut scores).unwrap();
    assert!(scores[1] > 0.9 && scores[0] == 0.0 && catalog.has_other(IMAGE, 1) && !catalog.has_other(IMAGE, 0), "{scores:?}");
    assert_eq!(catalog.scan_other(IMAGE, &[1.0; 2], &mut scores).unwrap_err().code(), "mismatch");
    assert_eq!(catalog.scan_other("audio", &[1.0; 3], &mut scores).unwrap_err().code(), "bad-input");

    // A manifest of an older build names no image model: the vectors are passed over.
    let plain = open(shard(), Models::new()).unwrap();
    assert!(plain.other_model(IMAGE).is_none() && !plain.is_empty());
    let other = Models::from([(IMAGE.to_string(), model("other", SEEN))]);
    assert_eq!(open(shard(), other).unwrap_err().code(), "mismatch");
    let without = write_items(&model("words", 2).id, 2, (0, 1), rows(1, 2, 2), &Models::new()).unwrap();
    assert_eq!(open(without, others()).unwrap_err().code(), "corrupt");
}
