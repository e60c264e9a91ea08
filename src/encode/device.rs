//! Which device runs a model: the processor, the GPU, or each what it is better at; and what happens when one fails.
//!
//! The processor is always right and always there, so it answers first and whenever the GPU does not. A GPU is used after
//! [`crate::compute::probe`] found its answers right, where a race won or the caller asked for it. A call that was on a device
//! when that got lost runs again, on a new device or on the processor: no call is ever lost with it. What a model's inputs are
//! is not known here: [`super::text`], [`super::image`]; nor how the fastest is found: [`super::race`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::choice::{Account, Wish};
use super::inputs::Inputs;
use crate::compute::cpu::CpuModel;
use crate::compute::cpu::isa::Isa;
use crate::compute::graph::{Batch, Graph};
use crate::compute::probe::{self, Variants};
use crate::compute::probe_product::product;
use crate::compute::webgpu::{Found, Gpu, GpuModel, Length, Seen, Tiling, Tilings};
use crate::error::{Error, Result};
use crate::format::pack::Pack;
use crate::format::tensors::DType;

/// So many items count as few: they have a device of their own.
const FEW: usize = 3;
/// Devices opened in a session before it stays on the processor.
const MOST_DEVICES: u32 = 8;

/// A model on the devices of this machine.
pub struct Devices {
    pub(super) graph: Graph,
    pub(super) variants: Variants,
    pub(super) isa: Isa,
    pub(super) wish: Wish,
    pub(super) now: fn() -> f64,
    /// SHA-256 of the pack.
    pub(super) sha256: String,
    /// Kept as long as a GPU may need its weights.
    pub(super) pack: RefCell<Option<Pack>>,
    pub(super) cpu: RefCell<Option<Rc<CpuModel>>>,
    pub(super) gpu: RefCell<Option<Rc<GpuModel>>>,
    pub(super) tilings: Cell<Option<Tilings>>,
    pub(super) opened: Cell<u32>,
    pub(super) opening: Cell<bool>,
    /// Which lengths this device was found right for; whether it was found wrong.
    pub(super) probed: Cell<[bool; 3]>,
    pub(super) wrong: Cell<bool>,
    pub(super) settled: Cell<bool>,
    pub(super) account: RefCell<Account>,
}

impl Devices {
    /// The model of a pack. `now` gives milliseconds of any origin.
    ///
    /// # Errors
    /// As [`CpuModel::new`].
    pub fn new(pack: Pack, graph: Graph, isa: Isa, wish: Wish, now: fn() -> f64) -> Result<Self> {
        let cpu = match wish {
            Wish::Gpu => None,
            Wish::Auto | Wish::Cpu => Some(Rc::new(CpuModel::new(graph.clone(), pack.file(), isa)?)),
        };
        let why = match wish {
            Wish::Auto => "nothing else was tried yet",
            Wish::Gpu => "asked for; opened with the first call",
            Wish::Cpu => "asked for",
        };
        let account = Account { why: why.into(), ..Account::default() };
        Ok(Self {
            variants: Variants::of(&graph, pack.file()),
            graph,
            isa,
            wish,
            now,
            sha256: pack.id.sha256.clone(),
            pack: RefCell::new((wish != Wish::Cpu).then_some(pack)),
            cpu: RefCell::new(cpu),
            gpu: RefCell::default(),
            tilings: Cell::new(None),
            opened: Cell::new(0),
            opening: Cell::new(false),
            probed: Cell::new([false; 3]),
            wrong: Cell::new(false),
            settled: Cell::new(false),
            account: RefCell::new(account),
        })
    }

    /// The instruction set of the processor's part.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The devices' account of themselves.
    pub fn account(&self) -> Account {
        self.account.borrow().clone()
    }

    /// Whether so many items at once go to the GPU, which is opened with the first run where the caller asked for it.
    pub fn on_gpu(&self, items: usize) -> bool {
        if self.wish == Wish::Gpu && self.opened.get() == 0 {
            return true;
        }
        let account = self.account.borrow();
        if items <= FEW { account.few_on_gpu } else { account.many_on_gpu }
    }

    /// A run on the processor: `[rows of the output, dim]`.
    ///
    /// # Errors
    /// As [`CpuModel::run`].
    pub fn run_on_cpu(&self, batch: &Batch) -> Result<Vec<f32>> {
        self.cpu()?.run_shared(batch)
    }

    /// A run on the GPU, and again where that fails: at last on the processor.
    ///
    /// # Errors
    /// As [`CpuModel::run`]. Never because of a GPU.
    pub async fn run(&self, batch: &Batch) -> Result<Vec<f32>> {
        if self.wish == Wish::Gpu && self.opened.get() == 0 {
            self.open_gpu(batch).await;
        }
        loop {
            let model = self.gpu.borrow().clone();
            let Some(model) = model else { break };
            let answer = match self.trusted(Rc::clone(&model), batch).await {
                Ok(model) => model.run(batch).await,
                Err(error) => {
                    // A device that is still there and fails known questions would fail them again.
                    self.wrong.set(model.gpu().lost().is_none());
                    Err(error)
                }
            };
            match answer {
                Err(Error::Device(reason)) if self.wrong.get() => {
                    self.gpu.borrow_mut().take();
                    self.stay(&reason);
                }
                Err(Error::Device(reason)) => {
                    self.account.borrow_mut().repeated += 1;
                    self.drop_gpu(&model, &reason);
                    self.open_gpu(batch).await;
                }
                answer => return answer,
            }
        }
        self.run_on_cpu(batch)
    }

    /// The processor's model, made when it is first needed.
    pub(super) fn cpu(&self) -> Result<Rc<CpuModel>> {
        if let Some(cpu) = &*self.cpu.borrow() {
            return Ok(Rc::clone(cpu));
        }
        let made = Rc::new(CpuModel::new(self.graph.clone(), self.kept_pack()?.file(), self.isa)?);
        *self.cpu.borrow_mut() = Some(Rc::clone(&made));
        Ok(made)
    }

    fn drop_gpu(&self, model: &Rc<GpuModel>, reason: &str) {
        // Of the runs that a lost device fails, the first one counts it.
        if self.gpu.borrow().as_ref().is_some_and(|held| Rc::ptr_eq(held.gpu(), model.gpu())) {
            self.gpu.borrow_mut().take();
            let mut account = self.account.borrow_mut();
            account.lost += 1;
            account.why = format!("the GPU was lost: {reason}");
        }
    }

    /// Opens a GPU for runs like `batch`; the account says what came of it. One call opens, others do without meanwhile.
    async fn open_gpu(&self, batch: &Batch) {
        if self.gpu.borrow().is_some() || self.opening.get() || self.wrong.get() {
            return;
        }
        self.opening.set(true);
        let lost = || self.account.borrow().lost;
        let opened = loop {
            if self.opened.get() >= MOST_DEVICES {
                break Err(Error::Device("WebGPU: the device was lost too often in this session".into()));
            }
            self.opened.set(self.opened.get() + 1);
            let before = lost();
            let opened = match Found::look().await {
                Ok(found) => self.try_gpu(found, &GpuModel::lengths(&self.graph, batch)).await,
                Err(error) => Err(error),
            };
            // One that is lost while it gets its weights says nothing of the next one.
            if opened.is_ok() || lost() == before {
                break opened;
            }
        };
        self.opening.set(false);
        match opened {
            Ok(model) => {
                *self.gpu.borrow_mut() = Some(model);
                let mut account = self.account.borrow_mut();
                if self.wish == Wish::Gpu {
                    (account.few_on_gpu, account.many_on_gpu) = (true, true);
                    account.why = "asked for".into();
                }
            }
            Err(error) => self.stay(&error.to_string()),
        }
    }

    /// The processor does everything from now on.
    pub(super) fn stay(&self, why: &str) {
        let mut account = self.account.borrow_mut();
        (account.few_on_gpu, account.many_on_gpu) = (false, false);
        account.why = why.to_owned();
    }

    pub(super) async fn try_gpu(&self, found: Found, first: &[Length]) -> Result<Rc<GpuModel>> {
        self.account.borrow_mut().adapter = Some(found.about().key());
        let gpu = Rc::new(found.open().await?);
        let tilings = self.tilings.get().filter(|tilings| tilings.fit(gpu.extras())).unwrap_or_else(|| Tilings::of(&gpu));
        self.use_tilings(tilings);
        self.probed.set([false; 3]);
        let model = GpuModel::new(Rc::clone(&gpu), self.graph.clone(), self.kept_pack()?.file(), tilings, first).await;
        if model.is_err() && gpu.lost().is_some() {
            self.account.borrow_mut().lost += 1;
        }
        Ok(Rc::new(model?))
    }

    pub(super) fn use_tilings(&self, tilings: Tilings) {
        self.tilings.set(Some(tilings));
        self.account.borrow_mut().tilings = Some(tilings.to_string());
    }

    /// The model with its products cut up otherwise, in the place of `model`.
    pub(super) fn retile(&self, model: &Rc<GpuModel>, tilings: Tilings) -> Rc<GpuModel> {
        if model.tilings() == tilings {
            return Rc::clone(model);
        }
        self.use_tilings(tilings);
        let other = Rc::new(model.retiled(tilings));
        let mut held = self.gpu.borrow_mut();
        if held.as_ref().is_some_and(|held| Rc::ptr_eq(held, model)) {
            *held = Some(Rc::clone(&other));
        }
        other
    }

    fn kept_pack(&self) -> Result<Pack> {
        self.pack.borrow().clone().ok_or_else(|| Error::Internal("a model without its pack".into()))
    }

    /// The model, once its answers for batches like this one were found right; with plainer tilings where only those are.
    ///
    /// # Errors
    /// [`Error::Device`] where none are right, or the device fails.
    pub(super) async fn trusted(&self, mut model: Rc<GpuModel>, batch: &Batch) -> Result<Rc<GpuModel>> {
        for length in GpuModel::lengths(&self.graph, batch) {
            if !self.probed.get()[length as usize] {
                model = self.probe(model, length).await?;
            }
        }
        Ok(model)
    }

    async fn probe(&self, model: Rc<GpuModel>, length: Length) -> Result<Rc<GpuModel>> {
        let wanted = model.tilings();
        let mut wrong = String::new();
        for tilings in [wanted, wanted.with(length, Tiling::PLAIN)] {
            match wrongness(model.gpu(), &self.variants, tilings, length).await? {
                Some(what) => wrong = what,
                None => {
                    let mut probed = self.probed.get();
                    probed[length as usize] = true;
                    self.probed.set(probed);
                    self.account.borrow_mut().probe = Some(if wrong.is_empty() { "right".into() } else { format!("right with plain tilings; {wrong} with others") });
                    return Ok(self.retile(&model, tilings));
                }
            }
        }
        self.account.borrow_mut().probe = Some(format!("wrong: {wrong}"));
        Err(Error::Device(format!("WebGPU: this GPU gives wrong answers ({wrong}), so it is not used. Nothing has to be done.")))
    }
}

/// A model on the devices of this machine, with what stands before it.
pub struct OnDevices<I> {
    inputs: I,
    devices: Devices,
}

impl<I: Inputs> OnDevices<I> {
    /// A model of a pack. `now` gives milliseconds of any origin.
    ///
    /// # Errors
    /// As [`Inputs::new`] and [`Devices::new`].
    pub fn new(pack: Pack, isa: Isa, wish: Wish, now: fn() -> f64) -> Result<Self> {
        let inputs = I::new(&pack)?;
        let devices = Devices::new(pack, inputs.head().graph.clone(), isa, wish, now)?;
        Ok(Self { inputs, devices })
    }

    /// What stands before the model.
    pub fn inputs(&self) -> &I {
        &self.inputs
    }

    /// Where it runs.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// As [`Devices::settle`].
    pub async fn settle(&self, adapter: &str, batches: bool, remembered: Option<&[u8]>) -> Option<Vec<u8>> {
        self.devices.settle(adapter, batches, remembered, &|| self.inputs.heat()).await
    }
}

/// What the GPU gets wrong in runs of a length, `None` where nothing.
///
/// # Errors
/// [`Error::Device`] where the device fails.
pub(super) async fn wrongness(gpu: &Rc<Gpu>, variants: &Variants, tilings: Tilings, length: Length) -> Result<Option<String>> {
    let mut tolerance = probe::TOLERANCE;
    let lossy = match tilings.seen(length) {
        Seen::Floats => None,
        Seen::Halves => Some((1.0, probe::HALVES_TOLERANCE)),
        Seen::Bytes => Some((127.0, probe::BYTES_TOLERANCE)),
    };
    if let Some((most, loss)) = lossy.filter(|_| variants.dtypes().contains(&DType::I8)) {
        let (graph, packed, plain, batch) = product(130, most)?;
        let model = &GpuModel::new(Rc::clone(gpu), graph.clone(), &packed, tilings, &[]).await?;
        if let Some(wrong) = probe::compare(&graph, &plain, &batch, tolerance, |batch: Batch| async move { model.run(&batch).await }).await? {
            return Ok(Some(wrong));
        }
        tolerance = loss;
    }
    for &dtype in variants.dtypes() {
        for (whole, shape) in [false, true].into_iter().zip(probe::SHAPES[length as usize]) {
            let (packed, plain) = variants.weights(shape.side, dtype)?;
            let graph = variants.graph(&packed, whole, shape.side)?;
            let model = GpuModel::new(Rc::clone(gpu), graph, &packed, tilings, &[]).await?;
            let model = &model;
            let run = |batch: Batch| async move { model.run(&batch).await };
            if let Some(wrong) = probe::compare(&variants.graph(&plain, whole, shape.side)?, &plain, &variants.batch(shape), tolerance, run).await? {
                return Ok(Some(wrong));
            }
        }
    }
    Ok(None)
}
