//! A recommender's session, as the worker calls it.

use js_sys::Function;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::convert::{read, tell, thrown, write};
use super::wire::{Ask, Event, HitOut, ProfileOut, ReportOut};
use super::{AbortHandle, media, text};
use crate::encode::choice::Wish;
use crate::engine::download::IfFull;
use crate::engine::events::Forget;
use crate::engine::scan::Scanning;
use crate::engine::{Options, Session};
use crate::error::{Error, Result};
use crate::platform::web::store::Preference;
use crate::preprocess::{Picture, Sound};
use crate::platform::web::world::{self, Found, WebWorld};

/// How a recommender is opened.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    index: String,
    text_model: Option<String>,
    /// Whether pictures are searched with, and by which model, where it is not the index's own.
    pictures: Option<bool>,
    image_model: Option<String>,
    /// The same of sounds.
    sounds: Option<bool>,
    audio_model: Option<String>,
    /// 64 hex digits.
    public_key: Option<String>,
    /// `auto`, `webgpu` or `wasm`.
    device: String,
    store: String,
    space: String,
    /// Whether a worker that died is replaced: what is on the device is opened, nothing is asked for.
    restart: Option<bool>,
}

/// An open session.
#[wasm_bindgen]
pub struct RecommenderSession {
    session: Session<WebWorld>,
    found: Found,
}

type Thrown = Result<JsValue, JsValue>;

fn list(hits: Vec<crate::engine::ask::Hit>) -> Thrown {
    write(&hits.into_iter().map(HitOut::from).collect::<Vec<_>>())
}

#[wasm_bindgen]
impl RecommenderSession {
    /// Opens store, history and index. `progress(phase, loaded, total)` hears how far it is.
    pub async fn open(options: JsValue, progress: Function, abort: &AbortHandle) -> Result<RecommenderSession, JsValue> {
        let abort = abort.abort.clone();
        let opened = async {
            let options: Open = read(options, "The options of open")?;
            let preference = Preference::named(&options.store)?;
            let (world, found) = world::open(&options.space, preference).await?;
            let if_full = if preference == Preference::Auto { IfFull::UseMemory } else { IfFull::Fail };
            let wish = Wish::named(&options.device)?;
            let Open { index, text_model, pictures, image_model, sounds, audio_model, public_key, restart, .. } = options;
            let public_key = public_key.map(|text| crate::format::signature::public_key(&text)).transpose()?;
            let options = Options { index, text_model, if_full, public_key, weights: Default::default(), from_device: restart.unwrap_or(false), scanning: Scanning::on(wish, text::now) };
            let mut session = Session::open(world, options, Box::new(move |pack, id: &_| text::load(pack, id, wish)), &abort, &|step| tell(&progress, step)).await?;
            if pictures.unwrap_or(false) {
                session.take::<Picture>(image_model, Box::new(move |pack, id: &_| media::load_image(pack, id, wish)));
            }
            if sounds.unwrap_or(false) {
                session.take::<Sound>(audio_model, Box::new(move |pack, id: &_| media::load_audio(pack, id, wish)));
            }
            Ok(RecommenderSession { session, found })
        };
        let outcome: Result<RecommenderSession> = opened.await;
        outcome.map_err(thrown)
    }

    /// Brings the text model to the device.
    #[wasm_bindgen(js_name = prepareText)]
    pub async fn prepare_text(&self, progress: Function, abort: &AbortHandle) -> Result<(), JsValue> {
        let abort = abort.abort.clone();
        self.session.prepare_text(&abort, &|step| text::tell_and_tune(&progress, step)).await.map_err(thrown)
    }

    /// Brings the image model to the device.
    #[wasm_bindgen(js_name = prepareImage)]
    pub async fn prepare_image(&self, progress: Function, abort: &AbortHandle) -> Result<(), JsValue> {
        let abort = abort.abort.clone();
        self.session.prepare::<Picture>(&abort, &|step| text::tell_and_tune(&progress, step)).await.map_err(thrown)
    }

    /// Brings the audio model to the device.
    #[wasm_bindgen(js_name = prepareAudio)]
    pub async fn prepare_audio(&self, progress: Function, abort: &AbortHandle) -> Result<(), JsValue> {
        let abort = abort.abort.clone();
        self.session.prepare::<Sound>(&abort, &|step| text::tell_and_tune(&progress, step)).await.map_err(thrown)
    }

    /// How sounds are best decoded: `{ rate, seconds }`.
    pub async fn hearing(&self) -> Thrown {
        let model = self.session.open_model::<Sound>().await.map_err(thrown)?;
        write(&model.hearing().map(media::HearingOut::from))
    }

    /// Opens the text model ahead of the first search.
    #[wasm_bindgen(js_name = warmUp)]
    pub async fn warm_up(&self) -> Result<(), JsValue> {
        self.session.open_text().await.map(|_| ()).map_err(thrown)
    }

    /// Whether a list is a reason to `settle`: the index is large, and what scans it is not found out yet.
    #[wasm_bindgen(js_name = scansAreOpen)]
    pub fn scans_are_open(&self) -> bool {
        self.session.scans_are_open()
    }

    /// Finds out which device is fastest, where that is open; meant for when nobody waits. `adapter`: what the browser says
    /// of its GPU.
    pub async fn settle(&self, adapter: String) {
        self.session.settle(&adapter).await;
    }

    /// Whether something that is in use is still to be stored.
    #[wasm_bindgen(js_name = isUnsaved)]
    pub fn is_unsaved(&self) -> bool {
        self.session.is_unsaved()
    }

    /// Stores the next piece of it.
    #[wasm_bindgen(js_name = storePiece)]
    pub async fn store_piece(&self) {
        self.session.store_piece().await;
    }

    /// Fetches what changed; whether another index is in use now.
    pub async fn sync(&self, progress: Function, abort: &AbortHandle) -> Result<bool, JsValue> {
        let abort = abort.abort.clone();
        self.session.sync(&abort, &|step| tell(&progress, step)).await.map_err(thrown)
    }

    /// Records events, all or none.
    pub async fn record(&self, events: JsValue) -> Result<(), JsValue> {
        let recorded = async {
            let events: Vec<Event> = read(events, "An event")?;
            let now = self.session.now();
            self.session.record(events.into_iter().map(|event| event.row(now)).collect()).await
        };
        recorded.await.map_err(thrown)
    }

    /// Recommendations, best first.
    pub async fn recommend(&self, ask: JsValue) -> Thrown {
        let hits = async { self.session.recommend(&read::<Ask>(ask, "The options of recommend")?.recommend()?).await };
        list(hits.await.map_err(thrown)?)
    }

    /// The items nearest to one.
    pub async fn similar(&self, key: String, ask: JsValue) -> Thrown {
        let hits = async { self.session.similar(&key, &read::<Ask>(ask, "The options of similar")?.similar()?).await };
        list(hits.await.map_err(thrown)?)
    }

    /// The items nearest to words.
    pub async fn search(&self, ask: JsValue) -> Thrown {
        let hits = async { self.session.search(&read::<Ask>(ask, "The options of search")?.search(false)?).await };
        list(hits.await.map_err(thrown)?)
    }

    /// The items that look most like a picture, `[height, width, 4]` bytes with straight alpha, or like the film that several are frames of.
    #[wasm_bindgen(js_name = searchSeen)]
    pub async fn search_seen(&self, ask: JsValue, width: u32, height: u32, rgba: Vec<u8>) -> Thrown {
        let hits = async {
            let ask = read::<Ask>(ask, "The options of search")?.search(true)?;
            let mut pictures = media::pictures(width, height, &rgba)?;
            drop(rgba);
            match pictures.len() {
                1 => self.session.search_like(&ask, pictures.swap_remove(0)).await,
                _ => self.session.search_film(&ask, pictures).await,
            }
        };
        list(hits.await.map_err(thrown)?)
    }

    /// The items that sound most like samples of one channel, `rate` a second.
    #[wasm_bindgen(js_name = searchHeard)]
    pub async fn search_heard(&self, ask: JsValue, rate: u32, samples: Vec<f32>) -> Thrown {
        let hits = async {
            let ask = read::<Ask>(ask, "The options of search")?.search(true)?;
            self.session.search_like(&ask, Sound::from_mono(rate, samples)?).await
        };
        list(hits.await.map_err(thrown)?)
    }

    /// What the device believes.
    pub async fn profile(&self) -> Thrown {
        write(&ProfileOut::from(self.session.profile().await.map_err(thrown)?))
    }

    /// Forgets `{ item }`, `{ before }`, `{ learned }` or `{ all }`; how many events went.
    pub async fn forget(&self, what: JsValue) -> Result<usize, JsValue> {
        #[derive(Deserialize)]
        struct What {
            item: Option<String>,
            before: Option<f64>,
            learned: Option<bool>,
            all: Option<bool>,
        }
        let forgotten = async {
            let what = match read(what, "What is to be forgotten")? {
                What { item: Some(item), before: None, learned: None, all: None } => Forget::Item(item),
                What { item: None, before: Some(time), learned: None, all: None } => Forget::Before(time),
                What { item: None, before: None, learned: Some(true), all: None } => Forget::Learned,
                What { item: None, before: None, learned: None, all: Some(true) } => Forget::All,
                _ => return Err(Error::input("It is not clear what to forget. Pass exactly one of { item }, { before }, { learned: true } or { all: true }.")),
            };
            self.session.forget(&what).await
        };
        forgotten.await.map_err(thrown)
    }

    /// The whole history as text.
    #[wasm_bindgen(js_name = exportHistory)]
    pub async fn export_history(&self) -> Result<String, JsValue> {
        self.session.export_history().await.map_err(thrown)
    }

    /// Adds the events of an export.
    #[wasm_bindgen(js_name = importHistory)]
    pub async fn import_history(&self, text: String) -> Thrown {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Out {
            added: usize,
            known: usize,
            unknown_items: usize,
        }
        let done = self.session.import_history(&text).await.map_err(thrown)?;
        write(&Out { added: done.added, known: done.known, unknown_items: done.unknown_items })
    }

    /// The session's account of itself.
    pub fn report(&self) -> Thrown {
        write(&ReportOut::new(self.session.report(), &self.found))
    }

    /// Ends the session.
    pub fn close(&self) {
        self.session.close();
    }
}
