//! Raw items to embeddings: preprocessing, model and executor in one.

pub mod audio;
pub mod choice;
pub mod device;
pub mod image;
pub mod inputs;
pub mod race;
pub mod text;
pub mod tokenizer;

pub use audio::AudioEncoder;
pub use image::ImageEncoder;
pub use text::TextEncoder;
