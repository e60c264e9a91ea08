//! What the browser throws, as errors of ours.
//!
//! Only names of exceptions are passed on, never their messages: those may hold addresses.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::IdbRequest;

use crate::error::{Error, Result};

/// The `name` of a thrown value (`"QuotaExceededError"`), empty where it has none.
pub fn name_of(thrown: &JsValue) -> String {
    Reflect::get(thrown, &JsValue::from_str("name")).ok().and_then(|name| name.as_string()).unwrap_or_default()
}

/// A failure of storage, by the exception's name.
pub fn storage(thrown: &JsValue, doing: &str) -> Error {
    match name_of(thrown).as_str() {
        "QuotaExceededError" => Error::Quota(format!(
            "The device has no room left to {doing}. Free some space, or let the visitor clear other data of this site, and call again."
        )),
        "AbortError" => Error::Storage(format!("The browser stopped the attempt to {doing}. Call again.")),
        name => Error::Storage(format!(
            "The browser does not let this page {doing} ({}). Allow the site to store data (private windows often forbid it), or open with store: 'memory'.",
            if name.is_empty() { "no reason given" } else { name }
        )),
    }
}

/// A promise's value, or what it was rejected with.
pub async fn settled(promise: Promise) -> Result<JsValue, JsValue> {
    JsFuture::from(promise).await
}

/// The result of a request to IndexedDB, or its error.
pub async fn answered(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let promise = Promise::new(&mut |resolve: Function, reject: Function| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    let outcome = JsFuture::from(promise).await;
    request.set_onsuccess(None);
    request.set_onerror(None);
    match outcome {
        Ok(_) => request.result(),
        Err(_) => Err(request.error().ok().flatten().map_or(JsValue::UNDEFINED, JsValue::from)),
    }
}

/// A method of `object` by its name, where this browser has it.
pub fn method(object: &JsValue, name: &str) -> Option<Function> {
    Reflect::get(object, &JsValue::from_str(name)).ok()?.dyn_into().ok()
}
