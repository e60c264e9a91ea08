//! palate: private recommendations that run in the page.

pub mod error;
pub mod math;
pub mod format;
pub mod preprocess;
pub mod platform;
pub mod compute;
pub mod index;
pub mod history;
pub mod models;
pub mod fuse;
pub mod rank;
pub mod encode;
pub mod evaluate;
pub mod engine;
#[cfg(feature = "publisher")]
pub mod train;
#[cfg(feature = "publisher")]
pub mod publish;
#[cfg(target_arch = "wasm32")]
pub mod bindings;

pub use error::{Error, Result};
