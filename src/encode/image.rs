//! Pictures to unit vectors: resize, crop and normalize as the model's checkpoint says, then run, one after another.

use super::device::{Inputs, OnDevices};
use super::race::Heat;
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
/// On a GPU several large ones fill it; 8 of 224 by 224.
const GPU_POSITIONS: usize = 8 * 224 * 224;

/// What stands before the model: pictures to pixels, and the model as data.
pub struct ImageInputs {
    id: ModelId,
    space: Option<ModelId>,
    dim: usize,
    preparation: Preparation,
    graph: Graph,
}

impl Inputs for ImageInputs {
    fn new(pack: &Pack) -> Result<Self> {
        let graph = super::graph(pack, &models::IMAGE, "takes no pictures; they need")?;
        let preparation = preparation(pack.encoder.image.as_ref())?;
        Ok(Self { id: pack.id.clone(), space: models::tower::space(&pack.config), dim: pack.encoder.dim, preparation, graph })
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn model_id(&self) -> &ModelId {
        &self.id
    }

    fn graph(&self) -> &Graph {
        &self.graph
    }

    /// One picture, and eight where a run holds as many.
    fn heat(&self) -> Result<Heat> {
        let pixels = self.preparation.height * self.preparation.width * 3;
        let gray = |items: usize| batch((0..items * pixels).map(|at| (at % 251) as f32 / 125.0 - 1.0).collect(), items);
        Ok(Heat { one: gray(1), many: gray(self.gpu_chunk().min(8)), sample: gray(1) })
    }
}

impl ImageInputs {
    /// How pictures are prepared.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// Pictures of one run on the processor, and on a GPU.
    fn chunk(&self) -> usize {
        (CHUNK_POSITIONS / (self.preparation.height * self.preparation.width)).max(1)
    }

    fn gpu_chunk(&self) -> usize {
        (GPU_POSITIONS / (self.preparation.height * self.preparation.width)).max(1)
    }

    /// The inputs of the graph for `pictures`.
    pub fn batch(&self, pictures: &[Picture]) -> Batch {
        batch(pictures.iter().flat_map(|p| self.preparation.pixels(p)).collect(), pictures.len())
    }
}

/// A vision model that is ready to run on the processor.
pub struct ImageEncoder {
    inputs: ImageInputs,
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
        let inputs = ImageInputs::new(pack)?;
        let model = CpuModel::new(inputs.graph.clone(), pack.file(), isa)?;
        Ok(Self { inputs, model })
    }

    /// Length of an embedding.
    pub fn dim(&self) -> usize {
        self.inputs.dim
    }

    /// Which model makes these vectors.
    pub fn model_id(&self) -> &ModelId {
        &self.inputs.id
    }

    /// The text model in whose space these vectors are; `None` for a space of their own.
    pub fn space(&self) -> Option<&ModelId> {
        self.inputs.space.as_ref()
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.model.isa()
    }

    /// How pictures are prepared.
    pub fn preparation(&self) -> &Preparation {
        &self.inputs.preparation
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
        let chunk = self.inputs.chunk();
        let run = |pictures: &[Picture]| self.model.run_shared(&self.inputs.batch(pictures));
        #[cfg(feature = "publisher")]
        let outputs = {
            use rayon::prelude::*;
            pictures.par_chunks(chunk).map(run).collect::<Result<Vec<_>>>()?
        };
        #[cfg(not(feature = "publisher"))]
        let outputs = pictures.chunks(chunk).map(run).collect::<Result<Vec<_>>>()?;
        Ok(outputs.iter().flat_map(|o| o.chunks_exact(self.inputs.dim)).map(<[f32]>::to_vec).collect())
    }

    /// The finished output of every node for one picture: what a quantizer calibrates by.
    ///
    /// # Errors
    /// [`Error::Internal`] for a graph that does not take pictures.
    pub fn observe(&self, picture: &Picture, observe: impl FnMut(usize, &[f32])) -> Result<()> {
        let batch = self.inputs.batch(std::slice::from_ref(picture));
        self.model.run_observed(&batch, &mut Workspace::default(), observe).map(|_| ())
    }
}

/// A vision model on the devices of this machine.
pub type ImageDevices = OnDevices<ImageInputs>;

impl ImageDevices {
    /// One unit vector a picture, in order.
    ///
    /// # Errors
    /// [`Error::Internal`] for a graph that does not take pictures. Never because of a GPU.
    pub async fn encode(&self, pictures: &[Picture]) -> Result<Vec<Vec<f32>>> {
        let on_gpu = self.devices().on_gpu(pictures.len()).await;
        let mut vectors = Vec::with_capacity(pictures.len());
        for pictures in pictures.chunks(if on_gpu { self.inputs().gpu_chunk() } else { self.inputs().chunk() }) {
            let batch = self.inputs().batch(pictures);
            let output = if on_gpu { self.devices().run(&batch).await? } else { self.devices().run_on_cpu(&batch)? };
            vectors.extend(output.chunks_exact(self.inputs().dim).map(<[f32]>::to_vec));
        }
        Ok(vectors)
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
