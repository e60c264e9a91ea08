//! Embeddings of several modalities to one vector. Empty so far: with text alone there is nothing to join.
