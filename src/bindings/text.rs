//! The CPU text encoder as an engine's text model.

use std::rc::Rc;

use js_sys::Function;

use super::convert::tell;
use crate::compute::cpu::isa::Isa;
use crate::compute::cpu::tune;
use crate::encode::TextEncoder;
use crate::engine::model::{Embedding, TextModel};
use crate::engine::progress::{Phase, Progress};
use crate::error::Result;
use crate::format::pack::{ModelId, Pack};

struct CpuText {
    encoder: TextEncoder,
}

impl TextModel for CpuText {
    fn dim(&self) -> usize {
        self.encoder.dim()
    }

    fn id(&self) -> &ModelId {
        self.encoder.model_id()
    }

    fn device(&self) -> String {
        self.encoder.isa().name().to_owned()
    }

    fn encode<'a>(&'a self, texts: &'a [&'a str]) -> Embedding<'a> {
        Box::pin(async move { self.encoder.encode(texts) })
    }
}

/// Opens a verified pack on the fastest instruction set of this module.
pub fn load(pack: Vec<u8>, id: &ModelId) -> Result<Rc<dyn TextModel>> {
    open(&Pack::parse_verified(pack, id.sha256.clone())?)
}

/// As [`load`], from a pack that is parsed already.
pub fn open(pack: &Pack) -> Result<Rc<dyn TextModel>> {
    Ok(Rc::new(CpuText { encoder: TextEncoder::from_pack(pack, isa())? }))
}

thread_local! {
    static FASTEST: Isa = tune::fastest(now);
}

/// The fastest instruction set of this module, found out once.
pub fn isa() -> Isa {
    FASTEST.with(|isa| *isa)
}

/// [`tell`], and while a pack is on its way finds out what is fastest here: the network does not wait for it.
pub fn tell_and_tune(listener: &Function, step: Progress) {
    if step.phase == Phase::Model {
        isa();
    }
    tell(listener, step);
}

fn now() -> f64 {
    crate::platform::web::clock::ticks()
}
