//! The encoders of pictures (on the devices of this browser) and of sounds (on its processor) as an engine's models, and
//! pixels and samples as they cross from the worker.

use std::rc::Rc;

use serde::Serialize;

use super::text::{isa, now};
use crate::encode::AudioEncoder;
use crate::encode::choice::Wish;
use crate::encode::image::ImageDevices;
use crate::engine::media::{Hearing, MediaModel, Seen};
use crate::engine::model::AnyModel;
use crate::error::Result;
use crate::format::pack::{ModelId, Pack};
use crate::preprocess::{Picture, Sound};

struct CpuAudio(AudioEncoder);

impl MediaModel<Picture> for ImageDevices {
    fn encode(&self, picture: Picture) -> Seen<'_> {
        Box::pin(async move { Ok(self.encode(&[picture]).await?.swap_remove(0)) })
    }
}

impl AnyModel for CpuAudio {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn id(&self) -> &ModelId {
        self.0.model_id()
    }

    fn device(&self) -> String {
        self.0.isa().name().to_owned()
    }
}

impl MediaModel<Sound> for CpuAudio {
    fn hearing(&self) -> Option<Hearing> {
        let preparation = self.0.preparation();
        Some(Hearing { rate: preparation.rate, seconds: preparation.seconds })
    }

    fn encode(&self, sound: Sound) -> Seen<'_> {
        Box::pin(async move { self.0.encode(&sound) })
    }
}

/// Opens a verified pack of pictures, its processor's part on the fastest instruction set of this module.
pub fn load_image(pack: Vec<u8>, id: &ModelId, wish: Wish) -> Result<Rc<dyn MediaModel<Picture>>> {
    open_image(Pack::parse_verified(pack, id.sha256.clone())?, wish)
}

/// As [`load_image`], from a pack that is parsed already.
pub fn open_image(pack: Pack, wish: Wish) -> Result<Rc<dyn MediaModel<Picture>>> {
    Ok(Rc::new(ImageDevices::new(pack, isa(), wish, now)?))
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
