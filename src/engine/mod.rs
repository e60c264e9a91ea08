//! One open session: the only long-lived state, and the order in which the rooms below are called.
//!
//! * [`session`]: open, and the calls that ask for lists; [`events`]: the calls that concern the history.
//! * [`search`]: by words, by a picture, by both.
//! * [`sync`]: fetches, verifies and swaps the index; [`download`]: one file, resumed where it broke.
//! * [`scan`]: on which device the index is scanned.
//! * [`snapshot`]: one index, opened; [`terms`]: what the scores of its lists are made of.
//! * [`learning`]: what the terms are worth to this visitor.
//! * [`model`]: the text model behind a trait, and how its pack gets here; [`unsaved`]: packs that are stored after they are in use.
//! * [`media`]: the same of the models of pictures and sounds.
//! * [`encoder`]: a session of the encoder alone.
//! * [`ask`]: what callers pass and get; [`progress`]; [`report`].

pub mod ask;
pub mod download;
pub mod encoder;
pub mod events;
pub mod learning;
pub mod media;
pub mod model;
pub mod profile;
pub mod progress;
pub mod report;
pub mod scan;
pub mod search;
pub mod session;
pub mod snapshot;
pub mod sync;
pub mod terms;
pub mod unsaved;

pub use session::{Options, Session};
