//! Finds and opens the model pack that a command names or an index asks for.
//!
//! Not here: making packs (`model`).

use std::path::{Path, PathBuf};

use palate::compute::cpu::isa::Isa;
use palate::encode::{AudioEncoder, ImageEncoder, TextEncoder};
use palate::format::digest::sha256;
use palate::format::manifest;
use palate::format::pack::{ModelId, Pack};
use palate::models::{AUDIO, IMAGE};
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
    let Some(place) = folder_of(source) else {
        let named = named(source);
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

/// The folder of a pack with its manifest: the one that is named, its `pack`, or that of a name in `models/`.
pub fn folder_of(source: &Path) -> Option<PathBuf> {
    [source.to_path_buf(), source.join("pack"), named(source)].into_iter().find(|p| p.join("manifest.json").is_file())
}

fn named(source: &Path) -> PathBuf {
    Path::new(MODELS).join(source).join("pack")
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

/// An encoder of one kind.
pub enum Opened {
    Text(TextEncoder),
    Image(ImageEncoder),
    Audio(AudioEncoder),
}

/// The encoder of a pack, whatever it takes.
pub fn open_any(found: Found) -> Result<Opened> {
    let pack = Pack::parse(found.bytes)?;
    match pack.architecture.as_str() {
        name if IMAGE.contains(&name) => ImageEncoder::from_pack(&pack, Isa::best()).map(Opened::Image),
        name if AUDIO.contains(&name) => AudioEncoder::from_pack(&pack, Isa::best()).map(Opened::Audio),
        _ => TextEncoder::from_pack(&pack, Isa::best()).map(Opened::Text),
    }
}

/// The image encoder of a pack.
pub fn open_image(found: Found) -> Result<ImageEncoder> {
    ImageEncoder::from_pack(&Pack::parse(found.bytes)?, Isa::best())
}

/// The audio encoder of a pack.
pub fn open_audio(found: Found) -> Result<AudioEncoder> {
    AudioEncoder::from_pack(&Pack::parse(found.bytes)?, Isa::best())
}

/// Where the model of an index is looked for; `None` where its pack lies beside the index.
pub fn source(index: &Path, wanted: &manifest::Model, named: Option<&Path>) -> Option<PathBuf> {
    match (named, &wanted.file) {
        (Some(named), _) => Some(named.to_path_buf()),
        (None, Some(file)) if index.join(file).is_file() => None,
        (None, _) => Some(PathBuf::from(&wanted.id.name)),
    }
}

/// The encoder that made an index's vectors: the one that the caller names, else the pack beside the index, else one of
/// that name in `models/`.
pub fn of_index(index: &Path, wanted: &manifest::Model, named: Option<&Path>) -> Result<TextEncoder> {
    let source = place(index, wanted, named);
    let encoder = open(find(&source)?)?;
    check(encoder.model_id(), encoder.dim(), wanted, &source)?;
    Ok(encoder)
}

/// As [`of_index`], the image model.
pub fn image_of_index(index: &Path, wanted: &manifest::Model, named: Option<&Path>) -> Result<ImageEncoder> {
    let source = place(index, wanted, named);
    let encoder = open_image(find(&source)?)?;
    check(encoder.model_id(), encoder.dim(), wanted, &source)?;
    Ok(encoder)
}

/// As [`of_index`], the audio model.
pub fn audio_of_index(index: &Path, wanted: &manifest::Model, named: Option<&Path>) -> Result<AudioEncoder> {
    let source = place(index, wanted, named);
    let encoder = open_audio(find(&source)?)?;
    check(encoder.model_id(), encoder.dim(), wanted, &source)?;
    Ok(encoder)
}

fn place(index: &Path, wanted: &manifest::Model, named: Option<&Path>) -> PathBuf {
    source(index, wanted, named).unwrap_or_else(|| wanted.file.as_ref().map(|file| index.join(file)).unwrap_or_default())
}

fn check(id: &ModelId, dim: usize, wanted: &manifest::Model, source: &Path) -> Result<()> {
    if id.sha256 != wanted.id.sha256 || dim != wanted.dim {
        return Err(Error::Mismatch(format!(
            "The index was built with the model {:?} ({}), {} holds {:?} ({}). Name the right one with --model, or build the index again.",
            wanted.id.name,
            wanted.id.sha256,
            source.display(),
            id.name,
            id.sha256
        )));
    }
    Ok(())
}
