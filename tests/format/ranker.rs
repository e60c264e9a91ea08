//! Ranker shards: round trips, damage at every byte, and forgeries whose container is sound.

use palate::format::manifest::{Kind, Shard};
use palate::format::clock::Clock;
use palate::format::gaps;
use palate::format::ranker::{Factors, Pairs, Ranker, Rows, Sequence, Trained, Weights, write};
use palate::format::tensors::Part;
use palate::rank::learned::sequence::{BlockLayout, Shape};
use palate::rank::learned::shipped::Shipped;
use palate::rank::learned::terms::{Term, history_of};
use palate::{Error, Result};

use super::forgery::Forgery;
use crate::catalogs::Seeded;

const ITEMS: usize = 6;

/// One term of each kind over six items.
fn ranker(seed: u64) -> Ranker {
    let mut chance = Seeded(seed);
    let mut bytes = |n: usize| (0..n).map(|_| chance.next() as i8).collect::<Vec<i8>>();
    let rows = Rows {
        offsets: vec![0, 2, 2, 3, 5, 5, 6],
        columns: vec![1, 5, 0, 2, 4, 3],
        values: bytes(6),
        scales: vec![0.01, 1.0, 0.5, 0.02, 1.0, 0.1],
        base: vec![-0.25, 0.0, 0.5, 0.125, 0.0, 0.0],
    };
    let factors = Factors { dim: 2, values: bytes(2 * ITEMS), scales: vec![0.01; ITEMS], gram: vec![2.0, 0.5, 0.5, 1.0], alpha0: 0.1, lambda: 0.01, nu: 1.0 };
    let shape = Shape { items: ITEMS, dim: 4, heads: 2, blocks: 1, window: 3, hidden: 4 };
    let parameters = BlockLayout::new(&shape).len + 8;
    let sequence = Sequence {
        dim: 4,
        sizes: [2, 1, 3, 4],
        table: bytes(4 * ITEMS),
        scales: vec![0.01; ITEMS],
        blocks: bytes(parameters).into_iter().map(|b| f32::from(b) / 256.0).collect(),
    };
    let pairs = Pairs {
        offsets: vec![0, 2, 2, 3, 5, 5, 5],
        columns: vec![1, 5, 4, 4, 5],
        values: bytes(5),
        scales: vec![0.01, 1.0, 0.5, 0.02, 1.0, 0.1],
        heights: vec![1.0, 0.5, 0.0, 2.0, 30.0, 4.0],
    };
    let term = |name: &str, gain, tau, weights| Trained { name: name.into(), gain, tau, weights };
    Ranker {
        keys: 0xfedc_ba98_7654_3210,
        users: 9,
        popularity: vec![9, 0, 3, 4, 0, 1],
        by_deviation: seed % 2 == 1,
        unit: 0.375,
        terms: vec![
            term("popularity", 0.3, f32::INFINITY, Weights::Popularity),
            term("ease", 1.0, 8.0, Weights::Rows(rows.clone())),
            term("transitions", 0.5, 2.0, Weights::Rows(Rows { base: Vec::new(), ..rows })),
            term("ials", 2.0, f32::INFINITY, Weights::Factors(factors)),
            term("sequence", 0.25, f32::INFINITY, Weights::Sequence(sequence)),
            term("ease-content", 0.75, 4.0, Weights::Pairs(pairs)),
        ],
        clock: (seed % 2 == 0).then(|| Clock { groups: vec![0, 1, 255, 1, 0, 0], bias: (0..16).map(|n| n as f32 * 0.1 - 0.5).collect() }),
    }
}

/// Scores and explains with whatever was read.
fn touch(ranker: Ranker) {
    let items = ranker.popularity.len() as u32;
    if let Ok(shipped) = Shipped::open(ranker, "a ranker") {
        let history = history_of(&[0, 3, items.saturating_sub(1), items + 7]);
        let scores = shipped.blend.at(&history).scores(&history);
        assert_eq!(scores.len(), if shipped.blend.terms.is_empty() { 0 } else { items as usize });
        shipped.blend.shares(&history, 0);
    }
}

#[test]
fn ranker_survives_a_round_trip() {
    for seed in 0..4 {
        let before = ranker(seed);
        let bytes = write(&before).unwrap();
        let after = Ranker::parse(bytes.clone(), "a ranker").unwrap();
        assert_eq!(after, before);
        assert_eq!(write(&after).unwrap(), bytes, "the same ranker gives the same bytes");
        assert!(Shipped::open(after, "a ranker").is_ok());
    }
    let empty = Ranker { terms: Vec::new(), ..ranker(0) };
    assert_eq!(Ranker::parse(write(&empty).unwrap(), "a ranker").unwrap(), empty);
}

#[test]
fn ranker_of_many_items_takes_wider_gaps() {
    let items = (1 << 16) + 2;
    let last = items as u32 - 1;
    let mut offsets = vec![0u32; items + 1];
    offsets[items] = 3;
    let rows = Rows { offsets, columns: vec![300, 301, last], values: vec![7, -9, 1], scales: vec![1.0; items], base: Vec::new() };
    let term = Trained { name: "ease".into(), gain: 1.0, tau: f32::INFINITY, weights: Weights::Rows(rows) };
    let before = Ranker { popularity: vec![1; items], terms: vec![term], clock: None, ..ranker(0) };
    let bytes = write(&before).unwrap();
    assert_eq!(Ranker::parse(bytes, "a ranker").unwrap(), before);
}

#[test]
fn ranker_flipped_at_any_byte_is_caught_by_its_hash_and_never_panics_without() {
    let bytes = write(&ranker(2)).unwrap();
    let entry = Shard::of(Kind::Ranker, &bytes, ITEMS as u32);
    let mut refused = 0;
    for at in 0..bytes.len() {
        for flip in [0x01, 0x08, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            assert_eq!(entry.verify(&bad).unwrap_err().code(), "corrupt", "byte {at}");
            match Ranker::parse(bad, "a ranker") {
                Ok(ranker) => touch(ranker),
                Err(error) => {
                    assert!(matches!(error.code(), "corrupt" | "version"), "byte {at}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > bytes.len(), "{refused} of {} were seen without the hash", 4 * bytes.len());
}

#[test]
fn ranker_cut_at_any_byte_is_refused() {
    let bytes = write(&ranker(3)).unwrap();
    for end in 0..bytes.len() {
        assert_eq!(Ranker::parse(bytes[..end].to_vec(), "a ranker").unwrap_err().code(), "corrupt", "cut at {end}");
    }
    assert!(Ranker::parse([bytes.as_slice(), &[0; 8]].concat(), "a ranker").is_err());
}

#[test]
fn ranker_noise_never_panics() {
    let mut chance = Seeded(11);
    let bytes = write(&ranker(4)).unwrap();
    for _ in 0..3000 {
        let mut bad = bytes.clone();
        for _ in 0..1 + chance.below(8) {
            let at = chance.below(bad.len());
            bad[at] = chance.next() as u8;
        }
        if let Ok(ranker) = Ranker::parse(bad, "a ranker") {
            touch(ranker);
        }
    }
}

#[test]
fn ranker_gaps_are_as_long_as_they_are_said_to_be() {
    // Every length of a number, and both of its ends: 224 and 8,160 begin the next one.
    let wide: Vec<u32> = [0, 223, 224, 8159, 8160, 65_536, 200_000].iter().scan(0, |next, gap| { let column = *next + gap; *next = column + 1; Some(column) }).collect();
    let (items, count) = (300_000, wide.len() as u32);
    let mut offsets = vec![count; items + 1];
    offsets[0] = 0;
    let bytes = gaps::write(&offsets, &wide, false);
    assert_eq!(bytes.len(), 1 + 1 + 1 + 2 + 2 + 4 + 4 + 4 + (items - 1));
    assert_eq!(gaps::row_bytes(0, false, wide.iter().copied()), bytes.len() - (items - 1));
    assert_eq!(gaps::read(&bytes, items, false), Some((offsets, wide)));
    // Above the diagonal, the first gap counts from the column after the row.
    let (offsets, columns) = (vec![0, 2, 3, 3], vec![1, 2, 2]);
    let bytes = gaps::write(&offsets, &columns, true);
    assert_eq!(bytes, [2, 0, 0, 1, 0, 0]);
    assert_eq!(gaps::read(&bytes, 3, true), Some((offsets, columns)));
    for wrong in [&[2, 0, 0, 1, 0][..], &[2, 0, 0, 1, 0, 0, 0], &[2, 0, 1, 1, 0, 0], &[2, 0, 0, 1, 1, 0], &[255, 255, 255, 255]] {
        assert_eq!(gaps::read(wrong, 3, true), None, "{wrong:?}");
    }
}

/// As version 1 wrote it: ordinals of columns in place of gaps, and no pairs.
fn old() -> (Forgery, Ranker) {
    let mut ranker = ranker(0);
    ranker.terms.pop();
    let mut file = Forgery::of(write(&ranker).unwrap()).word("version", "1");
    for term in ["ease", "transitions"] {
        file = file.without(&format!("{term}.gaps")).with(Part::u32(format!("{term}.offsets"), &[7], &[0, 2, 2, 3, 5, 5, 6]));
        file = file.with(old_columns(term, [1, 5, 0, 2, 4, 3]));
    }
    (file, ranker)
}

fn old_columns(term: &str, columns: [u8; 6]) -> Part<'static> {
    let bytes: Vec<u8> = columns.into_iter().flat_map(|c| [c, 0]).collect();
    Part { shape: vec![6, 2], ..Part::u8(format!("{term}.columns"), bytes.leak()) }
}

#[test]
fn ranker_of_version_1_is_still_read_and_its_forgeries_are_refused() {
    let (file, wanted) = old();
    assert_eq!(parsed(file).unwrap(), wanted);
    let offsets = |offsets: &[u32]| Part::u32("ease.offsets", &[offsets.len()], offsets);
    let cases = [
        ("offsets", offsets(&[0, 2, 2, 3, 5, 6])),
        ("offsets", offsets(&[1, 2, 2, 3, 5, 5, 6])),
        ("offsets", offsets(&[0, 2, 1, 3, 5, 5, 6])),
        ("offsets", offsets(&[0, 2, 2, 3, 5, 5, u32::MAX])),
        ("columns", old_columns("ease", [5, 1, 0, 2, 4, 3])),
        ("columns", old_columns("ease", [1, 1, 0, 2, 4, 3])),
        ("past 6", old_columns("ease", [1, 6, 0, 2, 4, 3])),
        ("shape", Part { shape: vec![4, 3], ..Part::u8("ease.columns", &[0; 12]) }),
    ];
    for (word, part) in cases {
        let error = parsed(old().0.replacing(part)).map(|r| r.terms.len()).unwrap_err();
        assert!(error.code() == "corrupt" && error.to_string().contains(word), "{word}: {error}");
    }
}

/// A sound file of this kind, to be forged.
fn forged() -> Forgery {
    Forgery::of(write(&ranker(0)).unwrap())
}

fn parsed(forgery: Forgery) -> Result<Ranker> {
    Ranker::parse(forgery.bytes(), "a ranker")
}

#[test]
fn ranker_forgeries_with_a_sound_container_are_refused() {
    assert_eq!(parsed(forged()).unwrap(), ranker(0));
    let scales = |value: f32| Part::f32("ease.scales", &[6], &[value, 1.0, 1.0, 1.0, 1.0, 1.0]);
    let cases = [
        ("format", forged().word("format", "other")),
        ("kind", forged().word("kind", "items")),
        ("version", forged().word("version", "one")),
        ("users", forged().word("users", "4294967296")),
        ("people met", forged().word("users", "8")),
        ("keys", forged().word("keys", "no hash")),
        ("scale", forged().word("scale", "other")),
        ("unit", forged().word("unit", "0")),
        ("unit", forged().word("unit", "NaN")),
        ("unit", forged().word("unit", "inf")),
        ("gains", forged().word("terms", "popularity:popularity,ease:rows")),
        ("twice", forged().word("terms", "ease:rows,ease:rows,transitions:rows,ials:factors,sequence:sequence,ease-content:pairs")),
        ("none", forged().word("terms", "../x:rows,ease:rows,transitions:rows,ials:factors,sequence:sequence,ease-content:pairs")),
        ("unknown kind", forged().word("terms", "popularity:magic,ease:rows,transitions:rows,ials:factors,sequence:sequence,ease-content:pairs")),
        ("terms", forged().word("terms", &["a:popularity"; 17].join(","))),
        ("popularity", forged().without("popularity")),
        ("gains", forged().replacing(Part::f32("gains", &[6], &[1.0, -0.5, 1.0, 1.0, 1.0, 1.0]))),
        ("gains", forged().replacing(Part::f32("gains", &[6], &[1.0, f32::NAN, 1.0, 1.0, 1.0, 1.0]))),
        ("taus", forged().replacing(Part::f32("taus", &[4], &[1.0; 4]))),
        // Sound are [2, 1, 3, 0, 1, 0, 2, 2, 1, 0, 1, 3] and [2, 0, 3, 0, 1, 1, 2, 0, 0, 0, 0].
        ("gaps", forged().replacing(Part::u8("ease.gaps", &[2, 1, 4, 0, 1, 0, 2, 2, 1, 0, 1, 3]))),
        ("gaps", forged().replacing(Part::u8("ease.gaps", &[2, 1, 3, 0, 1, 0, 2, 2, 1, 0, 1]))),
        ("gaps", forged().replacing(Part::u8("ease.gaps", &[2, 1, 3, 0, 1, 0, 2, 2, 1, 0, 0]))),
        ("gaps", forged().replacing(Part::u8("ease.gaps", &[224, 0, 3, 0, 1, 0, 2, 2, 1, 0, 1, 3]))),
        ("gaps", forged().replacing(Part::u8("ease-content.gaps", &[2, 0, 4, 0, 1, 1, 2, 0, 0, 0, 0]))),
        ("gaps", forged().replacing(Part::u8("ease-content.gaps", &[2, 0, 3, 0, 1, 1, 2, 0, 0, 0, 1, 0]))),
        ("heights", forged().replacing(Part::f32("ease-content.heights", &[6], &[1.0, 1.0, 1.0, -1.0, 1.0, 1.0]))),
        ("heights", forged().replacing(Part::f32("ease-content.heights", &[5], &[1.0; 5]))),
        ("values", forged().replacing(Part::f32("ease.values", &[6], &[0.0; 6]))),
        ("scales", forged().replacing(scales(f32::INFINITY))),
        ("scales", forged().replacing(scales(-1.0))),
        ("scales", forged().replacing(scales(1e30))),
        ("base", forged().replacing(Part::f32("ease.base", &[2], &[0.0; 2]))),
        ("vectors", forged().replacing(Part::i8("ials.vectors", &[5, 2], &[0; 10]))),
        ("vectors", forged().replacing(Part::i8("ials.vectors", &[12], &[0; 12]))),
        ("gram", forged().replacing(Part::f32("ials.gram", &[3], &[0.0; 3]))),
        ("fold", forged().replacing(Part::f32("ials.fold", &[3], &[0.1, 0.0, 1.0]))),
        ("fold", forged().replacing(Part::f32("ials.fold", &[3], &[0.1, 0.1, 9.0]))),
        ("sizes", forged().replacing(Part::u32("sequence.sizes", &[4], &[3, 1, 3, 4]))),
        ("sizes", forged().replacing(Part::u32("sequence.sizes", &[4], &[2, 1, u32::MAX, 4]))),
        ("sizes", forged().replacing(Part::u32("sequence.sizes", &[2], &[2, 1]))),
        ("blocks", forged().replacing(Part::f32("sequence.blocks", &[1], &[f32::NAN]))),
    ];
    for (word, forgery) in cases {
        let error = parsed(forgery).map(|r| r.terms.len()).unwrap_err();
        assert_eq!(error.code(), "corrupt", "{word}: {error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    // How many parameters an encoder needs is known above this room: there it is refused.
    let short = parsed(forged().replacing(Part::f32("sequence.blocks", &[2], &[0.0; 2]))).unwrap();
    assert_eq!(Shipped::open(short, "a ranker").map(|_| ()).unwrap_err().code(), "corrupt");
}

#[test]
fn ranker_of_a_newer_version_is_named() {
    let error = parsed(forged().word("version", "3")).map(|r| r.terms.len()).unwrap_err();
    assert_eq!(error, Error::Version { what: "a ranker".into(), found: 3, supported: 2 });
}

#[test]
fn ranker_writer_refuses_parts_that_do_not_fit() {
    let mut wrong = ranker(0);
    wrong.popularity.pop();
    assert_eq!(write(&wrong).unwrap_err().code(), "internal");
    let mut wrong = ranker(0);
    wrong.terms[1].name = "Not a name".into();
    assert_eq!(write(&wrong).unwrap_err().code(), "internal");
}
