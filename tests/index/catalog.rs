//! The catalog: keys and ordinals, what it holds, what it refuses, and the k best.

use std::cmp::Ordering;
use std::sync::Arc;

use palate::format::manifest::{Kind, Shard};
use palate::index::build::{ITEMS_PER_SHARD, buckets};
use palate::index::Catalog;

use crate::catalogs::{Seeded, catalog, index, model, rows};

#[test]
fn catalog_finds_every_key_at_its_ordinal() {
    let rows = rows(21, 9000, 3);
    let catalog = catalog(rows.clone(), 3);
    assert_eq!(catalog.len(), rows.len());
    let mut seen = vec![false; rows.len()];
    for row in &rows {
        let ordinal = catalog.ordinal(&row.key).expect("every key is there");
        assert!(!std::mem::replace(&mut seen[ordinal as usize], true), "one ordinal for two keys");
        assert_eq!(catalog.key(ordinal), row.key);
        assert_eq!(catalog.item(ordinal), row.metadata);
        assert_eq!(catalog.field(ordinal, "title"), row.metadata.get("title").cloned());
        assert_eq!(catalog.has_vector(ordinal), row.scale > 0.0);
        let vector = catalog.vector(ordinal);
        for (value, &q) in vector.iter().zip(&row.vector) {
            assert_eq!(*value, f32::from(q) * row.scale);
        }
    }
    assert_eq!(catalog.ordinal("nobody"), None);
    let past = catalog.len() as u32;
    assert_eq!((catalog.key(past), catalog.item(past).len(), catalog.vector(past)), ("", 0, vec![0.0; 3]));
    assert_eq!(catalog.key(u32::MAX), "");
}

#[test]
fn catalog_does_not_depend_on_the_order_of_the_rows() {
    let forward = rows(22, 6000, 3);
    let mut backward = forward.clone();
    backward.reverse();
    assert_eq!(index(forward, 3), index(backward, 3));
}

#[test]
fn catalog_buckets_hold_two_to_four_thousand_items() {
    assert_eq!((buckets(0), buckets(1), buckets(ITEMS_PER_SHARD), buckets(ITEMS_PER_SHARD + 1)), (1, 1, 1, 2));
    for n in [5_000, 9_742, 100_000, 1_000_000] {
        let average = n / buckets(n) as usize;
        assert!((2000..=4096).contains(&average), "{n} items: {average} a bucket");
    }
    let (manifest, _) = index(rows(23, 20_000, 1), 1);
    for shard in &manifest.shards {
        assert!((2200..2800).contains(&shard.items), "20000 items in 8 buckets: {}", shard.items);
    }
}

#[test]
fn catalog_without_items_answers() {
    let catalog = catalog(Vec::new(), 4);
    assert!(catalog.is_empty());
    assert_eq!(catalog.ordinal("a"), None);
    catalog.scan(&[1.0; 4], &mut []).unwrap();
    assert_eq!(catalog.top_k(&[], 5, |_| true), vec![]);
}

#[test]
fn catalog_of_one_item_in_many_buckets_cannot_take_the_memory() {
    use palate::format::shard::write_items;
    let row = rows(24, 1, 2).remove(0);
    let of = 1u32 << 31;
    let at = palate::format::digest::bucket(&row.key, of);
    let bytes = write_items(&model("words", 2).id, 2, (at, of), vec![row], &Default::default()).unwrap();
    let (mut manifest, _) = index(rows(24, 1, 2), 2);
    manifest.shards = vec![Shard::of(Kind::Items, &bytes, 1)];
    assert_eq!(Catalog::open(&manifest, vec![Arc::new(bytes)]).unwrap_err().code(), "corrupt");
}

#[test]
fn catalog_refuses_parts_that_do_not_belong_together() {
    let (manifest, files) = index(rows(25, 9000, 3), 3);
    assert!(manifest.shards.len() > 2);
    let open = |manifest, files| Catalog::open(manifest, files).map(|c| c.len());
    assert_eq!(open(&manifest, files.clone()), Ok(9000));

    let mut other = manifest.clone();
    other.models.get_mut("text").unwrap().id = model("another", 3).id;
    let error = open(&other, files.clone()).unwrap_err();
    assert_eq!(error.code(), "mismatch");
    assert!(error.to_string().contains("another") && error.to_string().contains("words"), "{error}");

    let mut wide = manifest.clone();
    wide.models.get_mut("text").unwrap().dim = 4;
    assert_eq!(open(&wide, files.clone()).unwrap_err().code(), "mismatch");

    let mut modelless = manifest.clone();
    modelless.models.clear();
    assert_eq!(open(&modelless, files.clone()).unwrap_err().code(), "corrupt");

    let mut twice = files.clone();
    twice[1] = twice[0].clone();
    let mut same = manifest.clone();
    same.shards[1] = same.shards[0].clone();
    assert!(open(&same, twice).unwrap_err().to_string().contains("twice"));

    let mut swapped = files.clone();
    swapped.swap(0, 1);
    assert_eq!(open(&manifest, swapped).unwrap_err().code(), "corrupt");
    assert_eq!(open(&manifest, files[1..].to_vec()).unwrap_err().code(), "internal");

    // A shard of an index that is divided otherwise.
    let (small, small_files) = index(rows(26, 10, 3), 3);
    let mut mixed = manifest.clone();
    mixed.shards[0] = small.shards[0].clone();
    let mut mixed_files = files;
    mixed_files[0] = small_files[0].clone();
    assert!(open(&mixed, mixed_files).unwrap_err().to_string().contains("bucket"));
}

#[test]
fn catalog_scan_covers_every_shard_and_names_a_wrong_query() {
    let catalog = catalog(rows(27, 9000, 24), 24);
    let query = Seeded(28).vector(24);
    let mut scores = vec![f32::NAN; catalog.len()];
    catalog.scan(&query, &mut scores).unwrap();
    let norm = query.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    for ordinal in 0..catalog.len() as u32 {
        let vector = catalog.vector(ordinal);
        let exact: f64 = vector.iter().zip(&query).map(|(a, b)| f64::from(*a) * f64::from(*b) / norm).sum();
        assert!((f64::from(scores[ordinal as usize]) - exact).abs() <= 5e-5, "{ordinal}");
    }
    let error = catalog.scan(&query[1..], &mut scores).unwrap_err();
    assert_eq!(error.code(), "mismatch");
    assert!(error.to_string().contains("23 numbers"), "{error}");
    assert_eq!(catalog.scan(&query, &mut scores[1..]).unwrap_err().code(), "internal");
}

#[test]
fn catalog_top_k_equals_a_full_sort_with_ties_by_key() {
    let catalog = catalog(rows(29, 5000, 1), 1);
    let mut chance = Seeded(30);
    for levels in [1, 3, 50, 1 << 20] {
        let mut scores: Vec<f32> = (0..catalog.len()).map(|_| (chance.signed() * levels as f32).round() / levels as f32).collect();
        for special in [f32::NAN, f32::NEG_INFINITY, -0.0, f32::INFINITY] {
            for _ in 0..20 {
                scores[chance.below(catalog.len())] = special;
            }
        }
        let keep = |ordinal: u32| ordinal % 7 != 3;
        let mut all: Vec<u32> = (0..catalog.len() as u32).filter(|&o| keep(o) && scores[o as usize] > f32::NEG_INFINITY).collect();
        all.sort_by(|&a, &b| {
            let by_score = scores[b as usize].partial_cmp(&scores[a as usize]).unwrap_or(Ordering::Equal);
            by_score.then_with(|| catalog.key(a).cmp(catalog.key(b)))
        });
        for k in [0, 1, 2, 20, 999, 5000, usize::MAX] {
            let best = catalog.top_k(&scores, k, keep);
            let ordinals: Vec<u32> = best.iter().map(|hit| hit.0).collect();
            assert_eq!(ordinals, all[..k.min(all.len())], "{levels} levels, k = {k}");
            assert!(best.iter().all(|&(o, score)| score == scores[o as usize]));
        }
    }
}
