//! The image encoder on the devices of this browser, as an engine's image model, and pixels as they cross from the worker.

use std::rc::Rc;

use super::text::{isa, now};
use crate::encode::choice::{Account, Wish};
use crate::encode::image::ImageDevices;
use crate::engine::image::{ImageModel, Seen};
use crate::engine::model::{AnyModel, Settling};
use crate::error::Result;
use crate::format::pack::{ModelId, Pack};
use crate::preprocess::Picture;

impl AnyModel for ImageDevices {
    fn dim(&self) -> usize {
        self.inputs().dim()
    }

    fn id(&self) -> &ModelId {
        self.inputs().model_id()
    }

    fn device(&self) -> String {
        self.devices().isa().name().to_owned()
    }

    fn account(&self) -> Option<Account> {
        Some(self.devices().account())
    }

    fn settle<'a>(&'a self, adapter: &'a str, batches: bool, remembered: Option<Vec<u8>>) -> Settling<'a> {
        Box::pin(async move { self.settle(adapter, batches, remembered.as_deref()).await })
    }
}

impl ImageModel for ImageDevices {
    fn encode(&self, picture: Picture) -> Seen<'_> {
        Box::pin(async move { Ok(self.encode(&[picture]).await?.swap_remove(0)) })
    }
}

/// Opens a verified pack, its processor's part on the fastest instruction set of this module.
pub fn load(pack: Vec<u8>, id: &ModelId, wish: Wish) -> Result<Rc<dyn ImageModel>> {
    open(Pack::parse_verified(pack, id.sha256.clone())?, wish)
}

/// As [`load`], from a pack that is parsed already.
pub fn open(pack: Pack, wish: Wish) -> Result<Rc<dyn ImageModel>> {
    Ok(Rc::new(ImageDevices::new(pack, isa(), wish, now)?))
}

/// Pixels `[height, width, 4]` with straight alpha, as a canvas gives them.
pub fn picture(width: u32, height: u32, rgba: &[u8]) -> Result<Picture> {
    Picture::from_rgba(width as usize, height as usize, rgba)
}
