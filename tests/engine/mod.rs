//! One open session over twins of the outside world: open, resume, swap, lists, history, the ranker.

mod download;
mod events;
pub mod fixture;
mod image;
mod lists;
mod offline;
mod signature;
mod swap;
mod text;
mod trained;
