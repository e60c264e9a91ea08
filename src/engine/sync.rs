//! The index on the device: asks for the manifest, fetches what is missing, verifies everything, and only then lets
//! the new index take the old one's place.
//!
//! Not here: moving bytes ([`super::download`]) and using them.

use super::download::{Downloads, Wanted, beside};
use super::progress::{OnProgress, Phase, Progress};
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::format::manifest::{Kind, MAX_BYTES, Manifest, Shard};
use crate::format::signature::signed_part;
use crate::platform::{Platform, Seal, Store};

/// The blob of the manifest in use.
pub const BLOB: &str = "index.json";
/// The blob prefix of shards.
const SHARD: &str = "shard";
/// The lock under which files are fetched and removed.
pub const LOCK: &str = "sync";

/// Where an index that is open came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The manifest was asked for and something had to be fetched.
    Fetched,
    /// The manifest was asked for and had not changed.
    Unchanged,
    /// The manifest could not be had; this is the index of an earlier visit.
    Stored,
}

impl Origin {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Fetched => "fetched",
            Origin::Unchanged => "unchanged",
            Origin::Stored => "stored",
        }
    }
}

/// An index that is ready, and how it came.
pub struct Synced {
    pub snapshot: Snapshot,
    pub bytes: Vec<u8>,
    pub origin: Origin,
    /// Why the newest index could not be had, where an older one stands in.
    pub problem: Option<Error>,
}

/// Brings the index at `url` to the device. With `from_device` an index of an earlier visit is opened unasked.
///
/// With an index of an earlier visit in the store, no failure but an abort is an error: the old one goes on working.
/// With a public `key`, a manifest that its owner did not sign is refused, on the device too.
pub async fn index<P: Platform>(
    downloads: &mut Downloads<'_, P>,
    url: &str,
    key: Option<&[u8; 32]>,
    from_device: bool,
    told: OnProgress<'_>,
) -> Result<Synced> {
    told(Progress { phase: Phase::Manifest, loaded: 0, total: 0 });
    let stored = stored_manifest(downloads, key).await?;
    if from_device && let Some((bytes, manifest)) = &stored {
        let snapshot = open(downloads, url, manifest.clone(), told).await?;
        return Ok(Synced { snapshot, bytes: bytes.clone(), origin: Origin::Stored, problem: None });
    }
    let asked = newest(downloads, url, key).await;
    let problem = match asked {
        Ok((bytes, manifest)) => {
            let origin = match &stored {
                Some((old, _)) if *old == bytes => Origin::Unchanged,
                _ => Origin::Fetched,
            };
            match open(downloads, url, manifest, told).await {
                Ok(snapshot) => {
                    if origin == Origin::Fetched {
                        let written = downloads.world.store().write(BLOB, &bytes).await;
                        downloads.tolerate(written)?;
                    }
                    return Ok(Synced { snapshot, bytes, origin, problem: None });
                }
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    match (problem, stored) {
        (problem, None) | (problem @ Error::Aborted, _) => Err(problem),
        (problem, Some((bytes, manifest))) => match open(downloads, url, manifest, told).await {
            Ok(snapshot) => Ok(Synced { snapshot, bytes, origin: Origin::Stored, problem: Some(problem) }),
            // The first failure says more than that the old index is not whole either.
            Err(_) => Err(problem),
        },
    }
}

async fn newest<P: Platform>(downloads: &mut Downloads<'_, P>, url: &str, key: Option<&[u8; 32]>) -> Result<(Vec<u8>, Manifest)> {
    let bytes = downloads.small(url, "the manifest", MAX_BYTES).await?;
    let manifest = trusted(downloads.world, &bytes, key).await?;
    Ok((bytes, manifest))
}

/// The manifest in `bytes`, signed by the owner of `key` if there is one.
async fn trusted<P: Platform>(world: &P, bytes: &[u8], key: Option<&[u8; 32]>) -> Result<Manifest> {
    if let Some(key) = key {
        let (message, signature) = signed_part(bytes)?;
        if !world.seal().verify(key, message, &signature).await? {
            return Err(Error::corrupt("the manifest", "its signature is not by the owner of the public key"));
        }
    }
    Manifest::parse(bytes)
}

/// The manifest of an earlier visit; one that does not parse, or that nobody trusted signed, counts as none.
async fn stored_manifest<P: Platform>(downloads: &mut Downloads<'_, P>, key: Option<&[u8; 32]>) -> Result<Option<(Vec<u8>, Manifest)>> {
    let Some(bytes) = downloads.world.store().read(BLOB).await? else { return Ok(None) };
    match trusted(downloads.world, &bytes, key).await {
        Ok(manifest) => Ok(Some((bytes, manifest))),
        Err(_) => {
            downloads.traffic.damaged += 1;
            Ok(None)
        }
    }
}

fn wanted(url: &str, shard: &Shard) -> Wanted {
    Wanted {
        kind: SHARD,
        url: beside(url, &shard.file),
        name: shard.file.clone(),
        sha256: shard.sha256.clone(),
        bytes: Some(shard.bytes),
        most: shard.bytes,
        pieces: None,
    }
}

/// Shards of kinds that this build does not know are not fetched.
fn is_read(shard: &&Shard) -> bool {
    matches!(shard.kind, Kind::Items | Kind::Ranker | Kind::Fusion | Kind::Film)
}

async fn open<P: Platform>(downloads: &mut Downloads<'_, P>, url: &str, manifest: Manifest, told: OnProgress<'_>) -> Result<Snapshot> {
    let total = manifest.shards.iter().filter(is_read).map(|shard| shard.bytes).sum();
    let mut shards = Vec::new();
    let mut before = 0;
    let mut lock = None;
    for shard in manifest.shards.iter().filter(is_read) {
        downloads.abort.check()?;
        let wanted = wanted(url, shard);
        let mut found = downloads.stored(&wanted).await?;
        if found.is_none() && lock.is_none() {
            // Another tab may be fetching the same: wait for it, and look again.
            lock = Some(downloads.world.store().lock(LOCK).await?);
            found = downloads.stored(&wanted).await?;
        }
        let bytes = match found {
            Some(bytes) => bytes,
            None => {
                let step = |step: Progress| told(Progress { loaded: before + step.loaded, total, ..step });
                downloads.fetched(&wanted, &step).await?
            }
        };
        before += bytes.len() as u64;
        told(Progress { phase: Phase::Index, loaded: before, total });
        shards.push((shard.kind.clone(), bytes));
    }
    Snapshot::open(manifest, shards)
}

/// Removes the blobs of indexes and models that are no longer used, and partial ones; `keep` names models in use, whose parts stay too:
/// another tab may be storing them.
pub async fn collect<P: Platform>(world: &P, manifest: &Manifest, keep: &[String]) -> Result<()> {
    let _lock = world.store().lock(LOCK).await?;
    let shards = manifest.shards.iter().map(|shard| wanted("", shard).blob());
    let packs = keep.iter().flat_map(|blob| [blob.clone(), blob.replacen("pack-", "part-", 1)]);
    let used: Vec<String> = shards.chain(packs).collect();
    for name in world.store().list().await? {
        let ours = ["shard-", "pack-", "part-"].iter().any(|prefix| name.starts_with(prefix));
        if ours && !used.contains(&name) {
            world.store().remove(&name).await?;
        }
    }
    Ok(())
}
