//! The outside world of a native process.

pub mod clock;
pub mod files;
pub mod folder;
#[cfg(feature = "publisher")]
pub mod seal;
pub mod wait;

pub use clock::SystemClock;
#[cfg(feature = "publisher")]
pub use seal::KeySeal;
pub use wait::wait;
