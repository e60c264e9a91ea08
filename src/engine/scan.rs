//! Where a session's index is scanned: on the processor, or on the GPU where that was found right and faster.
//!
//! Its sums are the processor's own integers ([`crate::compute::webgpu::scan`]), so that lists are the same either way. It scans
//! before a list is drawn up and leaves the cosines where the processor would have looked for them; whatever it does not bring, or
//! stops bringing, the processor scans in the same call. The device is one of its own: an encoder's may be lost without it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::session::Session;
use crate::compute::cpu::isa::Isa;
use crate::compute::webgpu::{Adapter, Found, GpuScan};
use crate::encode::choice::Wish;
use crate::error::Result;
use crate::index::Catalog;
use crate::math::rng::Rng;
use crate::math::scan::Query;
use crate::platform::{Platform, Store};
use crate::rank::content::Taste;

/// Bytes of vectors from which a GPU is asked: a scan of fewer takes the processor two or three milliseconds, which is what a way
/// to a browser's GPU process and back takes alone.
const FROM_BYTES: usize = 64 << 20;
/// The blob of what a race found: who won, and under which circumstances.
const BLOB: &str = "scan-race";
/// Scans of each device in a race, all of them compared.
const ROUNDS: usize = 3;

/// Cosines on their way; boxed, so that lists and searches do not each hold the code of a whole scan.
type Coming<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What is asked of scans.
#[derive(Debug, Clone, Copy)]
pub struct Scanning {
    pub device: Wish,
    /// Bytes of vectors from which a GPU is asked.
    pub from_bytes: usize,
    /// Milliseconds of any origin, by which the devices race.
    pub now: fn() -> f64,
}

impl Scanning {
    /// As usual, on what the caller asked for.
    pub fn on(device: Wish, now: fn() -> f64) -> Self {
        Self { device, from_bytes: FROM_BYTES, now }
    }
}

/// The scans' account of themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScanReport {
    pub on_gpu: bool,
    /// Why so.
    pub why: String,
    /// What the GPU says of itself, once it was asked.
    pub adapter: Option<String>,
    /// Milliseconds of one query on the processor and on the GPU, where they raced in this session.
    pub race: Option<[f64; 2]>,
}

/// The scans of a session.
pub struct Scans {
    wish: Scanning,
    /// The catalog that was looked at last.
    settled: RefCell<Weak<Catalog>>,
    held: RefCell<Option<(Rc<Catalog>, Rc<GpuScan>)>>,
    report: RefCell<ScanReport>,
}

impl Scans {
    /// On the processor, until they settle.
    pub fn new(wish: Scanning) -> Self {
        let why = if wish.device == Wish::Cpu { "asked for" } else { "nothing else was tried yet" };
        let report = ScanReport { why: why.into(), ..ScanReport::default() };
        Self { wish, settled: RefCell::default(), held: RefCell::default(), report: RefCell::new(report) }
    }

    /// Where they run now.
    pub fn report(&self) -> ScanReport {
        self.report.borrow().clone()
    }

    /// Gives the device back; scans go on on the processor.
    pub fn stop(&self, why: &str) {
        self.held.borrow_mut().take();
        let mut report = self.report.borrow_mut();
        (report.on_gpu, report.why) = (false, why.to_owned());
    }

    /// The rows on the device, where there are any.
    pub fn held(&self) -> Option<Rc<GpuScan>> {
        self.held.borrow().as_ref().map(|(_, scan)| Rc::clone(scan))
    }

    /// Whether it is still to be found out what scans `catalog`, which is large enough for a GPU.
    fn are_open(&self, catalog: &Rc<Catalog>) -> bool {
        self.wish.device != Wish::Cpu && !std::ptr::eq(self.settled.borrow().as_ptr(), Rc::as_ptr(catalog)) && catalog.len() * catalog.dim() >= self.wish.from_bytes
    }

    fn on_gpu(&self, catalog: &Rc<Catalog>) -> Option<Rc<GpuScan>> {
        let held = self.held.borrow();
        held.as_ref().filter(|(of, _)| Rc::ptr_eq(of, catalog)).map(|(_, scan)| Rc::clone(scan))
    }

    /// Scans for what a list will ask the catalog for. As long as the answer is held, the catalog finds it there.
    pub async fn ahead(&self, catalog: &Rc<Catalog>, taste: &Taste) -> Vec<Arc<Vec<f32>>> {
        let missing = taste.known().map(|(center, _)| Query::new(center)).filter(|query| !catalog.remembers(query)).collect();
        let found = self.sums(catalog, missing).await;
        found.into_iter().map(|(query, sums)| catalog.remember(query, &sums)).collect()
    }

    /// The cosines of one query that is not likely to come again, `[items]`.
    ///
    /// # Errors
    /// As [`Catalog::scan`].
    pub async fn once(&self, catalog: &Rc<Catalog>, query: &[f32]) -> Result<Vec<f32>> {
        if let Some((query, sums)) = self.sums(catalog, vec![Query::new(query)]).await.pop() {
            return Ok(catalog.cosines_of(&query, &sums));
        }
        let mut cosines = vec![0.0; catalog.len()];
        catalog.scan(query, &mut cosines)?;
        Ok(cosines)
    }

    /// What the GPU gives; nothing where it does not scan. Where it fails, scans stay on the processor.
    fn sums<'a>(&'a self, catalog: &'a Rc<Catalog>, queries: Vec<Query>) -> Coming<'a, Vec<(Query, Vec<i32>)>> {
        Box::pin(async move {
            let Some(scan) = self.on_gpu(catalog).filter(|_| queries.iter().all(|query| query.dim() == catalog.dim())) else { return Vec::new() };
            match scan.sums(&queries).await {
                Ok(sums) => queries.into_iter().zip(sums).collect(),
                Err(error) => {
                    self.stop(&error.to_string());
                    Vec::new()
                }
            }
        })
    }

    /// Finds out whether the GPU scans `catalog` faster, once for each catalog, and brings it there if so. `remembered` is what an
    /// earlier visit found; gives what the next one should remember, if that is new.
    async fn settle(&self, catalog: &Rc<Catalog>, adapter: &str, remembered: Option<Vec<u8>>) -> Option<Vec<u8>> {
        if self.wish.device == Wish::Cpu || std::ptr::eq(self.settled.borrow().as_ptr(), Rc::as_ptr(catalog)) {
            return None;
        }
        *self.settled.borrow_mut() = Rc::downgrade(catalog);
        if catalog.len() * catalog.dim() < self.wish.from_bytes {
            self.stop("the index is so small that the processor has scanned it before a GPU answers");
            return None;
        }
        let found = match Found::look().await {
            Ok(found) => found,
            Err(error) => {
                self.stop(&error.to_string());
                return None;
            }
        };
        // An index of another size races again once it is twice as large, or half.
        let size = catalog.len().max(1).ilog2();
        let key = |about: &Adapter| format!("{adapter} | {} | {} x 2^{size} | {}", about.key(), catalog.dim(), Isa::best().name());
        let key = key(found.about());
        self.report.borrow_mut().adapter = Some(found.about().key());
        let written = |gpu: bool| format!("{} | {key}", if gpu { "webgpu" } else { "wasm" }).into_bytes();
        let known = |gpu: bool| remembered.as_ref().is_some_and(|known| *known == written(gpu));
        if known(false) && self.wish.device == Wish::Auto {
            self.stop("faster in a race on an earlier visit");
            return None;
        }
        match tried(catalog, found, self.wish.now).await {
            Err(error) => {
                self.stop(&error);
                None
            }
            Ok((scan, race)) => {
                let faster = race[1] < race[0];
                self.report.borrow_mut().race = Some(race);
                self.stop("faster in a race here");
                if faster || self.wish.device == Wish::Gpu {
                    *self.held.borrow_mut() = Some((Rc::clone(catalog), Rc::new(scan)));
                    let mut report = self.report.borrow_mut();
                    report.on_gpu = true;
                    if !faster {
                        report.why = "asked for".into();
                    }
                }
                (!known(faster)).then(|| written(faster))
            }
        }
    }
}

/// A catalog on a device whose every answer was the processor's, and milliseconds of a query on the processor and on it; else why not.
async fn tried(catalog: &Catalog, found: Found, now: fn() -> f64) -> std::result::Result<(GpuScan, [f64; 2]), String> {
    let gpu = Rc::new(found.open().await.map_err(|e| e.to_string())?);
    let blocks: Vec<&[u8]> = catalog.shards().map(|(_, shard)| shard.vectors()).collect();
    let scan = GpuScan::new(gpu, catalog.dim(), &blocks).await.map_err(|e| e.to_string())?;
    let mut rng = Rng::new(1);
    let mut race = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        let query: Vec<f32> = (0..catalog.dim()).map(|_| rng.unit() as f32 - 0.5).collect();
        let start = now();
        let mut expected = vec![0.0; catalog.len()];
        catalog.scan(&query, &mut expected).map_err(|e| e.to_string())?;
        let between = now();
        let query = [Query::new(&query)];
        let sums = scan.sums(&query).await.map_err(|e| e.to_string())?;
        let cosines = catalog.cosines_of(&query[0], &sums[0]);
        race = [race[0].min(between - start), race[1].min(now() - between)];
        if cosines != expected {
            return Err("WebGPU: this GPU scans wrongly, so it does not. Nothing has to be done.".into());
        }
    }
    Ok((scan, race))
}

impl<P: Platform> Session<P> {
    /// Where the index is scanned.
    pub fn scans(&self) -> &Scans {
        &self.scans
    }

    /// Whether lists alone are a reason to [`Session::settle`]: the index is large, and nothing is known yet.
    pub fn scans_are_open(&self) -> bool {
        self.scans.are_open(&self.snapshot().catalog)
    }

    /// Finds out which device scans the index in use faster, and keeps that; whatever fails leaves everything as it was.
    pub(super) async fn settle_scans(&self, adapter: &str) {
        let remembered = self.world.store().read(BLOB).await.ok().flatten();
        if let Some(found) = self.scans.settle(&self.snapshot().catalog, adapter, remembered).await {
            // A store that takes nothing more only means that the next visit measures again.
            let _ = self.world.store().write(BLOB, &found).await;
        }
        if self.check_open().is_err() {
            self.scans.stop("closed");
        }
    }
}
