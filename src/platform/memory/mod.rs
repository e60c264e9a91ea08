//! Twins of the outside world in memory, for tests and for a browser that denies storage.

pub mod checkpoint;
pub mod clock;
pub mod fetch;
pub mod store;

pub use checkpoint::MemoryCheckpoint;
pub use clock::ManualClock;
pub use fetch::MemoryFetch;
pub use store::{MemoryLock, MemoryStore};
