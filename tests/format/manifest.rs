//! The manifest: round trips, and everything that can be wrong with one.

use std::collections::BTreeMap;

use palate::Error;
use palate::format::manifest::{Kind, Manifest, Shard, VERSION};
use palate::format::pack::hex;
use palate::format::signature::{public_key, signed_bytes, signed_part, with_signature};
use palate::platform::native::Signer;
use palate::platform::native::signing::verify;
use serde_json::{Value, json};

use crate::catalogs::{Seeded, index, rows};

fn sample() -> Manifest {
    let (mut manifest, _) = index(rows(1, 50, 8), 8);
    manifest.attribution = Some("Drawings by \"somebody\"\nCC BY-SA 4.0 — 漢".into());
    manifest.shards.push(Shard::of(Kind::Ranker, b"matrices", 50));
    manifest.shards.push(Shard::of(Kind::Other("later".into()), b"who knows", 0));
    manifest.extra.insert("newMember".into(), json!({"kept": [1, 2.5, null]}));
    manifest.shards[0].extra.insert("codec".into(), json!("none"));
    manifest.models.get_mut("text").unwrap().file = Some("models/minilm.safetensors".into());
    manifest
}

/// The sample with one change to its JSON.
fn changed(change: impl FnOnce(&mut Value)) -> palate::Result<Manifest> {
    let mut value: Value = serde_json::from_slice(&sample().to_bytes()).unwrap();
    change(&mut value);
    Manifest::parse(value.to_string().as_bytes())
}

#[test]
fn manifest_survives_a_round_trip_with_members_it_does_not_know() {
    let manifest = sample();
    let bytes = manifest.to_bytes();
    assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
    assert_eq!(Manifest::parse(&bytes).unwrap().to_bytes(), bytes);
    let empty = Manifest::default();
    assert_eq!(Manifest::parse(&empty.to_bytes()).unwrap(), empty);
}

#[test]
fn manifest_of_a_newer_version_is_named() {
    let error = changed(|m| m["version"] = json!(VERSION + 1)).unwrap_err();
    assert_eq!(error, Error::Version { what: "the manifest".into(), found: VERSION + 1, supported: VERSION });
    assert!(error.to_string().contains("Update palate"), "{error}");
}

#[test]
fn manifest_that_contradicts_itself_or_overflows_is_refused() {
    type Change = Box<dyn FnOnce(&mut Value)>;
    let cases: Vec<(&str, Change)> = vec![
        ("format", Box::new(|m| m["format"] = json!("other"))),
        ("version", Box::new(|m| m["version"] = json!(-1))),
        ("version", Box::new(|m| m["version"] = json!("1"))),
        ("items", Box::new(|m| m["items"] = json!(51))),
        ("items", Box::new(|m| m["items"] = json!(u64::from(u32::MAX) + 1))),
        ("items", Box::new(|m| m["items"] = json!(1.5))),
        ("items", Box::new(|m| m["shards"][0]["items"] = json!(u32::MAX))),
        ("shards", Box::new(|m| m["shards"] = json!({}))),
        ("shard 0", Box::new(|m| m["shards"][0] = json!(1))),
        ("bytes", Box::new(|m| m["shards"][0]["bytes"] = json!(u64::MAX))),
        ("bytes", Box::new(|m| m["shards"][0]["bytes"] = json!(1e300))),
        ("sha256", Box::new(|m| m["shards"][0]["sha256"] = json!("AB".repeat(32)))),
        ("sha256", Box::new(|m| m["shards"][0]["sha256"] = json!("ab"))),
        ("twice", Box::new(|m| m["shards"][1]["file"] = m["shards"][0]["file"].clone())),
        ("file name", Box::new(|m| m["shards"][0]["file"] = json!("../items"))),
        ("file name", Box::new(|m| m["shards"][0]["file"] = json!("a/b"))),
        ("file name", Box::new(|m| m["shards"][0]["file"] = json!("https:evil"))),
        ("file name", Box::new(|m| m["shards"][0]["file"] = json!("..")),),
        ("file name", Box::new(|m| m["shards"][0]["file"] = json!("")),),
        ("numbers", Box::new(|m| m["models"]["text"]["dim"] = json!(0))),
        ("numbers", Box::new(|m| m["models"]["text"]["dim"] = json!(1u64 << 40))),
        ("model", Box::new(|m| m["models"]["text"] = json!([]))),
        ("models", Box::new(|m| m["models"] = json!("text"))),
        ("name", Box::new(|m| m["models"]["text"]["name"] = json!(7))),
        ("field", Box::new(|m| m["fields"]["title"] = json!("text"))),
        ("attribution", Box::new(|m| m["attribution"] = json!(["a"]))),
        ("signature", Box::new(|m| m["signature"] = json!("00"))),
    ];
    for (word, change) in cases {
        let error = changed(change).unwrap_err();
        assert_eq!(error.code(), "corrupt", "{error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

#[test]
fn manifest_cut_at_any_byte_is_refused() {
    let bytes = sample().to_bytes();
    for end in 0..bytes.len() - 1 {
        assert!(Manifest::parse(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn manifest_flipped_anywhere_never_panics_and_never_lies_about_totals() {
    let bytes = sample().to_bytes();
    let mut refused = 0;
    for at in 0..bytes.len() {
        for flip in [0x01, 0x10, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            match Manifest::parse(&bad) {
                Err(_) => refused += 1,
                Ok(m) => assert_eq!(m.shards_of(&Kind::Items).map(|s| s.items).sum::<u32>(), m.items),
            }
        }
    }
    assert!(refused > bytes.len(), "only {refused} of {} flips were refused", 4 * bytes.len());
}

#[test]
fn manifest_bombs_are_refused() {
    let deep = "[".repeat(1_000_000);
    assert!(Manifest::parse(deep.as_bytes()).is_err());
    let nested = format!("{{\"format\":\"palate-index\",\"version\":1,\"items\":0,\"shards\":[],\"x\":{}1{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
    assert!(Manifest::parse(nested.as_bytes()).is_err());
    assert!(Manifest::parse(&vec![b' '; (64 << 20) + 1]).unwrap_err().to_string().contains("at most"));
    let mut chance = Seeded(3);
    for _ in 0..2000 {
        let noise: Vec<u8> = (0..chance.below(200)).map(|_| chance.next() as u8).collect();
        assert!(Manifest::parse(&noise).is_err());
    }
}

#[test]
fn manifest_shard_is_verified_by_size_and_hash() {
    let shard = Shard::of(Kind::Items, b"content", 1);
    assert!(shard.file.starts_with("items-") && shard.file.ends_with(".safetensors"), "{}", shard.file);
    shard.verify(b"content").unwrap();
    assert!(shard.verify(b"contents").unwrap_err().to_string().contains("8 bytes"));
    assert!(shard.verify(b"Content").unwrap_err().to_string().contains("SHA-256"));
}

#[test]
fn manifest_signature_stands_last_and_covers_all_before_it() {
    let manifest = sample();
    let unsigned = manifest.to_bytes();
    let signature = "0123456789abcdef".repeat(8);
    let signed = with_signature(&unsigned, &signature);
    let parsed = Manifest::parse(&signed).unwrap();
    assert_eq!(parsed.signature.as_deref(), Some(signature.as_str()));
    assert_eq!(parsed.to_bytes(), signed);
    let (covered, found) = signed_part(&signed).unwrap();
    assert_eq!((covered, hex(&found)), (signed_bytes(&unsigned), signature.clone()));
    assert_eq!(covered.len() + ",\n  \"signature\": \"".len() + 128 + "\"\n}\n".len(), signed.len());
    // Anything before, inside or behind the signature's place is seen.
    assert!(signed_part(&unsigned).is_err());
    for bad in [[signed.as_slice(), b" "].concat(), signed[..signed.len() - 1].to_vec()] {
        assert!(signed_part(&bad).is_err());
    }
}

#[test]
fn manifest_models_are_optional_but_never_half() {
    let manifest = changed(|m| {
        m.as_object_mut().unwrap().remove("models");
    });
    assert_eq!(manifest.unwrap().models, BTreeMap::new());
    assert!(changed(|m| drop(m["models"]["text"].as_object_mut().unwrap().remove("sha256"))).is_err());
}

#[test]
fn manifest_signature_is_broken_by_any_flip_and_any_cut() {
    let signer = Signer::fresh().unwrap();
    let key = public_key(&signer.public()).unwrap();
    let unsigned = sample().to_bytes();
    let signed = with_signature(&unsigned, &signer.sign(signed_bytes(&unsigned)));
    let good = |bytes: &[u8]| signed_part(bytes).is_ok_and(|(message, signature)| verify(&key, message, &signature));
    assert!(good(&signed) && !good(&unsigned));
    assert!(!verify(&public_key(&Signer::fresh().unwrap().public()).unwrap(), signed_part(&signed).unwrap().0, &signed_part(&signed).unwrap().1));
    for at in 0..signed.len() {
        for flip in [0x01, 0x80] {
            let mut bad = signed.clone();
            bad[at] ^= flip;
            assert!(!good(&bad), "byte {at} of {}", signed.len());
        }
        assert!(!good(&signed[..at]), "cut at {at}");
    }
    for text in ["", "00", "zz", &"0".repeat(63), &"g".repeat(64)] {
        assert_eq!(public_key(text).unwrap_err().code(), "bad-input");
    }
}
