//! (contents page to be written)
