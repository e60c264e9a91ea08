//! The outside world of a browser's worker.
//!
//! Everything here runs in a dedicated worker: access handles of the origin-private file system exist only there.

pub mod clock;
pub mod fault;
pub mod fetch;
pub mod indexeddb;
pub mod opfs;
pub mod regex;
pub mod seal;
pub mod shared;
pub mod store;
pub mod world;

pub use clock::WebClock;
pub use fetch::WebFetch;
pub use regex::Regex;
pub use seal::WebSeal;
pub use store::{Preference, WebStore};

use wasm_bindgen::JsCast;
use web_sys::WorkerGlobalScope;

/// The worker's global scope.
pub(crate) fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}
