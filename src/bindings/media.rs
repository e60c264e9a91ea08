//! The encoders of pictures and of sounds on the devices of this browser as an engine's models, and pixels and samples as they cross
//! from the worker.

use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;

use super::text::{DeviceOut, isa, now};
use crate::encode::audio::AudioDevices;
use crate::encode::choice::{Account, Wish};
use crate::encode::image::ImageDevices;
use crate::engine::media::{Hearing, MediaModel, Seen};
use crate::error::Result;
use crate::format::pack::{ModelId, Pack};
use crate::preprocess::{Picture, Sound};

impl MediaModel<Picture> for ImageDevices {
    fn encode(&self, picture: Picture) -> Seen<'_> {
        Box::pin(async move { Ok(self.encode(&[picture]).await?.swap_remove(0)) })
    }
}

impl MediaModel<Sound> for AudioDevices {
    fn hearing(&self) -> Option<Hearing> {
        let preparation = self.inputs().preparation();
        Some(Hearing { rate: preparation.rate, seconds: preparation.seconds })
    }

    fn encode(&self, sound: Sound) -> Seen<'_> {
        Box::pin(async move { self.encode(&sound).await })
    }
}

/// Opens a verified pack of pictures, its processor's part on the fastest instruction set of this module.
pub fn load_image(pack: Arc<Vec<u8>>, id: &ModelId, wish: Wish) -> Result<Rc<dyn MediaModel<Picture>>> {
    open_image(Pack::parse_verified(pack, id.sha256.clone())?, wish)
}

/// As [`load_image`], from a pack that is parsed already.
pub fn open_image(pack: Pack, wish: Wish) -> Result<Rc<dyn MediaModel<Picture>>> {
    Ok(Rc::new(ImageDevices::new(pack, isa(), wish, now)?))
}

/// As [`load_image`], of sounds.
pub fn load_audio(pack: Arc<Vec<u8>>, id: &ModelId, wish: Wish) -> Result<Rc<dyn MediaModel<Sound>>> {
    open_audio(Pack::parse_verified(pack, id.sha256.clone())?, wish)
}

/// As [`open_image`], of sounds.
pub fn open_audio(pack: Pack, wish: Wish) -> Result<Rc<dyn MediaModel<Sound>>> {
    Ok(Rc::new(AudioDevices::new(pack, isa(), wish, now)?))
}

/// Pixels `[pictures, height, width, 4]` with straight alpha, as a canvas gives them: one, or a film's frames.
pub fn pictures(width: u32, height: u32, rgba: &[u8]) -> Result<Vec<Picture>> {
    let (width, height) = (width as usize, height as usize);
    let size = width.saturating_mul(height).saturating_mul(4).max(1);
    let whole = rgba.chunks(size).map(|pixels| Picture::from_rgba(width, height, pixels));
    whole.collect()
}

/// What computes pictures, or sounds, as reports show it.
#[derive(Serialize)]
pub struct MediaOut {
    kernels: String,
    #[serde(flatten)]
    devices: DeviceOut,
}

impl MediaOut {
    /// From what its model says of itself.
    pub fn new((kernels, account): (String, Option<Account>)) -> MediaOut {
        MediaOut { kernels, devices: account.into() }
    }
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
