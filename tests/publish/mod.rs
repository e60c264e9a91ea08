//! Tests of `src/publish`.
