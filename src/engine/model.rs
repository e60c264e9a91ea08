//! The text model of a session behind a trait, and how its pack gets onto the device.
//!
//! Who computes (CPU, GPU) is decided by whoever implements the trait.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use super::download::{Downloads, Wanted, beside};
use super::progress::OnProgress;
use super::unsaved::{LockOf, Unsaved};
use crate::encode::choice::Account;
use crate::error::{Error, Result};
use crate::format::manifest::Model;
use crate::format::pack::ModelId;
use crate::format::pack_manifest::{FILE, MAX_BYTES, MAX_PACK_BYTES, PackManifest};
use crate::platform::{Platform, Store};

/// The blob prefix of packs.
pub const PACK: &str = "pack";
/// Longest text of a search or a situation, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

/// Embeddings on their way.
pub type Embedding<'a> = Pin<Box<dyn Future<Output = Result<Vec<Vec<f32>>>> + 'a>>;

/// What of a model does not depend on what it takes.
pub trait AnyModel {
    /// Length of a vector.
    fn dim(&self) -> usize;

    /// Which model it is.
    fn id(&self) -> &ModelId;

    /// What computes, for reports: `"wasm (relaxed-simd)"`.
    fn device(&self) -> String;

    /// Which device computes what, and why; `None` where there is only the processor.
    fn account(&self) -> Option<Account> {
        None
    }

    /// Finds out which device is fastest; see [`crate::encode::device::Devices::settle`].
    fn settle<'a>(&'a self, _adapter: &'a str, _batches: bool, _remembered: Option<Vec<u8>>) -> Settling<'a> {
        Box::pin(std::future::ready(None))
    }
}

/// What an end of [`AnyModel::settle`] gives to remember.
pub type Settling<'a> = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + 'a>>;

/// Texts to vectors of unit length, `[texts][dim]`.
pub trait TextModel: AnyModel {
    /// One vector a text.
    fn encode<'a>(&'a self, texts: &'a [&'a str]) -> Embedding<'a>;
}

/// Lets a model find out which device is fastest, unless an earlier visit did, and keeps what it found. Meant to run while
/// nothing else does; whatever fails leaves everything as it was.
pub async fn settle<P: Platform>(world: &P, model: &dyn AnyModel, adapter: &str, batches: bool) {
    // A blob for each model: one of texts and one of pictures settle side by side.
    let blob = format!("device-{}.json", model.id().sha256.get(..16).unwrap_or("unknown"));
    let remembered = world.store().read(&blob).await.ok().flatten();
    if let Some(found) = model.settle(adapter, batches, remembered).await {
        // A store that takes nothing more only means that the next visit measures again.
        let _ = world.store().write(&blob, &found).await;
    }
}

/// Makes a model of a verified pack.
pub type Load = dyn Fn(Arc<Vec<u8>>, &ModelId) -> Result<Rc<dyn TextModel>>;

/// What has to be fetched so that texts can be encoded as the index's items were.
///
/// `base` is the folder (or manifest) of a model that the caller names; without it the pack that the index names is
/// taken. `None` where neither is there. `Error::Mismatch` where the named model is not the index's.
pub async fn for_index<P: Platform>(
    downloads: &mut Downloads<'_, P>,
    model: &Model,
    index_url: &str,
    base: Option<&str>,
) -> Result<Option<Wanted>> {
    let known = Wanted {
        kind: PACK,
        url: String::new(),
        name: format!("the model {:?}", model.id.name),
        sha256: model.id.sha256.clone(),
        bytes: None,
        most: MAX_PACK_BYTES,
        pieces: None,
    };
    if let Some(base) = base {
        let (url, manifest) = manifest(downloads, base).await?;
        check(&manifest.id, manifest.dim, model)?;
        return Ok(Some(Wanted { url: beside(&url, &manifest.file), bytes: Some(manifest.bytes), ..known }));
    }
    Ok(model.file.as_ref().map(|file| Wanted { url: beside(index_url, file), ..known }))
}

/// The pack of a model as the device keeps it.
pub fn on_device(model: &Model) -> Wanted {
    let name = format!("the model {:?}", model.id.name);
    Wanted { kind: PACK, url: String::new(), name, sha256: model.id.sha256.clone(), bytes: None, most: u64::MAX, pieces: None }
}

/// The address of a model's manifest and what it says. `base` is its folder or the manifest itself.
pub async fn manifest<P: Platform>(downloads: &mut Downloads<'_, P>, base: &str) -> Result<(String, PackManifest)> {
    let url = if base.ends_with(".json") { base.to_owned() } else { format!("{}/{FILE}", base.trim_end_matches('/')) };
    let bytes = downloads.small(&url, "the model's manifest", MAX_BYTES).await?;
    Ok((url, PackManifest::parse(&bytes)?))
}

/// Checks that a model is the one that made an index's vectors.
pub fn check(id: &ModelId, dim: usize, model: &Model) -> Result<()> {
    if id.sha256 == model.id.sha256 && dim == model.dim {
        return Ok(());
    }
    Err(Error::Mismatch(format!(
        "The index was built with the model {:?} ({}..., {} numbers a vector), this one is {:?} ({}..., {}). Serve the model that the index was built with, or build the index again with this one.",
        model.id.name,
        model.id.sha256.get(..12).unwrap_or(""),
        model.dim,
        id.name,
        id.sha256.get(..12).unwrap_or(""),
        dim
    )))
}

/// The bytes of a pack that was not in the store, from the network; `unsaved` takes what is still to be stored.
pub async fn fetched<P: Platform>(
    downloads: &mut Downloads<'_, P>,
    wanted: &Wanted,
    unsaved: &Unsaved<LockOf<P>>,
    told: OnProgress<'_>,
) -> Result<Arc<Vec<u8>>> {
    // Another tab may be fetching or storing the same: wait for it, and look again.
    let lock = downloads.world.store().lock(&wanted.part()).await?;
    if let Some(bytes) = downloads.stored(wanted).await? {
        return Ok(Arc::new(bytes));
    }
    let (bytes, held) = downloads.brought(wanted, told).await?;
    let bytes = Arc::new(bytes);
    if held {
        unsaved.add(wanted, bytes.clone(), lock);
    }
    Ok(bytes)
}

/// Refuses a text that is no search and no situation any more.
pub fn check_text(text: &str) -> Result<()> {
    if text.len() > MAX_TEXT {
        return Err(Error::input(format!("The text has {} bytes. Pass at most {MAX_TEXT}.", text.len())));
    }
    Ok(())
}
