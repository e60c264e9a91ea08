//! The wasm boundary: converts and forwards, computes nothing.
//!
//! * [`recommender`] and [`encoder`]: one class each, one method a message of the worker.
//! * [`wire`]: the plain objects that cross; their TypeScript types are `www/lib/index.d.ts`.
//! * [`convert`]: plain objects to values and back, errors to `Error` objects with a `code`.

pub mod convert;
pub mod encoder;
pub mod media;
pub mod recommender;
pub mod text;
pub mod wire;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::platform::Abort;

/// Runs once, when the module is instantiated.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// Stops the calls that it was passed to.
#[wasm_bindgen]
#[derive(Default)]
pub struct AbortHandle {
    pub(crate) abort: Abort,
}

#[wasm_bindgen]
impl AbortHandle {
    /// A handle that stops nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> AbortHandle {
        AbortHandle::default()
    }

    /// Stops them.
    pub fn abort(&self) {
        self.abort.abort();
    }
}
