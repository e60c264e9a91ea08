//! An open session: opens and swaps the index, and draws up lists.
//!
//! Calls take `&self` and may run at the same time; nothing is borrowed across an await.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ask::{Hit, Recommend, Wishes};
use super::download::{Downloads, IfFull, Traffic};
use super::media::Models;
use super::learning::{self, Learning};
use super::model::{self, Load, TextModel};
use super::progress::{OnProgress, Phase, Progress};
use super::scan::{Scanning, Scans};
use super::snapshot::Snapshot;
use super::sync::{self, Origin};
use super::terms::{self, Past, Situation};
use super::unsaved::{LockOf, Unsaved};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::history::event::check_context;
use crate::history::{Event, Evidence, Log, weights};
use crate::index::catalog::{AUDIO, IMAGE, TEXT};
use crate::preprocess::{Picture, Sound};
use crate::platform::{Abort, Clock, Platform, Store};
use crate::rank::clock;
use crate::rank::content::HALF_CONFIDENCE;
use crate::rank::explain::Reason;
use crate::rank::explore::Unknown;
use crate::rank::list::{Doubt, Listed, Plan, Sources, draw_up};
use crate::rank::rules::Filter;
use crate::rank::term::Term;

const DAY: f64 = 86_400_000.0;

/// How a session is opened.
pub struct Options {
    /// Address of the index's manifest, absolute.
    pub index: String,
    /// Folder or manifest of the text model, absolute; `None`: what the index names.
    pub text_model: Option<String>,
    /// Whether a full or denied store is an error or leaves the files in memory.
    pub if_full: IfFull,
    /// Whose signature the manifest must carry; `None`: anybody's or none.
    pub public_key: Option<[u8; 32]>,
    /// What events weigh.
    pub weights: weights::Settings,
    /// Opens what is on the device without asking for anything newer, where there is something.
    pub from_device: bool,
    /// Where the index is scanned.
    pub scanning: Scanning,
}

/// What an index or model cost to get.
#[derive(Debug, Clone, Default)]
pub struct Costs {
    pub traffic: Traffic,
    pub ms: f64,
}

/// An open session over one index and one history.
pub struct Session<P: Platform> {
    pub(super) world: P,
    pub(super) options: Options,
    pub(super) log: Log,
    pub(super) learning: Learning,
    pub(super) text: RefCell<Option<Rc<dyn TextModel>>>,
    pub(super) costs: RefCell<Costs>,
    pub(super) origin: Cell<Origin>,
    pub(super) problem: RefCell<Option<Error>>,
    pub(super) text_problem: RefCell<Option<Error>>,
    pub(super) images: Models<Picture>,
    pub(super) sounds: Models<Sound>,
    pub(super) scans: Scans,
    /// Pack bytes that are here and not opened yet.
    pending: RefCell<Option<Arc<Vec<u8>>>>,
    /// Packs that are to be stored.
    pub(super) unsaved: Unsaved<LockOf<P>>,
    current: RefCell<Rc<Snapshot>>,
    load: Box<Load>,
    closed: Cell<bool>,
}

impl<P: Platform> Session<P> {
    /// Opens history and index; afterwards everything but words works ([`Session::prepare_text`] brings those).
    ///
    /// Errors: no index on the device and none to be had (`Error::Network`, `Error::NotFound`, `Error::Corrupt`,
    /// `Error::Version`), a store that is denied or full where that is not tolerated, `Error::Aborted`.
    pub async fn open(world: P, options: Options, load: Box<Load>, abort: &Abort, told: OnProgress<'_>) -> Result<Session<P>> {
        let started = world.clock().now();
        let log = Log::open(world.store(), world.seal()).await?;
        let mut downloads = Downloads::new(&world, abort, options.if_full);
        let synced = sync::index(&mut downloads, &options.index, options.public_key.as_ref(), options.from_device, told).await?;
        let traffic = downloads.traffic;
        let ms = world.clock().now() - started;
        told(Progress { phase: Phase::ReadyToRecommend, loaded: 0, total: 0 });
        Ok(Session {
            scans: Scans::new(options.scanning),
            options,
            log,
            learning: Learning::default(),
            text: RefCell::default(),
            costs: RefCell::new(Costs { traffic, ms }),
            origin: Cell::new(synced.origin),
            problem: RefCell::new(synced.problem),
            text_problem: RefCell::default(),
            images: Models::default(),
            sounds: Models::default(),
            pending: RefCell::default(),
            unsaved: Unsaved::default(),
            current: RefCell::new(Rc::new(synced.snapshot)),
            load,
            closed: Cell::new(false),
            world,
        })
    }

    /// The index in use.
    pub fn snapshot(&self) -> Rc<Snapshot> {
        self.current.borrow().clone()
    }

    pub(super) fn check_open(&self) -> Result<()> {
        if self.closed.get() { Err(Error::Closed) } else { Ok(()) }
    }

    /// Ends the session; later calls are `Error::Closed`. Closing twice is fine.
    pub fn close(&self) {
        self.closed.set(true);
        self.text.borrow_mut().take();
        self.pending.borrow_mut().take();
        self.images.drop_model();
        self.sounds.drop_model();
        self.scans.stop("closed");
    }

    /// Asks for the newest index and fetches what changed. Returns whether another index is in use now.
    ///
    /// Errors: as [`Session::open`]; the index in use stays in use then.
    pub async fn sync(&self, abort: &Abort, told: OnProgress<'_>) -> Result<bool> {
        self.check_open()?;
        let started = self.world.clock().now();
        let mut downloads = self.downloads(abort);
        let synced = sync::index(&mut downloads, &self.options.index, self.options.public_key.as_ref(), false, told).await?;
        let changed = synced.snapshot.manifest != self.snapshot().manifest;
        let traffic = downloads.traffic;
        if let Some(problem) = synced.problem {
            *self.problem.borrow_mut() = Some(problem.clone());
            return Err(problem);
        }
        self.origin.set(synced.origin);
        self.problem.borrow_mut().take();
        *self.costs.borrow_mut() = Costs { traffic, ms: self.world.clock().now() - started };
        let model_changed = synced.snapshot.catalog.text_model() != self.snapshot().catalog.text_model();
        let differs = |medium| synced.snapshot.catalog.other_model(medium) != self.snapshot().catalog.other_model(medium);
        let (images, sounds) = (differs(IMAGE), differs(AUDIO));
        if images {
            self.images.drop_model();
        }
        if sounds {
            self.sounds.drop_model();
        }
        *self.current.borrow_mut() = Rc::new(synced.snapshot);
        if changed {
            self.learning.clear();
            self.scans.stop("nothing else was tried yet of this index");
        }
        if model_changed {
            self.text.borrow_mut().take();
            self.pending.borrow_mut().take();
        }
        Ok(changed)
    }

    /// Brings the text model's pack to the device and cleans up files that nothing uses.
    ///
    /// Errors: `Error::Mismatch` for a model that did not make the index's vectors, and as a download. What failed is
    /// remembered: a search says it again.
    pub async fn prepare_text(&self, abort: &Abort, told: OnProgress<'_>) -> Result<()> {
        self.check_open()?;
        let outcome = self.fetch_text(abort, told).await;
        *self.text_problem.borrow_mut() = outcome.as_ref().err().cloned();
        outcome
    }

    async fn fetch_text(&self, abort: &Abort, told: OnProgress<'_>) -> Result<()> {
        let mut downloads = self.downloads(abort);
        let snapshot = self.snapshot();
        let id = snapshot.catalog.text_model().clone();
        let on_device = model::on_device(snapshot.catalog.text_model());
        if self.text.borrow().is_none() && self.pending.borrow().is_none() {
            let pack = match downloads.stored(&on_device).await? {
                Some(pack) => Some(Arc::new(pack)),
                None => {
                    let base = self.options.text_model.as_deref();
                    let wanted = model::for_index(&mut downloads, &id, &self.options.index, base).await?;
                    let step = |step: Progress| told(Progress { phase: Phase::Model, ..step });
                    match wanted {
                        Some(wanted) => Some(model::fetched(&mut downloads, &wanted, &self.unsaved, &step).await?),
                        None => None,
                    }
                }
            };
            *self.pending.borrow_mut() = pack;
        }
        self.costs.borrow_mut().traffic.add(&downloads.traffic);
        // A device that denies even this keeps a few files more; nothing is wrong with the session.
        let _ = sync::collect(&self.world, &snapshot.manifest, &self.packs(&snapshot)).await;
        told(Progress { phase: Phase::Ready, loaded: 0, total: 0 });
        Ok(())
    }

    pub(super) fn downloads<'a>(&'a self, abort: &'a Abort) -> Downloads<'a, P> {
        Downloads::new(&self.world, abort, self.options.if_full)
    }

    /// Opens the text model from what is on the device; nothing is fetched.
    ///
    /// Errors: what [`Session::prepare_text`] failed with, `Error::NotFound` where the device has no model.
    pub async fn open_text(&self) -> Result<Rc<dyn TextModel>> {
        self.check_open()?;
        if let Some(text) = &*self.text.borrow() {
            return Ok(text.clone());
        }
        let snapshot = self.snapshot();
        let here = self.pending.borrow_mut().take();
        let pack = match here {
            Some(pack) => Some(pack),
            None => self.downloads(&Abort::new()).stored(&model::on_device(snapshot.catalog.text_model())).await?.map(Arc::new),
        };
        let Some(pack) = pack else {
            return Err(self.text_problem.borrow().clone().unwrap_or_else(|| {
                Error::NotFound("There is no text model on the device. Open with textModel, the folder of the model that the index was built with, or call sync().".to_owned())
            }));
        };
        let expected = snapshot.catalog.text_model();
        let outcome = (self.load)(pack, &expected.id).and_then(|text| model::check(text.id(), text.dim(), expected).map(|()| text));
        match outcome {
            Ok(text) => {
                *self.text.borrow_mut() = Some(text.clone());
                Ok(text)
            }
            Err(error) => {
                *self.text_problem.borrow_mut() = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Lets the open models and the scans find out which device is fastest for them; lists and searches need one item at a time.
    pub async fn settle(&self, adapter: &str) {
        let text = self.text.borrow().clone();
        if let Some(model) = text {
            model::settle(&self.world, &*model, adapter, false).await;
        }
        let image = self.images.model.borrow().clone();
        if let Some(model) = image {
            model::settle(&self.world, &*model, adapter, false).await;
        }
        let audio = self.sounds.model.borrow().clone();
        if let Some(model) = audio {
            // A sound is many patches.
            model::settle(&self.world, &*model, adapter, true).await;
        }
        self.settle_scans(adapter).await;
    }

    /// The vector of a text in the space that items are ranked in.
    pub(super) async fn embed(&self, text: &str) -> Result<Vec<f32>> {
        let vector = self.read(text).await?;
        match &self.snapshot().fusion {
            Some(fusion) => fusion.query(&[(TEXT, &vector)]),
            None => Ok(vector),
        }
    }

    /// The text model's own vector of a text.
    pub(super) async fn read(&self, text: &str) -> Result<Vec<f32>> {
        model::check_text(text)?;
        let model = self.open_text().await?;
        let mut vectors = model.encode(&[text]).await?;
        vectors.pop().ok_or_else(|| Error::Internal("the model gave no vector for a text".to_owned()))
    }

    /// The history as of now: with what other tabs wrote.
    pub(super) async fn refresh(&self) -> Result<()> {
        if self.world.store().heard() {
            self.log.refresh(self.world.store(), self.world.seal()).await?;
        }
        Ok(())
    }

    /// Recommendations for the visitor, best first.
    ///
    /// Errors: `Error::Input` for wishes out of range, and what a text in the context brings with it.
    pub async fn recommend(&self, ask: &Recommend) -> Result<Vec<Hit>> {
        self.check_open()?;
        ask.check()?;
        check_context_but_text(&ask.context)?;
        let filter = Filter::parse(&ask.wishes.filter)?;
        let text = match ask.context.get("text").and_then(Value::as_str).filter(|text| !text.trim().is_empty()) {
            Some(text) => Some(self.embed(text).await?),
            None => None,
        };
        let part = ask.context.get("time").and_then(Value::as_str).and_then(clock::named);
        self.refresh().await?;
        let snapshot = self.snapshot();
        let text = match text {
            Some(text) => Some(self.scans.once(&snapshot.catalog, &text).await?),
            None => None,
        };
        let situation = Situation { text, part };
        let (version, events) = (self.log.version(), self.log.events());
        let evidence = self.weigh(&events, &ask.context);
        let past = Past { events: &events, evidence: &evidence };
        let taste = past.taste(&snapshot);
        let _held = self.scans.ahead(&snapshot.catalog, &taste).await;
        let (terms, stranger) = terms::recommend(&snapshot, &past, &taste, situation, ask.popularity)?;
        let seed = ask.seed.unwrap_or_else(|| (self.world.clock().now() / DAY) as u64 ^ (events.len() as u64).rotate_left(32));
        let mut plan = plan(&ask.wishes, ask.explore, seed);
        if stranger {
            plan.arrangement.diversity = plan.arrangement.diversity.max(terms::FIRST_VARIETY);
        }
        let learner = self.learning.learner(version, &events);
        let places = learning::places(&terms, ask.popularity.map(|_| "popularity"));
        let worth = learning::worth(&learner, &places);
        let unknown = match plan.explore > 0.0 {
            true => Unknown::beside(taste.known(), HALF_CONFIDENCE),
            false => Unknown::default(),
        };
        let doubt = Some(Doubt { learner: &learner, places: &places, unknown: &unknown });
        let sources = Sources { catalog: &snapshot.catalog, terms: &terms, worth: &worth, events: &events, liked: &past.liked(&snapshot), doubt };
        let listed = self.list(&snapshot, &sources, &filter, &ask.wishes, &plan, None);
        let hits = hits(&snapshot, &listed, &plan);
        self.learning.remember(hits.iter().map(|hit| hit.key.as_str()), &listed, &terms, &places);
        Ok(hits)
    }

    /// What counts of `events` now, in the situation `context`.
    pub(super) fn weigh(&self, events: &[Event], context: &Map<String, Value>) -> Vec<Evidence> {
        weights::weigh(events, self.world.clock().now(), context, &self.options.weights)
    }

    /// A list without learning and exploration.
    pub(super) fn plain(&self, snapshot: &Snapshot, terms: &[Box<dyn Term>], filter: &Filter, wishes: &Wishes, past: &Past<'_>, but: Option<u32>) -> Vec<Hit> {
        let plan = plan(wishes, 0.0, 0);
        let liked = if plan.arrangement.calibrate.is_some() { past.liked(snapshot) } else { Vec::new() };
        let sources = Sources { catalog: &snapshot.catalog, terms, worth: &vec![1.0; terms.len()], events: past.events, liked: &liked, doubt: None };
        hits(snapshot, &self.list(snapshot, &sources, filter, wishes, &plan, but), &plan)
    }

    fn list(&self, snapshot: &Snapshot, sources: &Sources<'_>, filter: &Filter, wishes: &Wishes, plan: &Plan, but: Option<u32>) -> Vec<Listed> {
        let catalog = &snapshot.catalog;
        let mask = snapshot.mask(filter);
        let hidden = wishes.seen.hidden(sources.events);
        let excluded = hidden.into_iter().chain(wishes.exclude.iter().map(String::as_str));
        let excluded: HashSet<u32> = excluded.filter_map(|key| catalog.ordinal(key)).chain(but).collect();
        let allowed = |ordinal: u32| mask.as_ref().is_none_or(|mask| mask[ordinal as usize]) && !excluded.contains(&ordinal);
        draw_up(sources, allowed, plan)
    }

    /// The manifest in use.
    pub fn manifest(&self) -> Manifest {
        self.snapshot().manifest.clone()
    }
}

fn plan(wishes: &Wishes, explore: f64, seed: u64) -> Plan {
    Plan { k: wishes.k, arrangement: wishes.arrangement(), explore: explore as f32, explain: wishes.explain, seed }
}

fn hits(snapshot: &Snapshot, list: &[Listed], plan: &Plan) -> Vec<Hit> {
    let catalog = &snapshot.catalog;
    let hit = |line: &Listed| {
        let mut reasons = line.reasons.clone();
        if plan.explain && line.explored {
            reasons.insert(0, Reason { term: "explore", weight: 0.0, because: Vec::new() });
        }
        Hit { key: catalog.key(line.ordinal).to_owned(), score: line.score, reasons, item: catalog.item(line.ordinal) }
    };
    list.iter().map(hit).collect()
}

/// Checks a situation; its text may be long, as it is encoded, not kept.
fn check_context_but_text(context: &Map<String, Value>) -> Result<()> {
    if context.get("text").is_some_and(|text| !text.is_string() && !text.is_null()) {
        return Err(Error::input("context.text is no text. Pass a text, or leave it out."));
    }
    let rest: Map<String, Value> = context.iter().filter(|(name, _)| *name != "text").map(|(n, v)| (n.clone(), v.clone())).collect();
    check_context(&rest)
}

pub(super) fn unknown_item() -> Error {
    Error::NotFound("The index has no item of that key. Pass the id of an item that the index was built with, or call sync() first.".to_owned())
}
