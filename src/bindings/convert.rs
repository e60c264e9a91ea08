//! Plain objects to values and back; errors to `Error` objects with a `code`.

use js_sys::{Function, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::engine::progress::Progress;
use crate::error::{Error, Result};

/// A plain object as a value; `what` says what it should be. The reason is left out: it would quote the visitor's data.
pub fn read<T: DeserializeOwned>(value: JsValue, what: &str) -> Result<T> {
    serde_wasm_bindgen::from_value(value).map_err(|_| Error::input(format!("{what} has a field of the wrong type. Compare it with the types of the package.")))
}

/// A value as a plain object.
pub fn write<T: Serialize>(value: &T) -> Result<JsValue, JsValue> {
    value.serialize(&Serializer::json_compatible()).map_err(|_| thrown(Error::Internal("a value does not serialize".to_owned())))
}

/// An error as JavaScript throws it.
pub fn thrown(error: Error) -> JsValue {
    let object = js_sys::Error::new(&error.to_string());
    object.set_name("PalateError");
    // A fresh ordinary object takes any property.
    let _ = Reflect::set(&object, &"code".into(), &error.code().into());
    object.into()
}

/// Tells a function of the page's side: phase, bytes loaded, bytes in all.
pub fn tell(function: &Function, step: Progress) {
    let phase = JsValue::from_str(step.phase.name());
    let _ = function.call3(&JsValue::NULL, &phase, &JsValue::from_f64(step.loaded as f64), &JsValue::from_f64(step.total as f64));
}
