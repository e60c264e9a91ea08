//! Decoded media to model inputs, pure. Empty so far: text needs the tokenizer alone, which a pack brings.
