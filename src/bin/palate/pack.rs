//! Finds and opens the model pack that a command names or an index asks for.
//!
//! Not here: making packs (`model`).

use std::path::{Path, PathBuf};

use palate::compute::cpu::isa::Isa;
use palate::encode::TextEncoder;
use palate::format::digest::sha256;
use palate::format::manifest;
use palate::format::pack::Pack;
use palate::platform::native::folder::{self, Folder};
use palate::publish::model::ModelManifest;
use palate::{Error, Result};

/// Largest manifest of a pack, and largest pack, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
const MAX_PACK: u64 = 4 << 30;
/// Where the packs of known names stand.
const MODELS: &str = "models";

/// A pack's bytes, verified, and where they were found.
pub struct Found {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// The pack of a folder (with its manifest), of a file, or of a name in `models/`.
pub fn find(source: &Path) -> Result<Found> {
    if source.is_file() {
        return Ok(Found { path: source.to_path_buf(), bytes: folder::read(source, MAX_PACK)? });
    }
    let named = Path::new(MODELS).join(source).join("pack");
    let place = [source.to_path_buf(), source.join("pack"), named.clone()].into_iter().find(|p| p.join("manifest.json").is_file());
    let Some(place) = place else {
        return Err(Error::NotFound(format!(
            "There is no model pack at {} or {}. Make one with `palate model add SOURCE --out {}`.",
            source.display(),
            named.display(),
            source.display()
        )));
    };
    let place = Folder::new(place);
    let bytes = place.read("manifest.json", MAX_MANIFEST)?;
    let described = describe(&bytes, &place.at("manifest.json"))?;
    let path = place.at(&described.file);
    let bytes = place.read(&described.file, MAX_PACK)?;
    let found = sha256(&bytes);
    if found != described.sha256 {
        return Err(Error::corrupt(path.display().to_string(), format!("its SHA-256 is {found}, its manifest says {}", described.sha256)));
    }
    Ok(Found { path, bytes })
}

/// A pack's manifest.
pub fn describe(bytes: &[u8], path: &Path) -> Result<ModelManifest> {
    let what = path.display().to_string();
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| Error::corrupt(&what, format!("it is not JSON ({e})")))?;
    if value["format"] == manifest::FORMAT {
        return Err(Error::input(format!("{what} is an index, expected a model pack. Name the folder that `palate model add` wrote.")));
    }
    let found = value["version"].as_u64().unwrap_or(0);
    let supported = palate::format::pack::VERSION;
    if value["format"] == "palate-model" && found > supported {
        return Err(Error::Version { what, found, supported });
    }
    let described: ModelManifest = serde_json::from_value(value).map_err(|e| Error::corrupt(&what, e.to_string()))?;
    if described.format != "palate-model" || described.file.contains(['/', '\\']) || described.file.starts_with('.') {
        return Err(Error::corrupt(&what, format!("its format is {:?} and its file {:?}", described.format, described.file)));
    }
    Ok(described)
}

/// The encoder of a pack, on this machine's best instructions.
pub fn open(found: Found) -> Result<TextEncoder> {
    TextEncoder::from_pack(&Pack::parse(found.bytes)?, Isa::best())
}

/// The encoder that made an index's vectors: the one that the caller names, else the pack beside the index, else one of
/// that name in `models/`.
pub fn of_index(index: &Path, wanted: &manifest::Model, named: Option<&Path>) -> Result<TextEncoder> {
    let beside = wanted.file.as_ref().map(|file| index.join(file));
    let source = match (named, beside) {
        (Some(named), _) => named.to_path_buf(),
        (None, Some(beside)) if beside.exists() => beside,
        (None, _) => PathBuf::from(&wanted.id.name),
    };
    let encoder = open(find(&source)?)?;
    let id = encoder.model_id();
    if id.sha256 != wanted.id.sha256 || encoder.dim() != wanted.dim {
        return Err(Error::Mismatch(format!(
            "The index was built with the model {:?} ({}), {} holds {:?} ({}). Name the right one with --model, or build the index again.",
            wanted.id.name,
            wanted.id.sha256,
            source.display(),
            id.name,
            id.sha256
        )));
    }
    Ok(encoder)
}
