//! Raw items to embeddings.

mod ear;
mod minilm;
mod models;
mod photos;
mod tokenizer;
mod yamnet;
