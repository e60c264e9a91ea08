//! The outside world as small traits, and what implements them here, in a browser and on a native machine.
//!
//! Nothing in this room knows what the bytes mean. `memory` holds twins for tests (and for a browser that
//! denies storage); `web` and `native` hold the real adapters, in files of equal names.

pub mod abort;
pub mod checkpoint;
pub mod clock;
pub mod fetch;
pub mod memory;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod regex;
pub mod seal;
pub mod store;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use abort::Abort;
pub use checkpoint::Checkpoint;
pub use clock::Clock;
pub use fetch::{Ask, Body, Fetch, Piece, Reply};
#[cfg(not(target_arch = "wasm32"))]
pub use native::Regex;
pub use seal::Seal;
pub use store::Store;
#[cfg(target_arch = "wasm32")]
pub use web::Regex;

/// One outside world: what an open session reads, writes and asks.
pub trait Platform {
    type Store: Store;
    type Fetch: Fetch;
    type Clock: Clock;
    type Seal: Seal;

    fn store(&self) -> &Self::Store;
    fn fetch(&self) -> &Self::Fetch;
    fn clock(&self) -> &Self::Clock;
    fn seal(&self) -> &Self::Seal;
}

/// A [`Platform`] made of its four parts.
pub struct World<S, F, C, K> {
    pub store: S,
    pub fetch: F,
    pub clock: C,
    pub seal: K,
}

impl<S: Store, F: Fetch, C: Clock, K: Seal> Platform for World<S, F, C, K> {
    type Store = S;
    type Fetch = F;
    type Clock = C;
    type Seal = K;

    fn store(&self) -> &S {
        &self.store
    }

    fn fetch(&self) -> &F {
        &self.fetch
    }

    fn clock(&self) -> &C {
        &self.clock
    }

    fn seal(&self) -> &K {
        &self.seal
    }
}
