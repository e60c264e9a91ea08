//! A session of the encoder alone: its packs, kept on the device.

use std::sync::Arc;

use super::download::{Downloads, IfFull, Wanted, beside};
use super::model::{self, PACK};
use super::progress::{OnProgress, Phase, Progress};
use super::unsaved::{LockOf, Unsaved};
use crate::error::{Error, Result};
use crate::format::pack::ModelId;
use crate::format::pack_manifest::PackManifest;
use crate::platform::{Abort, Platform, Store};

/// The blobs of the manifests of the packs in use: the model's, and of what reads films by it.
const BLOBS: [&str; 2] = ["model.json", "video.json"];

/// What the next visit is to find besides the packs: the manifests of those in use, and nothing of others.
pub struct Upkeep {
    fresh: Vec<(&'static str, Vec<u8>)>,
    used: Vec<Wanted>,
}

impl Upkeep {
    /// Writes the manifests and removes what is not in use.
    ///
    /// Errors: what the store says.
    pub async fn run<P: Platform>(mut self, world: &P) -> Result<()> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        for (blob, manifest) in self.fresh {
            world.store().write(blob, &manifest).await?;
        }
        // What reads films stays, too, while the image model is in use without it.
        for blob in BLOBS {
            self.used.extend(stored(world, blob).await?.map(|(url, manifest)| wanted(&url, &manifest)));
        }
        for name in world.store().list().await? {
            let ours = name.starts_with("pack-") || name.starts_with("part-");
            if ours && !self.used.iter().any(|wanted| wanted.blob() == name || wanted.part() == name) {
                world.store().remove(&name).await?;
            }
        }
        Ok(())
    }
}

/// Opens the models at `bases` (their folders or manifests; one, or an image model and what reads films) as `load` takes their packs:
/// from the network, or as of an earlier visit where the network fails. `unsaved` takes a pack that is still to be stored; what else the
/// next visit needs is left to the caller, for when nobody waits.
pub async fn open<P: Platform, M>(
    world: &P,
    bases: &[String],
    if_full: IfFull,
    unsaved: &Unsaved<LockOf<P>>,
    load: impl Fn(Vec<(Arc<Vec<u8>>, ModelId)>) -> Result<M>,
    abort: &Abort,
    told: OnProgress<'_>,
) -> Result<(M, Upkeep)> {
    let mut downloads = Downloads::new(world, abort, if_full);
    let step = |step: Progress| told(Progress { phase: Phase::Model, ..step });
    let mut packs: Vec<(Arc<Vec<u8>>, ModelId)> = Vec::new();
    let mut upkeep = Upkeep { fresh: Vec::new(), used: Vec::new() };
    for (base, blob) in bases.iter().zip(BLOBS) {
        let (url, manifest) = match model::manifest(&mut downloads, base).await {
            Ok((url, manifest)) => {
                upkeep.fresh.push((blob, written(&url, &manifest)));
                (url, manifest)
            }
            Err(error @ Error::Aborted) => return Err(error),
            Err(error) => stored(world, blob).await?.ok_or(error)?,
        };
        let wanted = wanted(&url, &manifest);
        let here = match packs.iter().find(|(_, id)| id.sha256 == wanted.sha256) {
            Some((bytes, _)) => Some(bytes.clone()),
            None => downloads.stored(&wanted).await?.map(Arc::new),
        };
        let bytes = match here {
            Some(bytes) => bytes,
            None => model::fetched(&mut downloads, &wanted, unsaved, &step).await?,
        };
        packs.push((bytes, manifest.id));
        upkeep.used.push(wanted);
    }
    let model = load(packs)?;
    told(Progress { phase: Phase::Ready, loaded: 0, total: 0 });
    Ok((model, upkeep))
}

fn wanted(url: &str, manifest: &PackManifest) -> Wanted {
    Wanted {
        kind: PACK,
        url: beside(url, &manifest.file),
        name: format!("the model {:?}", manifest.id.name),
        sha256: manifest.id.sha256.clone(),
        bytes: Some(manifest.bytes),
        most: manifest.bytes,
        pieces: manifest.pieces.clone(),
    }
}

/// The manifest of an earlier visit, and its address.
async fn stored<P: Platform>(world: &P, blob: &str) -> Result<Option<(String, PackManifest)>> {
    Ok(world.store().read(blob).await?.and_then(|bytes| read(&bytes)))
}

fn written(url: &str, manifest: &PackManifest) -> Vec<u8> {
    let value = serde_json::json!({
        "format": "palate-model",
        "version": crate::format::pack::VERSION,
        "url": url,
        "name": manifest.id.name,
        "sha256": manifest.id.sha256,
        "file": manifest.file,
        "bytes": manifest.bytes,
        "dim": manifest.dim,
    });
    value.to_string().into_bytes()
}

fn read(bytes: &[u8]) -> Option<(String, PackManifest)> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    Some((value.get("url")?.as_str()?.to_owned(), PackManifest::parse(bytes).ok()?))
}
