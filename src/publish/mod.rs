//! Items and interactions in, index out: what the publisher's command line does, without the command line.

pub mod audio_input;
pub mod base;
pub mod build;
pub mod calibration;
pub mod checkpoint;
pub mod clean;
pub mod fold;
pub mod image_input;
pub mod fused;
pub mod fusion;
pub mod interaction_columns;
pub mod interaction_text;
pub mod interactions;
pub mod item_features;
pub mod items;
pub mod media;
pub mod model;
pub mod quantize;
pub mod quantize4;
pub mod ranker;
pub mod table;
pub mod tower;
pub mod weights;
