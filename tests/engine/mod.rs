//! One open session over twins of the outside world: open, resume, swap, lists, history, the ranker, the learner.

mod download;
mod encoder;
mod events;
pub mod fixture;
mod film;
mod fused;
mod image;
mod learning;
mod lists;
mod offline;
mod scan;
mod signature;
mod swap;
mod text;
mod trained;
mod unsaved;
