//! The CPU encoders of pictures and sounds as an engine's models, and pixels and samples as they cross from the worker.

use std::rc::Rc;

use serde::Serialize;

use super::text::isa;
use crate::encode::{AudioEncoder, ImageEncoder};
use crate::engine::media::{Hearing, MediaModel, Seen};
use crate::error::Result;
use crate::format::pack::{ModelId, Pack};
use crate::preprocess::{Picture, Sound};

struct CpuImage(ImageEncoder);

struct CpuAudio(AudioEncoder);

impl MediaModel<Picture> for CpuImage {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn id(&self) -> &ModelId {
        self.0.model_id()
    }

    fn device(&self) -> String {
        self.0.isa().name().to_owned()
    }

    fn encode(&self, picture: Picture) -> Seen<'_> {
        Box::pin(async move { Ok(self.0.encode(&[picture])?.swap_remove(0)) })
    }
}

impl MediaModel<Sound> for CpuAudio {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn id(&self) -> &ModelId {
        self.0.model_id()
    }

    fn device(&self) -> String {
        self.0.isa().name().to_owned()
    }

    fn hearing(&self) -> Option<Hearing> {
        let preparation = self.0.preparation();
        Some(Hearing { rate: preparation.rate, seconds: preparation.seconds })
    }

    fn encode(&self, sound: Sound) -> Seen<'_> {
        Box::pin(async move { self.0.encode(&sound) })
    }
}

/// Opens a verified pack of pictures on the fastest instruction set of this module.
pub fn load_image(pack: Vec<u8>, id: &ModelId) -> Result<Rc<dyn MediaModel<Picture>>> {
    open_image(&Pack::parse_verified(pack, id.sha256.clone())?)
}

/// As [`load_image`], from a pack that is parsed already.
pub fn open_image(pack: &Pack) -> Result<Rc<dyn MediaModel<Picture>>> {
    Ok(Rc::new(CpuImage(ImageEncoder::from_pack(pack, isa())?)))
}

/// Opens a verified pack of sounds on the fastest instruction set of this module.
pub fn load_audio(pack: Vec<u8>, id: &ModelId) -> Result<Rc<dyn MediaModel<Sound>>> {
    open_audio(&Pack::parse_verified(pack, id.sha256.clone())?)
}

/// As [`load_audio`], from a pack that is parsed already.
pub fn open_audio(pack: &Pack) -> Result<Rc<dyn MediaModel<Sound>>> {
    Ok(Rc::new(CpuAudio(AudioEncoder::from_pack(pack, isa())?)))
}

/// Pixels `[pictures, height, width, 4]` with straight alpha, as a canvas gives them: one, or a film's frames.
pub fn pictures(width: u32, height: u32, rgba: &[u8]) -> Result<Vec<Picture>> {
    let (width, height) = (width as usize, height as usize);
    let size = width.saturating_mul(height).saturating_mul(4).max(1);
    let whole = rgba.chunks(size).map(|pixels| Picture::from_rgba(width, height, pixels));
    whole.collect()
}

/// How sounds are best decoded.
#[derive(Serialize)]
pub struct HearingOut {
    /// Samples a second.
    rate: u32,
    /// Of a sound's beginning.
    seconds: f64,
}

impl From<Hearing> for HearingOut {
    fn from(Hearing { rate, seconds }: Hearing) -> Self {
        Self { rate, seconds }
    }
}
