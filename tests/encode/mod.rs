//! Raw items to embeddings.

mod minilm;
mod models;
mod photos;
mod yamnet;
