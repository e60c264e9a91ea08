//! The text encoder on the devices of this browser, as an engine's text model.

use std::rc::Rc;
use std::sync::Arc;

use js_sys::Function;
use serde::Serialize;

use super::convert::tell;
use crate::compute::cpu::isa::Isa;
use crate::compute::cpu::tune;
use crate::encode::choice::{Account, Wish};
use crate::encode::device::OnDevices;
use crate::encode::inputs::Inputs;
use crate::encode::text::TextDevices;
use crate::engine::model::{AnyModel, Embedding, Settling, TextModel};
use crate::engine::scan::ScanReport;
use crate::engine::progress::{Phase, Progress};
use crate::error::Result;
use crate::format::pack::{ModelId, Pack};

impl<I: Inputs> AnyModel for OnDevices<I> {
    fn dim(&self) -> usize {
        self.inputs().head().dim
    }

    fn id(&self) -> &ModelId {
        &self.inputs().head().id
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

impl TextModel for TextDevices {
    fn encode<'a>(&'a self, texts: &'a [&'a str]) -> Embedding<'a> {
        Box::pin(self.encode(texts))
    }
}

/// Opens a verified pack, its processor's part on the fastest instruction set of this module.
pub fn load(pack: Arc<Vec<u8>>, id: &ModelId, wish: Wish) -> Result<Rc<dyn TextModel>> {
    open(Pack::parse_verified(pack, id.sha256.clone())?, wish)
}

/// As [`load`], from a pack that is parsed already.
pub fn open(pack: Pack, wish: Wish) -> Result<Rc<dyn TextModel>> {
    Ok(Rc::new(TextDevices::new(pack, isa(), wish, now)?))
}

/// Which device computes and why, as reports show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceOut {
    device: &'static str,
    device_why: String,
    gpu: Option<GpuOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GpuOut {
    adapter: String,
    probe: Option<String>,
    tilings: Option<String>,
    race: Option<RaceOut>,
    lost: u32,
    repeated: u32,
}

#[derive(Serialize)]
struct RaceOut {
    one: Pair,
    batch: Pair,
}

/// Milliseconds; `null` where the GPU was not even tried.
#[derive(Serialize)]
struct Pair {
    wasm: f64,
    webgpu: Option<f64>,
}

/// The device's name for customers.
pub fn device(account: &Account) -> &'static str {
    match (account.few_on_gpu, account.many_on_gpu) {
        (false, false) => "wasm",
        (true, true) => "webgpu",
        _ => "wasm+webgpu",
    }
}

impl From<Option<Account>> for DeviceOut {
    fn from(account: Option<Account>) -> Self {
        let account = account.unwrap_or_else(|| Account { why: "nothing was encoded yet".into(), ..Account::default() });
        let device = device(&account);
        let pair = |[wasm, webgpu]: [f64; 2]| Pair { wasm, webgpu: webgpu.is_finite().then_some(webgpu) };
        let race = account.race.map(|[one, batch]| RaceOut { one: pair(one), batch: pair(batch) });
        let Account { probe, tilings, lost, repeated, .. } = account;
        let gpu = account.adapter.map(|adapter| GpuOut { adapter, probe, tilings, race, lost, repeated });
        DeviceOut { device, device_why: account.why, gpu }
    }
}

/// Where the index is scanned.
#[derive(Serialize)]
pub struct ScanOut {
    device: &'static str,
    why: String,
    adapter: Option<String>,
    race: Option<Pair>,
}

impl From<ScanReport> for ScanOut {
    fn from(ScanReport { on_gpu, why, adapter, race }: ScanReport) -> Self {
        let race = race.map(|[wasm, webgpu]| Pair { wasm, webgpu: Some(webgpu) });
        ScanOut { device: if on_gpu { "webgpu" } else { "wasm" }, why, adapter, race }
    }
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

/// Milliseconds since the page began.
pub fn now() -> f64 {
    crate::platform::web::clock::ticks()
}
