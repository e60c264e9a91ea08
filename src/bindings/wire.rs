//! The plain objects that cross the wasm boundary, as written in `www/lib/index.d.ts`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::media::MediaOut;
use super::text::{DeviceOut, ScanOut};
use crate::engine::ask::{Hit, Recommend, Search, Wishes};
use crate::engine::profile::{Belief, Profile, Remembered, Weighed, Worth};
use crate::engine::report::{RankerReport, Report};
use crate::error::{Error, Result};
use crate::format::history::EventRow;
use crate::platform::web::world::Found;
use crate::rank::arrange::{Aim, Cap, Variety};
use crate::rank::rules::Seen;

/// An event to record.
#[derive(Deserialize)]
pub struct Event {
    item: String,
    event: String,
    value: Option<f64>,
    context: Option<Map<String, Value>>,
    time: Option<f64>,
    call: Option<String>,
}

impl Event {
    /// The row, with `now` where there is no time.
    pub fn row(self, now: f64) -> EventRow {
        let Event { item, event, value, context, time, call } = self;
        EventRow { item, event, at: time.unwrap_or(now), value, context: context.unwrap_or_default(), call, shown: Default::default() }
    }
}

/// What a list is asked for with; each call reads its own part.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    k: Option<f64>,
    filter: Option<Map<String, Value>>,
    exclude: Option<Vec<String>>,
    seen: Option<String>,
    diversity: Option<f64>,
    variety: Option<String>,
    calibrate: Option<AimIn>,
    fair: Option<AimIn>,
    cap: Option<CapIn>,
    explain: Option<bool>,
    explore: Option<f64>,
    context: Option<Map<String, Value>>,
    popularity: Option<f64>,
    seed: Option<f64>,
    text: Option<String>,
    personal: Option<f64>,
}

/// A metadata field and how much it counts, half by default.
#[derive(Deserialize)]
struct AimIn {
    field: String,
    weight: Option<f64>,
}

impl AimIn {
    fn aim(self) -> Aim {
        Aim { field: self.field, weight: self.weight.unwrap_or(0.5) }
    }
}

#[derive(Deserialize)]
struct CapIn {
    field: String,
    most: f64,
}

impl CapIn {
    fn cap(self) -> Result<Cap> {
        if self.most.fract() != 0.0 || !(1.0..=1e6).contains(&self.most) {
            return Err(Error::input("cap.most is no whole number of 1 or more. Pass one."));
        }
        Ok(Cap { field: self.field, most: self.most as usize })
    }
}

impl Ask {
    fn over(&mut self, base: Wishes) -> Result<Wishes> {
        let k = match self.k {
            None => base.k,
            Some(k) if k.fract() == 0.0 && (1.0..=1e6).contains(&k) => k as usize,
            Some(_) => return Err(Error::input("k is no whole number. Pass 1 to 1000.")),
        };
        Ok(Wishes {
            k,
            filter: self.filter.take().unwrap_or(base.filter),
            exclude: self.exclude.take().unwrap_or(base.exclude),
            seen: self.seen.as_deref().map_or(Ok(base.seen), Seen::named)?,
            diversity: self.diversity.unwrap_or(base.diversity),
            variety: self.variety.as_deref().map_or(Ok(base.variety), Variety::named)?,
            calibrate: self.calibrate.take().map(AimIn::aim),
            fair: self.fair.take().map(AimIn::aim),
            cap: self.cap.take().map(CapIn::cap).transpose()?,
            explain: self.explain.unwrap_or(base.explain),
        })
    }

    /// For `recommend`.
    pub fn recommend(mut self) -> Result<Recommend> {
        let base = Recommend::default();
        let seed = match self.seed {
            None => None,
            Some(seed) if seed.is_finite() => Some(seed.to_bits()),
            Some(_) => return Err(Error::input("seed is no finite number. Pass one, or leave it out.")),
        };
        Ok(Recommend {
            wishes: self.over(base.wishes)?,
            explore: self.explore.unwrap_or(base.explore),
            context: self.context.unwrap_or(base.context),
            popularity: self.popularity,
            seed,
        })
    }

    /// For `similar`.
    pub fn similar(mut self) -> Result<Wishes> {
        self.over(Wishes { k: 12, ..Wishes::default() })
    }

    /// For `search`; with a picture there need be no text.
    pub fn search(mut self, pictured: bool) -> Result<Search> {
        let text = match self.text.take() {
            None if !pictured => return Err(Error::input("The search has no text. Pass { text }.")),
            text => text.unwrap_or_default(),
        };
        Ok(Search { wishes: self.over(Wishes::default())?, text, personal: self.personal.unwrap_or(0.0) })
    }
}

#[derive(Serialize)]
pub struct ReasonOut {
    term: &'static str,
    weight: f32,
    because: Vec<String>,
    shares: Vec<f32>,
}

/// One line of a list.
#[derive(Serialize)]
pub struct HitOut {
    key: String,
    score: f32,
    reasons: Vec<ReasonOut>,
    item: Map<String, Value>,
}

impl From<Hit> for HitOut {
    fn from(hit: Hit) -> Self {
        let reasons = hit.reasons.into_iter().map(|reason| {
            let (because, shares) = reason.because.into_iter().unzip();
            ReasonOut { term: reason.term, weight: reason.weight, because, shares }
        });
        HitOut { key: hit.key, score: hit.score, reasons: reasons.collect(), item: hit.item }
    }
}

#[derive(Serialize)]
struct WeighedEventOut {
    event: &'static str,
    time: f64,
    weight: f64,
}

#[derive(Serialize)]
struct WeighedOut {
    key: String,
    weight: f32,
    events: Vec<WeighedEventOut>,
}

#[derive(Serialize)]
struct BeliefOut {
    weight: f32,
    share: f32,
    /// The keys of `items`.
    because: Vec<String>,
    items: Vec<WeighedOut>,
    near: Vec<String>,
}

#[derive(Serialize)]
struct RememberedOut {
    item: String,
    event: &'static str,
    time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    context: Map<String, Value>,
    weight: f64,
}

/// What the device believes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileOut {
    events: Vec<RememberedOut>,
    interests: Vec<BeliefOut>,
    learned: LearnedOut,
    unknown_items: usize,
}

/// What the terms are worth to the visitor.
#[derive(Serialize)]
struct LearnedOut {
    observations: u64,
    terms: Vec<WorthOut>,
}

#[derive(Serialize)]
struct WorthOut {
    term: &'static str,
    factor: f64,
    deviation: f64,
}

impl From<Profile> for ProfileOut {
    fn from(profile: Profile) -> Self {
        let weighed = |item: Weighed| {
            let events = item.events.into_iter().map(|(event, time, weight)| WeighedEventOut { event, time, weight }).collect();
            WeighedOut { key: item.key, weight: item.weight, events }
        };
        let belief = |belief: Belief| BeliefOut {
            weight: belief.weight,
            share: belief.share,
            because: belief.items.iter().map(|item| item.key.clone()).collect(),
            items: belief.items.into_iter().map(weighed).collect(),
            near: belief.near,
        };
        let remembered = |Remembered { event, weight }: Remembered| RememberedOut {
            item: event.item,
            event: event.kind.name(),
            time: event.at,
            value: event.value,
            context: event.context,
            weight,
        };
        ProfileOut {
            events: profile.events.into_iter().map(remembered).collect(),
            interests: profile.interests.into_iter().map(belief).collect(),
            learned: LearnedOut {
                observations: profile.observations,
                terms: profile.learned.into_iter().map(|Worth { term, factor, deviation }| WorthOut { term, factor, deviation }).collect(),
            },
            unknown_items: profile.unknown_items,
        }
    }
}

#[derive(Serialize)]
struct ProblemOut {
    code: &'static str,
    message: String,
}

impl From<Error> for ProblemOut {
    fn from(error: Error) -> Self {
        ProblemOut { code: error.code(), message: error.to_string() }
    }
}

#[derive(Serialize)]
struct IndexOut {
    items: usize,
    dim: usize,
    shards: usize,
    bytes: u64,
    attribution: Option<String>,
    model: String,
    ranker: Option<RankerOut>,
    origin: &'static str,
    problem: Option<ProblemOut>,
    scan: ScanOut,
}

#[derive(Serialize)]
struct RankerOut {
    file: String,
    sha256: String,
    bytes: u64,
    terms: Vec<String>,
}

impl From<RankerReport> for RankerOut {
    fn from(RankerReport { file, sha256, bytes, terms }: RankerReport) -> Self {
        RankerOut { file, sha256, bytes, terms }
    }
}

#[derive(Serialize)]
struct StoreOut {
    kind: &'static str,
    why: String,
    /// The history is sealed wherever it is kept.
    encrypted: bool,
    evicted: bool,
    locks: bool,
    unstored: Option<ProblemOut>,
    pending: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TextOut {
    ready: bool,
    kernels: Option<String>,
    problem: Option<ProblemOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryOut {
    events: usize,
    bytes: u64,
    damaged: usize,
    torn_bytes: u64,
    set_aside: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrafficOut {
    requests: u64,
    received: u64,
    read: u64,
    damaged_files: u64,
}

/// A session's account of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportOut {
    version: &'static str,
    #[serde(flatten)]
    devices: DeviceOut,
    index: IndexOut,
    text: TextOut,
    image: Option<MediaOut>,
    audio: Option<MediaOut>,
    store: StoreOut,
    history: HistoryOut,
    traffic: TrafficOut,
    open_ms: f64,
}

impl ReportOut {
    /// The engine's report and what the browser's side found.
    pub fn new(report: Report, found: &Found) -> ReportOut {
        ReportOut {
            version: env!("CARGO_PKG_VERSION"),
            devices: report.devices.into(),
            index: IndexOut {
                items: report.items,
                dim: report.dim,
                shards: report.shards,
                bytes: report.index_bytes,
                attribution: report.attribution,
                model: report.model.0,
                ranker: report.ranker.map(RankerOut::from),
                origin: report.origin,
                problem: report.problem.map(ProblemOut::from),
                scan: report.scan.into(),
            },
            text: TextOut { ready: report.device.is_some(), kernels: report.device, problem: report.text_problem.map(ProblemOut::from) },
            image: report.image.map(MediaOut::new),
            audio: report.audio.map(MediaOut::new),
            store: StoreOut {
                kind: found.store,
                why: found.why.clone(),
                encrypted: true,
                evicted: found.evicted,
                locks: found.locks,
                unstored: report.unstored.map(ProblemOut::from),
                pending: report.pending,
            },
            history: HistoryOut {
                events: report.history_events,
                bytes: report.history_bytes,
                damaged: report.history_damaged,
                torn_bytes: report.history_torn_bytes,
                set_aside: report.history_set_aside,
            },
            traffic: TrafficOut { requests: report.requests, received: report.received, read: report.read, damaged_files: report.damaged_files },
            open_ms: report.ms,
        }
    }
}
