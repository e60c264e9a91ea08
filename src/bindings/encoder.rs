//! An encoder's session, as the worker calls it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use js_sys::{Array, Float32Array, Function};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::convert::{read, thrown, write};
use super::{AbortHandle, media, text};
use crate::compute::cpu::isa::Isa;
use crate::engine::download::IfFull;
use crate::engine::encoder::{self, Upkeep};
use crate::encode::choice::Wish;
use crate::engine::media::{MediaModel, encode_film};
use crate::engine::model::{self, AnyModel, TextModel};
use crate::engine::unsaved::Unsaved;
use crate::error::{Error, Result};
use crate::format::pack::{ModelId, Pack};
use crate::fuse::Film;
use crate::models;
use crate::platform::web::fetch::Early;
use crate::platform::web::shared::WebLock;
use crate::platform::web::store::Preference;
use crate::preprocess::{Picture, Sound};
use crate::platform::web::world::{self, Found, WebWorld};

/// A model of one kind.
enum Model {
    Text(Rc<dyn TextModel>),
    Image(Rc<dyn MediaModel<Picture>>),
    Audio(Rc<dyn MediaModel<Sound>>),
}

impl Model {
    fn any(&self) -> &dyn AnyModel {
        match self {
            Model::Text(model) => &**model,
            Model::Image(model) => &**model,
            Model::Audio(model) => &**model,
        }
    }

    fn takes(&self) -> &'static str {
        match self {
            Model::Text(_) => "text",
            Model::Image(_) => "image",
            Model::Audio(_) => "audio",
        }
    }
}

/// Opens verified packs, whatever they take: one, or an image model and what reads films by it.
fn load(packs: Vec<(Arc<Vec<u8>>, ModelId)>, wish: Wish) -> Result<(Model, Option<Film>)> {
    let mut packs = packs.into_iter().map(|(bytes, id)| Pack::parse_verified(bytes, id.sha256));
    let pack = packs.next().unwrap_or_else(|| Err(Error::input("There is no model. Pass { model: its folder }.")))?;
    let model = match pack.architecture.as_str() {
        name if models::IMAGE.contains(&name) => media::open_image(pack, wish).map(Model::Image),
        name if models::AUDIO.contains(&name) => media::open_audio(pack, wish).map(Model::Audio),
        _ => text::open(pack, wish).map(Model::Text),
    }?;
    let Some(pack) = packs.next() else { return Ok((model, None)) };
    let film = Film::from_pack(&pack?, Isa::plain())?;
    film.check(model.any().id(), model.any().dim())?;
    Ok((model, Some(film)))
}

impl Model {
    /// The error for inputs of another kind.
    fn takes_another(&self) -> JsValue {
        let (takes, pass) = match self {
            Model::Text(_) => ("reads texts", "text"),
            Model::Image(_) => ("takes pictures", "image"),
            Model::Audio(_) => ("takes sounds", "audio"),
        };
        thrown(Error::input(format!("The model {takes}. Pass [{{ {pass} }}, ...], or open another model.")))
    }
}

/// An open encoder.
#[wasm_bindgen]
pub struct EncoderSession {
    model: Model,
    /// What reads films by the image model's frames.
    film: Option<Film>,
    world: WebWorld,
    found: Found,
    unsaved: Unsaved<WebLock>,
    upkeep: RefCell<Option<Upkeep>>,
}

#[wasm_bindgen]
impl EncoderSession {
    /// Opens the model of a folder. `progress(phase, loaded, total)` hears how far it is. `early`: what is downloaded already.
    pub async fn open(options: JsValue, progress: Function, abort: &AbortHandle, early: Option<Early>) -> Result<EncoderSession, JsValue> {
        #[derive(Deserialize)]
        struct Options {
            /// Folders of the model, and of one that reads films.
            models: Vec<String>,
            device: String,
            store: String,
            space: String,
        }
        let abort = abort.abort.clone();
        let opened = async {
            let options: Options = read(options, "The options of open")?;
            let preference = Preference::named(&options.store)?;
            let (mut world, found) = world::open_keyless(&options.space, preference).await?;
            world.fetch.early = early;
            let if_full = if preference == Preference::Auto { IfFull::UseMemory } else { IfFull::Fail };
            let told = |step| text::tell_and_tune(&progress, step);
            let wish = Wish::named(&options.device)?;
            let load = move |packs| load(packs, wish);
            let unsaved = Unsaved::default();
            let ((model, film), upkeep) = encoder::open(&world, &options.models, if_full, &unsaved, load, &abort, &told).await?;
            let upkeep = match if_full {
                IfFull::UseMemory => Some(upkeep),
                IfFull::Fail => upkeep.run(&world).await.map(|()| None)?,
            };
            Ok(EncoderSession { model, film, world, found, unsaved, upkeep: RefCell::new(upkeep) })
        };
        let outcome: Result<EncoderSession> = opened.await;
        outcome.map_err(thrown)
    }

    /// One `Float32Array` of unit length a text.
    pub async fn encode(&self, texts: Vec<String>) -> Result<Array, JsValue> {
        let Model::Text(model) = &self.model else {
            return Err(self.model.takes_another());
        };
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = model.encode(&texts).await.map_err(thrown)?;
        Ok(vectors.iter().map(|vector| Float32Array::from(vector.as_slice())).collect())
    }

    /// Finds out which device is fastest, where that is open; meant for when nobody waits. `adapter`: what the browser says
    /// of its GPU.
    pub async fn settle(&self, adapter: String) {
        // Pictures come one after another, each decoded on its own; a sound is many patches.
        let batches = !matches!(self.model, Model::Image(_));
        model::settle(&self.world, self.model.any(), &adapter, batches).await;
    }

    /// Whether the model is still to be stored.
    #[wasm_bindgen(js_name = isUnsaved)]
    pub fn is_unsaved(&self) -> bool {
        !self.unsaved.is_empty() || self.upkeep.borrow().is_some()
    }

    /// Stores the next piece of it. A device that is full keeps nothing, and the next visit fetches the model again.
    #[wasm_bindgen(js_name = storePiece)]
    pub async fn store_piece(&self) {
        let upkeep = self.upkeep.take();
        if let Some(upkeep) = upkeep {
            let _ = upkeep.run(&self.world).await;
            return;
        }
        let _ = self.unsaved.store_piece(&self.world).await;
    }

    /// A `Float32Array` of unit length for a picture, `[height, width, 4]` bytes with straight alpha, or for the film that several are
    /// frames of.
    pub async fn see(&self, width: u32, height: u32, rgba: Vec<u8>) -> Result<Float32Array, JsValue> {
        let Model::Image(model) = &self.model else {
            return Err(self.model.takes_another());
        };
        let mut pictures = media::pictures(width, height, &rgba).map_err(thrown)?;
        drop(rgba);
        let vector = match pictures.len() {
            1 => model.encode(pictures.swap_remove(0)).await,
            _ => encode_film(&**model, self.film.as_ref(), pictures).await,
        };
        Ok(Float32Array::from(vector.map_err(thrown)?.as_slice()))
    }

    /// How sounds are best decoded: `{ rate, seconds }`.
    pub fn hearing(&self) -> Result<JsValue, JsValue> {
        let Model::Audio(model) = &self.model else {
            return Err(self.model.takes_another());
        };
        write(&model.hearing().map(media::HearingOut::from))
    }

    /// A `Float32Array` of unit length for a sound: samples of one channel, `rate` a second.
    pub async fn hear(&self, rate: u32, samples: Vec<f32>) -> Result<Float32Array, JsValue> {
        let Model::Audio(model) = &self.model else {
            return Err(self.model.takes_another());
        };
        let sound = Sound::from_mono(rate, samples).map_err(thrown)?;
        Ok(Float32Array::from(model.encode(sound).await.map_err(thrown)?.as_slice()))
    }

    /// Which device is in use: `wasm`, `webgpu` or `wasm+webgpu`.
    pub fn device(&self) -> String {
        text::device(&self.model.any().account().unwrap_or_default()).to_owned()
    }

    /// The encoder's account of itself.
    pub fn report(&self) -> Result<JsValue, JsValue> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Out<'a> {
            version: &'static str,
            #[serde(flatten)]
            devices: text::DeviceOut,
            kernels: String,
            takes: &'static str,
            model: &'a str,
            dim: usize,
            video_model: Option<&'a str>,
            store: &'static str,
            why: &'a str,
        }
        let model = self.model.any();
        write(&Out {
            version: env!("CARGO_PKG_VERSION"),
            devices: model.account().into(),
            kernels: model.device(),
            takes: self.model.takes(),
            model: &model.id().name,
            dim: model.dim(),
            video_model: self.film.as_ref().map(|film| film.id().name.as_str()),
            store: self.found.store,
            why: &self.found.why,
        })
    }
}
