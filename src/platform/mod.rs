//! The outside world as small traits, with adapters for the browser and for native programs.

#[cfg(not(target_arch = "wasm32"))]
pub mod native;
