//! Embeddings of several modalities to one vector, in which each of them can be searched with.
//!
//! Not here: the encoders of one modality (`models`, `encode`) and learning (`train`).

pub mod film;
pub mod fuser;
pub mod joint;
pub mod video_text;

pub use film::Film;
pub use fuser::Fuser;
