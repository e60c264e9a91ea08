//! Item shards: round trips, damage at every byte, and forgeries whose container is sound.

use palate::format::digest::bucket;
use palate::format::manifest::{Kind, Shard};
use palate::format::shard::{ItemShard, Row, write_items};
use palate::format::space::Models;
use palate::format::tensors::Part;
use palate::{Error, Result};

use super::forgery::Forgery;
use crate::catalogs::{Seeded, model, rows};

const DIM: usize = 5;

fn shard(seed: u64, n: usize) -> (Vec<Row>, Vec<u8>) {
    let mut rows = rows(seed, n, DIM);
    let bytes = write_items(&model("words", DIM).id, DIM, (0, 1), rows.clone(), &Models::new()).unwrap();
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    (rows, bytes)
}

/// Reads everything that a shard offers.
fn touch(shard: &ItemShard) -> usize {
    (0..shard.len())
        .map(|row| {
            let same = shard.to_row(row);
            assert_eq!(shard.row(shard.key(row)), Some(row));
            same.metadata.len() + same.vector.len()
        })
        .sum()
}

#[test]
fn shard_survives_a_round_trip() {
    for seed in 0..20 {
        let (rows, bytes) = shard(seed, 1 + seed as usize * 7);
        let parsed = ItemShard::parse(bytes.clone(), "a shard").unwrap();
        assert_eq!((0..parsed.len()).map(|row| parsed.to_row(row)).collect::<Vec<_>>(), rows);
        assert_eq!(parsed.row("nobody"), None);
        let mut shuffled = rows;
        shuffled.reverse();
        assert_eq!(write_items(&model("words", DIM).id, DIM, (0, 1), shuffled, &Models::new()).unwrap(), bytes, "order must not matter");
    }
}

#[test]
fn shard_flipped_at_any_byte_is_caught_by_its_hash_and_never_panics_without() {
    let (_, bytes) = shard(4, 12);
    let entry = Shard::of(Kind::Items, &bytes, 12);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x08, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            assert_eq!(entry.verify(&bad).unwrap_err().code(), "corrupt", "byte {at}");
            if let Ok(shard) = ItemShard::parse(bad, "a shard") {
                touch(&shard);
            }
        }
    }
}

#[test]
fn shard_cut_at_any_byte_is_refused() {
    let (_, bytes) = shard(5, 12);
    for end in 0..bytes.len() {
        assert!(ItemShard::parse(bytes[..end].to_vec(), "a shard").is_err(), "cut at {end}");
    }
    let longer = [bytes.as_slice(), &[0; 8]].concat();
    assert!(ItemShard::parse(longer, "a shard").is_err());
}

#[test]
fn shard_header_bombs_are_refused() {
    let header = |json: &str| [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat();
    let huge = usize::MAX;
    for bad in [
        u64::MAX.to_le_bytes().to_vec(),
        (100u64 << 20).to_le_bytes().to_vec(),
        [&(1u64 << 40).to_le_bytes()[..], &[b'{'; 64]].concat(),
        header(&format!("{{\"vectors\":{{\"dtype\":\"I8\",\"shape\":[{huge},{huge}],\"data_offsets\":[0,1]}}}}")),
        header(&format!("{{\"vectors\":{{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[{huge},{huge}]}}}}")),
        header("{\"vectors\":{\"dtype\":\"I8\",\"shape\":[0,0],\"data_offsets\":[0,0]}}"),
        header(&"[".repeat(100_000)),
        header("{}"),
        Vec::new(),
    ] {
        assert_eq!(ItemShard::parse(bad, "a shard").unwrap_err().code(), "corrupt");
    }
}

/// A sound file of this kind, to be forged.
fn forged() -> Forgery {
    Forgery::of(write_items(&model("words", 2).id, 2, (0, 1), crate::catalogs::rows(1, 2, 2), &Models::new()).unwrap())
}

fn parsed(forgery: Forgery) -> Result<ItemShard> {
    ItemShard::parse(forgery.bytes(), "a shard")
}

fn text(bytes: &'static [u8]) -> Part<'static> {
    Part::u8("keys.bytes", bytes)
}

#[test]
fn shard_forgeries_with_a_sound_container_are_refused() {
    assert_eq!(parsed(forged()).unwrap().len(), 2);
    let keys = |offsets: &[u32]| Part::u32("keys.offsets", &[offsets.len()], offsets);
    let long = "x".repeat(10);
    let cases = [
        ("format", forged().word("format", "other")),
        ("kind", forged().word("kind", "ranker")),
        ("version", forged().word("version", "one")),
        ("bucket", forged().word("buckets", "3")),
        ("bucket", forged().word("bucket", "1")),
        ("bucket", forged().word("bucket", "99999999999")),
        ("bucket", forged().word("buckets", "0")),
        ("vectors", forged().without("vectors")),
        ("shape", forged().with(Part::i8("vectors", &[4], &[0; 4]))),
        ("shape", forged().with(Part::i8("vectors", &[2, 0], &[]))),
        ("vectors", forged().with(Part::f32("vectors", &[2, 2], &[0.0; 4]))),
        ("scales", forged().with(Part::f32("scales", &[3], &[0.0; 3]))),
        ("scales", forged().with(Part::f32("scales", &[2], &[f32::NAN, 0.0]))),
        ("scale", forged().with(Part::f32("scales", &[2], &[-0.5, 0.0]))),
        ("scale", forged().with(Part::f32("scales", &[2], &[2.0, 0.0]))),
        ("hash", forged().with(Part::u32("hashes", &[1, 2], &[0; 2]))),
        ("offsets", forged().with(text(b"ab")).with(keys(&[0, 1]))),
        ("offsets", forged().with(text(b"ab")).with(keys(&[1, 1, 2]))),
        ("offsets", forged().with(text(b"ab")).with(keys(&[0, 1, u32::MAX]))),
        ("offset", forged().with(text(b"ab")).with(keys(&[0, 3, 2]))),
        ("offset", forged().with(text("é".as_bytes())).with(keys(&[0, 1, 2]))),
        ("UTF-8", forged().with(text(b"a\xff")).with(keys(&[0, 1, 2]))),
        ("key 1", forged().with(text(b"ba")).with(keys(&[0, 1, 2]))),
        ("key 1", forged().with(text(b"aa")).with(keys(&[0, 1, 2]))),
        ("key 0", forged().with(text(b"ab")).with(keys(&[0, 0, 2]))),
        ("not JSON", forged().with(Part::u8("meta.title.bytes", b"\"a\"nope")).with(Part::u32("meta.title.offsets", &[3], &[0, 3, 7]))),
        ("numbers", forged().with(Part::f64("meta.size.numbers", &[1], &[1.0]))),
        ("meta.lone", forged().with(Part::u8("meta.lone.bytes", b"1"))),
    ];
    for (word, forgery) in cases {
        let error = parsed(forgery).map(|s| s.len()).unwrap_err();
        assert_eq!(error.code(), "corrupt", "{word}: {error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    let (a, b) = (bucket("a", 2), bucket(&long, 2));
    assert!(a < 2 && b < 2);
}

#[test]
fn shard_keys_of_another_bucket_are_refused() {
    let row = rows(2, 1, DIM).remove(0);
    let (at, other) = (bucket(&row.key, 2), 1 - bucket(&row.key, 2));
    let id = model("words", DIM).id;
    assert!(write_items(&id, DIM, (at, 2), vec![row.clone()], &Models::new()).is_ok());
    assert_eq!(write_items(&id, DIM, (other, 2), vec![row], &Models::new()).unwrap_err().code(), "internal");
    let error = parsed(forged().word("buckets", "4096")).map(|s| s.len()).unwrap_err();
    assert!(error.to_string().contains("bucket"), "{error}");
}

#[test]
fn shard_of_a_newer_version_is_named() {
    let error = parsed(forged().word("version", "2")).map(|s| s.len()).unwrap_err();
    assert_eq!(error, Error::Version { what: "a shard".into(), found: 2, supported: 1 });
}

#[test]
fn shard_writer_refuses_duplicates_and_wrong_dimensions() {
    let rows = rows(3, 2, DIM);
    let id = model("words", DIM).id;
    let twice = write_items(&id, DIM, (0, 1), vec![rows[0].clone(), rows[0].clone()], &Models::new()).unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
    let wrong = write_items(&id, DIM + 1, (0, 1), rows, &Models::new()).unwrap_err();
    assert!(wrong.to_string().contains("expected 6"), "{wrong}");
}

#[test]
fn shard_noise_never_panics() {
    let mut chance = Seeded(9);
    let (_, bytes) = shard(6, 8);
    for _ in 0..3000 {
        let mut bad = bytes.clone();
        for _ in 0..1 + chance.below(8) {
            let at = chance.below(bad.len());
            bad[at] = chance.next() as u8;
        }
        if let Ok(shard) = ItemShard::parse(bad, "a shard") {
            touch(&shard);
        }
    }
}
