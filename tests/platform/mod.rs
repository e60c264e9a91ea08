//! One suite for every adapter of the outside world. The browser's adapters run it through `tests/browser`.

mod checkpoint;
mod regex;
mod seal;
mod store;
