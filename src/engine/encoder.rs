//! A session of the encoder alone: its pack, kept on the device.

use std::sync::Arc;

use super::download::{Downloads, IfFull, Wanted, beside};
use super::model::{self, PACK};
use super::progress::{OnProgress, Phase, Progress};
use super::unsaved::{LockOf, Unsaved};
use crate::error::{Error, Result};
use crate::format::pack::ModelId;
use crate::format::pack_manifest::PackManifest;
use crate::platform::{Abort, Platform, Store};

/// The blob of the manifest of the pack in use.
const BLOB: &str = "model.json";

/// Opens the model at `base` (its folder or its manifest), of texts or of pictures as `load` takes them: from the network, or as
/// of an earlier visit where the network fails. `unsaved` takes a pack that is still to be stored.
pub async fn open<P: Platform, M>(
    world: &P,
    base: &str,
    if_full: IfFull,
    unsaved: &Unsaved<LockOf<P>>,
    load: impl Fn(Arc<Vec<u8>>, &ModelId) -> Result<M>,
    abort: &Abort,
    told: OnProgress<'_>,
) -> Result<M> {
    let mut downloads = Downloads::new(world, abort, if_full);
    let asked = model::manifest(&mut downloads, base).await;
    let (url, manifest, fresh) = match asked {
        Ok((url, manifest)) => (url, manifest, true),
        Err(error @ Error::Aborted) => return Err(error),
        Err(error) => match world.store().read(BLOB).await? {
            Some(stored) => {
                let (url, manifest) = read(&stored).ok_or(error)?;
                (url, manifest, false)
            }
            None => return Err(error),
        },
    };
    let wanted = Wanted {
        kind: PACK,
        url: beside(&url, &manifest.file),
        name: format!("the model {:?}", manifest.id.name),
        sha256: manifest.id.sha256.clone(),
        bytes: Some(manifest.bytes),
        most: manifest.bytes,
    };
    let step = |step: Progress| told(Progress { phase: Phase::Model, ..step });
    let bytes = model::pack(&mut downloads, &wanted, unsaved, &step).await?;
    let model = load(bytes, &manifest.id)?;
    if fresh {
        let written = world.store().write(BLOB, &written(&url, &manifest)).await;
        downloads.tolerate(written)?;
        for name in world.store().list().await? {
            if (name.starts_with("pack-") || name.starts_with("part-")) && name != wanted.blob() && name != wanted.part() {
                world.store().remove(&name).await?;
            }
        }
    }
    told(Progress { phase: Phase::Ready, loaded: 0, total: 0 });
    Ok(model)
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
