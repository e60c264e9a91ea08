//! What a session knows about itself, for `report()`: where things came from, what is damaged, what it cost.

use super::scan::ScanReport;
use super::session::Session;
use super::snapshot::Snapshot;
use crate::encode::choice::Account;
use crate::error::Error;
use crate::format::manifest::Kind;
use crate::platform::Platform;

/// What the publisher trained, as the index brought it.
#[derive(Debug, Clone, PartialEq)]
pub struct RankerReport {
    pub file: String,
    pub sha256: String,
    pub bytes: u64,
    /// The terms' names.
    pub terms: Vec<String>,
}

/// A session's account of itself. No key and no event is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub items: usize,
    pub dim: usize,
    pub shards: usize,
    /// Bytes of all shards.
    pub index_bytes: u64,
    pub attribution: Option<String>,
    /// Name and SHA-256 of the model that made the vectors.
    pub model: (String, String),
    /// `None` where the index has no ranker.
    pub ranker: Option<RankerReport>,
    /// What computes texts; `None` until the first text.
    pub device: Option<String>,
    /// Which device computes them; `None` until the first text.
    pub devices: Option<Account>,
    /// What computes pictures, and which device does; `None` until the first picture.
    pub image: Option<(String, Option<Account>)>,
    /// The same of sounds.
    pub audio: Option<(String, Option<Account>)>,
    /// Where the index is scanned.
    pub scan: ScanReport,
    /// `fetched`, `unchanged` or `stored`.
    pub origin: &'static str,
    /// Why the newest index could not be had.
    pub problem: Option<Error>,
    /// Why there is no text model.
    pub text_problem: Option<Error>,
    /// Why files are kept in memory only.
    pub unstored: Option<Error>,
    /// Whether a model is in use that is still to be stored.
    pub pending: bool,
    pub requests: u64,
    pub received: u64,
    pub read: u64,
    /// Files that did not verify and were fetched again, or a manifest that did not parse.
    pub damaged_files: u64,
    /// Milliseconds of the last open or sync.
    pub ms: f64,
    pub history_events: usize,
    pub history_bytes: u64,
    pub history_damaged: usize,
    pub history_torn_bytes: u64,
    pub history_set_aside: bool,
}

impl<P: Platform> Session<P> {
    /// As of now.
    pub fn report(&self) -> Report {
        let snapshot = self.snapshot();
        let model = snapshot.catalog.text_model();
        let costs = self.costs.borrow().clone();
        let damage = self.log.damage();
        Report {
            items: snapshot.catalog.len(),
            dim: snapshot.catalog.dim(),
            shards: snapshot.manifest.shards.len(),
            index_bytes: snapshot.manifest.shards.iter().map(|shard| shard.bytes).sum(),
            attribution: snapshot.manifest.attribution.clone(),
            model: (model.id.name.clone(), model.id.sha256.clone()),
            ranker: ranker(&snapshot),
            device: self.text.borrow().as_ref().map(|text| text.device()),
            devices: self.text.borrow().as_ref().and_then(|text| text.account()),
            image: self.images.model.borrow().as_ref().map(|model| (model.device(), model.account())),
            audio: self.sounds.model.borrow().as_ref().map(|model| (model.device(), model.account())),
            scan: self.scans.report(),
            origin: self.origin.get().name(),
            problem: self.problem.borrow().clone(),
            text_problem: self.text_problem.borrow().clone(),
            unstored: costs.traffic.unstored,
            pending: self.is_unsaved(),
            requests: costs.traffic.requests,
            received: costs.traffic.received,
            read: costs.traffic.stored,
            damaged_files: costs.traffic.damaged,
            ms: costs.ms,
            history_events: self.log.events().len(),
            history_bytes: self.log.bytes(),
            history_damaged: damage.records,
            history_torn_bytes: damage.torn_bytes,
            history_set_aside: damage.header,
        }
    }
}

fn ranker(snapshot: &Snapshot) -> Option<RankerReport> {
    let shard = snapshot.manifest.shards_of(&Kind::Ranker).next()?;
    let terms = snapshot.trained.as_ref()?.blend.terms.iter().map(|term| term.name().to_owned()).collect();
    Some(RankerReport { file: shard.file.clone(), sha256: shard.sha256.clone(), bytes: shard.bytes, terms })
}
