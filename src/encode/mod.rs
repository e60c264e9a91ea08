//! Raw items to embeddings: preprocessing, model and executor in one.

pub mod device;
pub mod text;

pub use text::TextEncoder;
