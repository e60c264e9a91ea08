//! Pictures to unit vectors: resize, crop and normalize as the model's checkpoint says, then run, one after another.

use crate::compute::cpu::{CpuModel, Workspace, isa::Isa};
use crate::compute::graph::{Batch, Graph};
use crate::error::{Error, Result};
use crate::format::pack::{ImageInput, ImageSize, ModelId, Pack};
use crate::models;
use crate::preprocess::Picture;
use crate::preprocess::image::{Preparation, Resize};
use crate::preprocess::resize::Filter;

/// Positions of one run's pictures: small ones share the way through the weights, large ones go alone, and the widest
/// activations stay within some megabytes.
const CHUNK_POSITIONS: usize = 64 * 64;

/// A vision model that is ready to run.
pub struct ImageEncoder {
    id: ModelId,
    dim: usize,
    preparation: Preparation,
    model: CpuModel,
}

impl ImageEncoder {
    /// Opens a pack for an instruction set.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Version`] for bytes that are no pack of ours, [`Error::Input`] for an architecture that
    /// takes no pictures.
    pub fn open(pack: impl Into<std::sync::Arc<Vec<u8>>>, isa: Isa) -> Result<Self> {
        Self::from_pack(&Pack::parse(pack)?, isa)
    }

    /// As [`ImageEncoder::open`], from a pack that is parsed already. The pack can be dropped afterwards.
    ///
    /// # Errors
    /// As [`ImageEncoder::open`].
    pub fn from_pack(pack: &Pack, isa: Isa) -> Result<Self> {
        let name = pack.architecture.as_str();
        if !models::IMAGE.contains(&name) {
            let known = models::IMAGE.join(", ");
            return Err(Error::input(format!("{name:?} takes no pictures; they need a pack of one of {known}.")));
        }
        let graph = models::graph(name, &pack.config, &pack.encoder, pack.file())?;
        let preparation = preparation(pack.encoder.image.as_ref())?;
        let dim = graph.shape(graph.output()).cols;
        if dim != pack.encoder.dim {
            return Err(Error::corrupt("the model pack", format!("it says {} dimensions, its weights {dim}", pack.encoder.dim)));
        }
        let model = CpuModel::new(graph, pack.file(), isa)?;
        Ok(Self { id: pack.id.clone(), dim, preparation, model })
    }

    /// Length of an embedding.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Which model makes these vectors.
    pub fn model_id(&self) -> &ModelId {
        &self.id
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.model.isa()
    }

    /// How pictures are prepared.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// The graph that runs.
    pub fn graph(&self) -> &Graph {
        self.model.graph()
    }

    /// One unit vector a picture, in order.
    ///
    /// # Errors
    /// [`Error::Internal`] for a graph that does not take pictures.
    pub fn encode(&self, pictures: &[Picture]) -> Result<Vec<Vec<f32>>> {
        let chunk = (CHUNK_POSITIONS / (self.preparation.height * self.preparation.width)).max(1);
        let run = |pictures: &[Picture]| self.run(pictures.iter().flat_map(|p| self.preparation.pixels(p)).collect(), pictures.len());
        #[cfg(feature = "publisher")]
        let outputs = {
            use rayon::prelude::*;
            pictures.par_chunks(chunk).map(run).collect::<Result<Vec<_>>>()?
        };
        #[cfg(not(feature = "publisher"))]
        let outputs = pictures.chunks(chunk).map(run).collect::<Result<Vec<_>>>()?;
        Ok(outputs.iter().flat_map(|o| o.chunks_exact(self.dim)).map(<[f32]>::to_vec).collect())
    }

    /// Vectors `[items, dim]` of pictures that are prepared already, `[items, height, width, 3]`.
    ///
    /// # Errors
    /// [`Error::Internal`] for another number of numbers.
    pub fn run(&self, pixels: Vec<f32>, items: usize) -> Result<Vec<f32>> {
        self.model.run_shared(&batch(pixels, items))
    }

    /// The finished output of every node for one picture: what a quantizer calibrates by.
    ///
    /// # Errors
    /// As [`ImageEncoder::run`].
    pub fn observe(&self, picture: &Picture, observe: impl FnMut(usize, &[f32])) -> Result<()> {
        let batch = batch(self.preparation.pixels(picture), 1);
        self.model.run_observed(&batch, &mut Workspace::default(), observe).map(|_| ())
    }
}

fn batch(pixels: Vec<f32>, items: usize) -> Batch {
    Batch { items, floats: vec![pixels], ..Batch::default() }
}

/// What a pack says of its pictures, in the terms of preprocessing.
fn preparation(input: Option<&ImageInput>) -> Result<Preparation> {
    let input = input.ok_or_else(|| Error::corrupt("the model pack", "it does not say how pictures are prepared"))?;
    let filter = match input.filter.as_str() {
        "box" => Filter::Box,
        "bilinear" => Filter::Bilinear,
        "bicubic" => Filter::Bicubic,
        "lanczos" => Filter::Lanczos,
        other => return Err(Error::corrupt("the model pack", format!("it resizes pictures by {other:?}"))),
    };
    let resize = match input.resize {
        Some(ImageSize { shortest: 0, height, width }) => Resize::Exact { height, width },
        Some(size) => Resize::Shortest(size.shortest),
        None => Resize::Keep,
    };
    let ImageInput { height, width, rescale, mean, std, .. } = *input;
    Ok(Preparation { resize, filter, height, width, rescale, mean, std })
}
