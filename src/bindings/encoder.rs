//! An encoder's session, as the worker calls it.

use std::rc::Rc;

use js_sys::{Array, Float32Array, Function};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::convert::{read, thrown, write};
use super::{AbortHandle, image, text};
use crate::engine::download::IfFull;
use crate::engine::encoder;
use crate::encode::choice::Wish;
use crate::engine::image::ImageModel;
use crate::engine::model::{self, AnyModel, TextModel};
use crate::error::{Error, Result};
use crate::format::pack::{ModelId, Pack};
use crate::models;
use crate::platform::web::store::Preference;
use crate::platform::web::world::{self, Found, WebWorld};

/// A model of either kind.
enum Either {
    Text(Rc<dyn TextModel>),
    Image(Rc<dyn ImageModel>),
}

impl Either {
    fn model(&self) -> &dyn AnyModel {
        match self {
            Either::Text(model) => &**model,
            Either::Image(model) => &**model,
        }
    }

    fn takes(&self) -> &'static str {
        match self {
            Either::Text(_) => "text",
            Either::Image(_) => "image",
        }
    }
}

/// Opens a verified pack, whatever it takes.
fn load(pack: Vec<u8>, id: &ModelId, wish: Wish) -> Result<Either> {
    let pack = Pack::parse_verified(pack, id.sha256.clone())?;
    match models::IMAGE.contains(&pack.architecture.as_str()) {
        true => image::open(pack, wish).map(Either::Image),
        false => text::open(pack, wish).map(Either::Text),
    }
}

/// An open encoder.
#[wasm_bindgen]
pub struct EncoderSession {
    model: Either,
    world: WebWorld,
    found: Found,
}

#[wasm_bindgen]
impl EncoderSession {
    /// Opens the model of a folder. `progress(phase, loaded, total)` hears how far it is.
    pub async fn open(options: JsValue, progress: Function, abort: &AbortHandle) -> Result<EncoderSession, JsValue> {
        #[derive(Deserialize)]
        struct Options {
            model: String,
            device: String,
            store: String,
            space: String,
        }
        let abort = abort.abort.clone();
        let opened = async {
            let options: Options = read(options, "The options of open")?;
            let preference = Preference::named(&options.store)?;
            let (world, found) = world::open(&options.space, preference).await?;
            let if_full = if preference == Preference::Auto { IfFull::UseMemory } else { IfFull::Fail };
            let told = |step| text::tell_and_tune(&progress, step);
            let wish = Wish::named(&options.device)?;
            let load = move |pack, id: &_| load(pack, id, wish);
            let model = encoder::open(&world, &options.model, if_full, load, &abort, &told).await?;
            Ok(EncoderSession { model, world, found })
        };
        let outcome: Result<EncoderSession> = opened.await;
        outcome.map_err(thrown)
    }

    /// One `Float32Array` of unit length a text.
    pub async fn encode(&self, texts: Vec<String>) -> Result<Array, JsValue> {
        let Either::Text(model) = &self.model else {
            return Err(thrown(Error::input("The model takes pictures. Pass [{ image }, ...], or open a text model.")));
        };
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = model.encode(&texts).await.map_err(thrown)?;
        Ok(vectors.iter().map(|vector| Float32Array::from(vector.as_slice())).collect())
    }

    /// Finds out which device is fastest, where that is open; meant for when nobody waits. `adapter`: what the browser says
    /// of its GPU.
    pub async fn settle(&self, adapter: String) {
        // Pictures come one after another: each is decoded on its own.
        let batches = matches!(self.model, Either::Text(_));
        model::settle(&self.world, self.model.model(), &adapter, batches).await;
    }

    /// A `Float32Array` of unit length for a picture, `[height, width, 4]` bytes with straight alpha.
    pub async fn see(&self, width: u32, height: u32, rgba: Vec<u8>) -> Result<Float32Array, JsValue> {
        let Either::Image(model) = &self.model else {
            return Err(thrown(Error::input("The model reads texts. Pass [{ text }, ...], or open an image model.")));
        };
        let picture = image::picture(width, height, &rgba).map_err(thrown)?;
        drop(rgba);
        Ok(Float32Array::from(model.encode(picture).await.map_err(thrown)?.as_slice()))
    }

    /// Which device is in use: `wasm`, `webgpu` or `wasm+webgpu`.
    pub fn device(&self) -> String {
        text::device(&self.model.model().account().unwrap_or_default()).to_owned()
    }

    /// The encoder's account of itself.
    pub fn report(&self) -> Result<JsValue, JsValue> {
        #[derive(Serialize)]
        struct Out<'a> {
            version: &'static str,
            #[serde(flatten)]
            devices: text::DeviceOut,
            kernels: String,
            takes: &'static str,
            model: &'a str,
            dim: usize,
            store: &'static str,
            why: &'a str,
        }
        let model = self.model.model();
        write(&Out {
            version: env!("CARGO_PKG_VERSION"),
            devices: model.account().into(),
            kernels: model.device(),
            takes: self.model.takes(),
            model: &model.id().name,
            dim: model.dim(),
            store: self.found.store,
            why: &self.found.why,
        })
    }
}
