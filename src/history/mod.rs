//! What the visitor did, and what it weighs.
//!
//! * [`event`]: one event, checked.
//! * [`log`]: the sealed append-only log that several tabs share.
//! * [`weights`]: from events to a signed, decayed weight per item.

pub mod event;
pub mod log;
pub mod weights;

pub use event::{Event, Kind};
pub use log::Log;
pub use weights::{Evidence, Settings};
