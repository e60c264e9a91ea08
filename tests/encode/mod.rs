//! Raw items to embeddings.

mod minilm;
