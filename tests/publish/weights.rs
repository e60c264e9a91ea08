//! A checkpoint's weights out of each kind of file, against the same weights as PyTorch wrote them
//! (`tests/reference/checkpoint_fixture.py`).

use std::path::{Path, PathBuf};

use palate::Error;
use palate::format::tensors::DType;
use palate::publish::weights::read;

const SHARDS: [&str; 3] = ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const FLOATS: [&str; 4] = ["embeddings.weight", "layer.brain", "layer.half", "layer.transposed"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoint").join(name)
}

/// A folder with only those files of the fixture.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        std::fs::copy(fixture(file), dir.path().join(file)).unwrap();
    }
    dir
}

#[test]
fn all_kinds_of_files_hold_the_same_weights() {
    let whole = read(folder(&["model.safetensors"]).path()).unwrap();
    let shards = read(folder(&SHARDS).path()).unwrap();
    let pytorch = read(folder(&["pytorch_model.bin"]).path()).unwrap();
    for name in FLOATS {
        let expected = whole.get(name).unwrap();
        assert!(expected.to_f32().iter().any(|v| *v != 0.0), "{name}");
        for (kind, file) in [("shards", &shards), ("pytorch", &pytorch)] {
            let tensor = file.get(name).unwrap();
            assert_eq!(tensor.shape, expected.shape, "{kind}, {name}");
            assert_eq!(tensor.to_f32(), expected.to_f32(), "{kind}, {name}");
        }
        assert_eq!(pytorch.get(name).unwrap().dtype, DType::F32);
    }
    assert_eq!(shards.get("position_ids").unwrap().dtype, DType::I64);
    assert_eq!(pytorch.names().count(), FLOATS.len());
}

#[test]
fn what_is_missing_or_damaged_is_named() {
    let error = read(folder(&[]).path()).unwrap_err();
    assert!(matches!(&error, Error::NotFound(text) if text.contains("pytorch_model.bin")), "{error}");

    let dir = folder(&SHARDS[..2]);
    let error = read(dir.path()).unwrap_err();
    assert!(error.to_string().contains(SHARDS[2]), "{error}");

    let outside = r#"{"weight_map": {"a": "../model.safetensors"}}"#;
    std::fs::write(dir.path().join(SHARDS[0]), outside).unwrap();
    assert!(matches!(read(dir.path()).unwrap_err(), Error::Input(text) if text.contains("outside")));
    std::fs::write(dir.path().join(SHARDS[0]), format!(r#"{{"weight_map": {{"absent": "{}"}}}}"#, SHARDS[1])).unwrap();
    assert!(matches!(read(dir.path()).unwrap_err(), Error::Input(text) if text.contains("promises absent")));

    let dir = folder(&["pytorch_model.bin"]);
    let bytes = std::fs::read(fixture("pytorch_model.bin")).unwrap();
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(dir.path().join("pytorch_model.bin"), &bytes[..cut]).unwrap();
        let error = read(dir.path()).unwrap_err();
        assert!(matches!(&error, Error::Input(text) if text.contains("Fetch the checkpoint again")), "cut at {cut}: {error}");
    }
}
