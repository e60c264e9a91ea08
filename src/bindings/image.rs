//! The CPU image encoder as an engine's image model, and pixels as they cross from the worker.

use std::rc::Rc;

use super::text::isa;
use crate::encode::ImageEncoder;
use crate::engine::image::{ImageModel, Seen};
use crate::error::Result;
use crate::format::pack::{ModelId, Pack};
use crate::preprocess::Picture;

struct CpuImage {
    encoder: ImageEncoder,
}

impl ImageModel for CpuImage {
    fn dim(&self) -> usize {
        self.encoder.dim()
    }

    fn id(&self) -> &ModelId {
        self.encoder.model_id()
    }

    fn device(&self) -> String {
        self.encoder.isa().name().to_owned()
    }

    fn encode(&self, picture: Picture) -> Seen<'_> {
        Box::pin(async move { Ok(self.encoder.encode(&[picture])?.swap_remove(0)) })
    }
}

/// Opens a verified pack on the fastest instruction set of this module.
pub fn load(pack: Vec<u8>, id: &ModelId) -> Result<Rc<dyn ImageModel>> {
    open(&Pack::parse_verified(pack, id.sha256.clone())?)
}

/// As [`load`], from a pack that is parsed already.
pub fn open(pack: &Pack) -> Result<Rc<dyn ImageModel>> {
    Ok(Rc::new(CpuImage { encoder: ImageEncoder::from_pack(pack, isa())? }))
}

/// Pixels `[height, width, 4]` with straight alpha, as a canvas gives them.
pub fn picture(width: u32, height: u32, rgba: &[u8]) -> Result<Picture> {
    Picture::from_rgba(width as usize, height as usize, rgba)
}
