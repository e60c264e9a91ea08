//! Pictures to unit vectors: resize, crop and normalize as the model's checkpoint says, then run, one after another.

use super::device::OnDevices;
use super::inputs::{Head, Inputs, OnCpu, each};
use super::race::Heat;
use crate::compute::cpu::Workspace;
use crate::compute::graph::Batch;
use crate::error::{Error, Result};
use crate::format::pack::{ImageInput, ImageSize, Pack};
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
    head: Head,
    preparation: Preparation,
}

impl Inputs for ImageInputs {
    fn new(pack: &Pack) -> Result<Self> {
        let head = Head::of(pack, &models::IMAGE, "takes no pictures; they need")?;
        Ok(Self { head, preparation: preparation(pack.encoder.image.as_ref())? })
    }

    fn head(&self) -> &Head {
        &self.head
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
pub type ImageEncoder = OnCpu<ImageInputs>;

impl ImageEncoder {
    /// How pictures are prepared.
    pub fn preparation(&self) -> &Preparation {
        &self.inputs.preparation
    }

    /// One unit vector a picture, in order.
    ///
    /// # Errors
    /// [`Error::Internal`] for a graph that does not take pictures.
    pub fn encode(&self, pictures: &[Picture]) -> Result<Vec<Vec<f32>>> {
        let parts: Vec<&[Picture]> = pictures.chunks(self.inputs.chunk()).collect();
        let outputs = each(&parts, |pictures| self.model.run_shared(&self.inputs.batch(pictures)))?;
        Ok(outputs.iter().flat_map(|o| o.chunks_exact(self.dim())).map(<[f32]>::to_vec).collect())
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
        let on_gpu = self.devices().on_gpu(pictures.len());
        let mut vectors = Vec::with_capacity(pictures.len());
        for pictures in pictures.chunks(if on_gpu { self.inputs().gpu_chunk() } else { self.inputs().chunk() }) {
            let batch = self.inputs().batch(pictures);
            let output = if on_gpu { self.devices().run(&batch).await? } else { self.devices().run_on_cpu(&batch)? };
            vectors.extend(output.chunks_exact(self.inputs().head.dim).map(<[f32]>::to_vec));
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
