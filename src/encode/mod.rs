//! Raw items to embeddings: preprocessing, model and executor in one.

pub mod audio;
pub mod choice;
pub mod device;
pub mod image;
pub mod race;
pub mod text;
pub mod tokenizer;

pub use audio::AudioEncoder;
pub use image::ImageEncoder;
pub use text::TextEncoder;

use crate::compute::graph::Graph;
use crate::error::{Error, Result};
use crate::format::pack::Pack;
use crate::models;

/// The graph of a pack whose architecture is one of `known`; `refusal` says before their names what another one is refused for.
///
/// # Errors
/// [`Error::Input`] for another architecture, [`Error::Corrupt`] for weights that do not make it.
fn graph(pack: &Pack, known: &[&str], refusal: &str) -> Result<Graph> {
    let name = pack.architecture.as_str();
    if !known.contains(&name) {
        return Err(Error::input(format!("{name:?} {refusal} a pack of one of {}.", known.join(", "))));
    }
    let graph = models::graph(name, &pack.config, &pack.encoder, pack.file())?;
    let dim = graph.shape(graph.output()).cols;
    if dim != pack.encoder.dim {
        return Err(Error::corrupt("the model pack", format!("it says {} dimensions, its weights {dim}", pack.encoder.dim)));
    }
    Ok(graph)
}
