//! The outside world of a native process.

pub mod checkpoint;
pub mod clock;
pub mod fetch;
pub mod files;
pub mod folder;
#[cfg(feature = "publisher")]
pub mod memory;
pub mod regex;
#[cfg(feature = "publisher")]
pub mod seal;
#[cfg(feature = "publisher")]
pub mod signing;
pub mod wait;

pub use checkpoint::FolderCheckpoint;
pub use clock::SystemClock;
pub use fetch::FileFetch;
pub use regex::Regex;
#[cfg(feature = "publisher")]
pub use seal::KeySeal;
#[cfg(feature = "publisher")]
pub use signing::Signer;
pub use wait::wait;
