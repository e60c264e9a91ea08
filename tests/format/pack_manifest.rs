//! The manifest beside a model pack.

use palate::format::digest::sha256;
use palate::format::pack_manifest::{PackManifest, Pieces};
use serde_json::{Value, json};

fn manifest(bytes: u64, pieces: Value) -> Vec<u8> {
    let mut value = json!({"format": "palate-model", "version": 1, "name": "m", "sha256": sha256(b""), "file": "m.safetensors", "bytes": bytes, "dim": 4});
    if !pieces.is_null() {
        value["pieces"] = pieces;
    }
    value.to_string().into_bytes()
}

#[test]
fn pack_manifest_reads_the_pieces_that_are_written() {
    for size in [1_usize, 1 << 19, (1 << 19) + 1, 1_300_000] {
        let file: Vec<u8> = (0..size).map(|at| (at * 31) as u8).collect();
        let pieces = Pieces::of(&file);
        assert_eq!(pieces.sha256.len(), size.div_ceil(1 << 19));
        assert_eq!(pieces.sha256.last().unwrap(), &sha256(&file[(size - 1) >> 19 << 19..]));
        let read = PackManifest::parse(&manifest(size as u64, serde_json::to_value(&pieces).unwrap())).unwrap();
        assert_eq!(read.pieces, Some(pieces));
    }
    assert_eq!(PackManifest::parse(&manifest(5, Value::Null)).unwrap().pieces, None, "manifests of before there were any");
}

#[test]
fn pack_manifest_refuses_pieces_that_do_not_make_up_the_file() {
    let hash = sha256(b"");
    let wrong = [
        json!(3),
        json!({"bytes": 1 << 19}),
        json!({"bytes": 1 << 19, "sha256": []}),
        json!({"bytes": 1 << 19, "sha256": [hash, hash]}),
        json!({"bytes": 1 << 19, "sha256": ["00"]}),
        json!({"bytes": 1, "sha256": vec![hash.clone(); 1000]}),
        json!({"bytes": u64::MAX, "sha256": [hash]}),
        json!({"bytes": -1, "sha256": [hash]}),
    ];
    for pieces in wrong {
        let error = PackManifest::parse(&manifest(1000, pieces.clone())).unwrap_err();
        assert_eq!(error.code(), "corrupt", "{pieces}");
        assert!(error.to_string().contains("pieces"), "{pieces}: {error}");
    }
}
