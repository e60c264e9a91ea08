//! `palate recommend`: the page's own engine, run natively over an index and a history in a file.
//!
//! Not here: ranking (`palate::engine`, `palate::rank`). The history stays in memory and is gone with the process.

use std::io::BufReader;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use clap::Args;
use palate::compute::cpu::isa::Isa;
use palate::encode::TextEncoder;
use palate::encode::choice::Wish;
use palate::engine::ask::{Hit, Recommend as Ask, Wishes};
use palate::engine::download::IfFull;
use palate::engine::scan::Scanning;
use palate::engine::model::{AnyModel, Embedding, TextModel};
use palate::engine::{Options, Session};
use palate::format::history::EventRow;
use palate::format::manifest::{FILE, MAX_BYTES, Manifest};
use palate::format::pack::ModelId;
use palate::platform::memory::{ManualClock, MemoryStore};
use palate::platform::native::{FileFetch, KeySeal, SystemClock, folder, wait};
use palate::platform::{Abort, Clock, World};
use palate::publish::build::text_model;
use palate::publish::table::read_json_lines;
use palate::rank::arrange::{Aim, Cap, Variety};
use palate::rank::rules::Seen;
use palate::index::Catalog;
use palate::{Error, Result};
use serde_json::{Map, Value, json};

use crate::pack;
use crate::terminal::{clip, count, dim, line, note};

/// Largest file with a context, in bytes.
const MAX_CONTEXT: u64 = 1 << 20;
/// Events of one call of the engine.
const BATCH: usize = 5_000;

#[derive(Args)]
pub struct Recommend {
    /// The index's folder.
    #[arg(long, value_name = "DIR")]
    index: PathBuf,
    /// JSON Lines, one event each: {"item": KEY, "event": "like", "value"?: NUMBER, "time"?: MS, "context"?: {...}}.
    #[arg(long, value_name = "FILE")]
    history: PathBuf,
    /// A JSON object with the situation: `text` is compared by meaning, other entries with those of the events.
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// The text model, for a context with a text [default: the one beside the index, else its name in models/].
    #[arg(long, visible_alias = "text-model", value_name = "MODEL")]
    model: Option<PathBuf>,
    /// How many items.
    #[arg(short, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    k: u32,
    /// Variety against score, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    diversity: f64,
    /// How variety is looked for: mmr or dpp.
    #[arg(long, value_name = "KIND", default_value = "mmr")]
    variety: String,
    /// A metadata field whose mix in the list is to be like the history's; weight 0 to 1 [default: 0.5].
    #[arg(long, value_name = "FIELD[:WEIGHT]")]
    calibrate: Option<String>,
    /// A metadata field among whose values attention is shared by merit; weight 0 to 1 [default: 0.5].
    #[arg(long, value_name = "FIELD[:WEIGHT]")]
    fair: Option<String>,
    /// At most so many items of one value of a metadata field.
    #[arg(long, value_name = "FIELD:MOST")]
    cap: Option<String>,
    /// Weight of popularity, -1 (niche) to 1 (popular) [default: the shorter the history, the more].
    #[arg(long, value_name = "WEIGHT", allow_hyphen_values = true)]
    popularity: Option<f64>,
    /// Share of the list given to exploration, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    explore: f64,
    /// A JSON object of conditions on metadata.
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Items of the history that are left out: hide-judged, hide-all or show.
    #[arg(long, value_name = "RULE", default_value = "hide-judged")]
    seen: String,
    /// The moment that is "now", in ms since 1970 [default: that of the newest event, or the clock's].
    #[arg(long, value_name = "MS")]
    now: Option<f64>,
    /// Decides what exploration draws.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object: {"hits": [{"key": ..., "score": ..., "reasons": [...]}]}.
    #[arg(long)]
    json: bool,
}

/// The encoder as the engine wants it.
struct Cpu(TextEncoder);

impl AnyModel for Cpu {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn id(&self) -> &ModelId {
        self.0.model_id()
    }

    fn device(&self) -> String {
        self.0.isa().name().to_string()
    }
}

impl TextModel for Cpu {
    fn encode<'a>(&'a self, texts: &'a [&'a str]) -> Embedding<'a> {
        Box::pin(async move { self.0.encode(texts) })
    }
}

impl Recommend {
    pub fn run(self) -> Result<()> {
        let ask = self.ask()?;
        let rows = self.rows()?;
        let newest = rows.iter().filter_map(|(row, timed)| timed.then_some(row.at)).max_by(f64::total_cmp);
        let now = self.now.or(newest).unwrap_or_else(|| SystemClock.now());
        let world = World { store: MemoryStore::new(), fetch: FileFetch, clock: ManualClock::at(now), seal: KeySeal::fresh() };
        let options = Options {
            index: self.index.join(FILE).to_string_lossy().into_owned(),
            text_model: self.text_model()?,
            if_full: IfFull::UseMemory,
            public_key: None,
            weights: Default::default(),
            from_device: false,
            scanning: Scanning::on(Wish::Cpu, || 0.0),
        };
        let abort = Abort::new();
        let load = Box::new(|bytes: Arc<Vec<u8>>, _: &ModelId| -> Result<Rc<dyn TextModel>> { Ok(Rc::new(Cpu(TextEncoder::open(bytes, Isa::best())?))) });
        let session = wait(Session::open(world, options, load, &abort, &|_| ()))?;
        if ask.context.contains_key("text") {
            wait(session.prepare_text(&abort, &|_| ()))?;
        }
        let catalog = session.snapshot().catalog.clone();
        let (known, unknown): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(row, _)| catalog.ordinal(&row.item).is_some());
        if !unknown.is_empty() {
            note(&format!("{} of {} events are of items that the index does not have", count(unknown.len()), count(unknown.len() + known.len())));
        }
        let known: Vec<EventRow> = known.into_iter().map(|(row, timed)| if timed { row } else { EventRow { at: now, ..row } }).collect();
        for batch in known.chunks(BATCH) {
            wait(session.record(batch.to_vec()))?;
        }
        let hits = wait(session.recommend(&ask))?;
        self.print(&hits, &catalog)
    }

    /// Folder of the model's pack; `None`: the file beside the index.
    fn text_model(&self) -> Result<Option<String>> {
        let manifest = Manifest::parse(&folder::read(&self.index.join(FILE), MAX_BYTES as u64)?)?;
        let Some(source) = pack::source(&self.index, text_model(&manifest)?, self.model.as_deref()) else { return Ok(None) };
        Ok(pack::folder_of(&source).map(|path| path.to_string_lossy().into_owned()))
    }

    fn ask(&self) -> Result<Ask> {
        let object = |text: &str, what: &str| match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(map),
            _ => Err(Error::input(format!("{what} is not a JSON object. Give one like {{\"time\": \"evening\"}}."))),
        };
        let context = match &self.context {
            None => Map::new(),
            Some(path) => {
                let name = path.display().to_string();
                let text = String::from_utf8(folder::read(path, MAX_CONTEXT)?).map_err(|_| Error::input(format!("{name} is not UTF-8. Save it as UTF-8.")))?;
                object(&text, &name)?
            }
        };
        let filter = self.filter.as_deref().map(|text| object(text, "--filter")).transpose()?.unwrap_or_default();
        let wishes = Wishes {
            k: self.k as usize,
            filter,
            seen: Seen::named(&self.seen)?,
            diversity: self.diversity,
            variety: Variety::named(&self.variety)?,
            calibrate: self.calibrate.as_deref().map(|text| aim(text, "--calibrate")).transpose()?,
            fair: self.fair.as_deref().map(|text| aim(text, "--fair")).transpose()?,
            cap: self.cap.as_deref().map(cap).transpose()?,
            explain: true,
            ..Wishes::default()
        };
        let ask = Ask { wishes, explore: self.explore, context, popularity: self.popularity, seed: Some(self.seed) };
        ask.check()?;
        Ok(ask)
    }

    /// The events of the history, and whether each names its time.
    fn rows(&self) -> Result<Vec<(EventRow, bool)>> {
        let name = self.history.display().to_string();
        let mut rows = Vec::new();
        read_json_lines(&name, BufReader::new(folder::open(&self.history)?), &mut |(at, row)| {
            let row = row.and_then(event).map_err(|reason| Error::input(format!("{name}, line {at}: {reason}. Write one event a line, like {{\"item\": \"sku-42\", \"event\": \"like\"}}.")))?;
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    fn print(&self, hits: &[Hit], catalog: &Catalog) -> Result<()> {
        if self.json {
            let hits: Vec<Value> = hits.iter().map(|hit| json!({"key": hit.key, "score": hit.score, "reasons": reasons(hit)})).collect();
            return line(&json!({"hits": hits}).to_string());
        }
        let title = |key: &str| {
            let title = catalog.ordinal(key).and_then(|ordinal| catalog.field(ordinal, "title"));
            title.and_then(|t| t.as_str().map(String::from)).unwrap_or_else(|| key.to_string())
        };
        for hit in hits {
            let mut because: Vec<String> = Vec::new();
            for (key, _) in hit.reasons.iter().flat_map(|r| r.because.iter().filter(|(_, weight)| *weight > 0.0).take(2)) {
                // Several terms may name the same item.
                let title = title(key);
                if !because.contains(&title) {
                    because.push(title);
                }
            }
            let because = if because.is_empty() { String::new() } else { format!("because of {}", because.join(", ")) };
            line(&format!("  {:>6.3}  {}  {}  {}", hit.score, clip(&title(&hit.key), 48), dim(&hit.key), dim(&because)))?;
        }
        Ok(())
    }
}

/// `FIELD` or `FIELD:WEIGHT`.
fn aim(text: &str, option: &str) -> Result<Aim> {
    let (field, weight) = match text.rsplit_once(':') {
        None => (text, 0.5),
        Some((field, weight)) => {
            (field, weight.parse().map_err(|_| Error::input(format!("{option} {text} has no number after the colon. Write FIELD or FIELD:0.5.")))?)
        }
    };
    Ok(Aim { field: field.to_string(), weight })
}

/// `FIELD:MOST`.
fn cap(text: &str) -> Result<Cap> {
    let parts = text.rsplit_once(':').and_then(|(field, most)| Some((field, most.parse().ok()?)));
    let (field, most) = parts.ok_or_else(|| Error::input(format!("--cap {text} is not understood. Write FIELD:MOST, like brand:2.")))?;
    Ok(Cap { field: field.to_string(), most })
}

fn reasons(hit: &Hit) -> Vec<Value> {
    let because = |r: &palate::rank::explain::Reason| r.because.iter().map(|(key, weight)| json!({"key": key, "weight": weight})).collect::<Vec<_>>();
    hit.reasons.iter().map(|r| json!({"term": r.term, "weight": r.weight, "because": because(r)})).collect()
}

/// One event from its line; `false` where it names no time.
fn event(mut row: Map<String, Value>) -> std::result::Result<(EventRow, bool), String> {
    let item = match row.remove("item") {
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err("no \"item\"".into()),
    };
    let Some(Value::String(event)) = row.remove("event") else {
        return Err("no \"event\"".into());
    };
    let number = |value: Option<Value>, name: &str| match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| format!("\"{name}\" is no number")),
    };
    let value = number(row.remove("value"), "value")?;
    let exported = row.remove("at");
    let time = number(row.remove("time").or(exported), "time")?;
    let context = match row.remove("context") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map,
        Some(_) => return Err("\"context\" is no object".into()),
    };
    let shown = match row.remove("shown") {
        None | Some(Value::Null) => Default::default(),
        Some(value) => serde_json::from_value(value).map_err(|_| "\"shown\" is no object of numbers")?,
    };
    Ok((EventRow { item, event, at: time.unwrap_or(0.0), value, context, call: None, shown }, time.is_some()))
}
