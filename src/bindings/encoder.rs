//! An encoder's session, as the worker calls it.

use std::rc::Rc;

use js_sys::{Array, Float32Array, Function};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::convert::{read, thrown, write};
use super::{AbortHandle, text};
use crate::engine::download::IfFull;
use crate::engine::encoder;
use crate::encode::device::Wish;
use crate::engine::model::{self, TextModel};
use crate::error::Result;
use crate::platform::web::store::Preference;
use crate::platform::web::world::{self, Found, WebWorld};

/// An open encoder.
#[wasm_bindgen]
pub struct EncoderSession {
    model: Rc<dyn TextModel>,
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
            let load = move |pack, id: &_| text::load(pack, id, wish);
            let model = encoder::open(&world, &options.model, if_full, &load, &abort, &told).await?;
            Ok(EncoderSession { model, world, found })
        };
        let outcome: Result<EncoderSession> = opened.await;
        outcome.map_err(thrown)
    }

    /// One `Float32Array` of unit length a text.
    pub async fn encode(&self, texts: Vec<String>) -> Result<Array, JsValue> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = self.model.encode(&texts).await.map_err(thrown)?;
        Ok(vectors.iter().map(|vector| Float32Array::from(vector.as_slice())).collect())
    }

    /// Finds out which device is fastest, where that is open; meant for when nobody waits. `adapter`: what the browser says
    /// of its GPU.
    pub async fn settle(&self, adapter: String) {
        model::settle(&self.world, &*self.model, &adapter, true).await;
    }

    /// The encoder's account of itself.
    pub fn report(&self) -> Result<JsValue, JsValue> {
        #[derive(Serialize)]
        struct Out<'a> {
            version: &'static str,
            #[serde(flatten)]
            devices: text::DeviceOut,
            kernels: String,
            model: &'a str,
            dim: usize,
            store: &'static str,
            why: &'a str,
        }
        write(&Out {
            version: env!("CARGO_PKG_VERSION"),
            devices: self.model.account().into(),
            kernels: self.model.device(),
            model: &self.model.id().name,
            dim: self.model.dim(),
            store: self.found.store,
            why: &self.found.why,
        })
    }
}
