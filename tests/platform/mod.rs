//! One suite for every adapter of the outside world. The browser's adapters run it through `tests/browser`.

mod seal;
mod store;
