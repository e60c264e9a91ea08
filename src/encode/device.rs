//! Which device runs a model: the processor, the GPU, or each what it is better at; and what happens when one fails.
//!
//! The processor is always right and always there, so it answers first and whenever the GPU does not. A GPU is used after
//! [`crate::compute::probe`] found its answers right, where a race won or the caller asked for it. A call that was on a device
//! when that got lost runs again, on a new device or on the processor: no call is ever lost with it. What a model's inputs are
//! is not known here: [`super::text`], [`super::image`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::choice::{Account, Choice, Race, Wish, choice};
use crate::compute::cpu::CpuModel;
use crate::compute::cpu::isa::Isa;
use crate::compute::graph::{Batch, Graph, Value};
use crate::compute::probe::{self, Variants};
use crate::compute::webgpu::{Adapter, Found, Gpu, GpuModel, Length, Tiling, Tilings};
use crate::error::{Error, Result};
use crate::format::pack::Pack;

/// So many items count as few: they have a device of their own.
const FEW: usize = 3;
/// Devices opened in a session before it stays on the processor.
const MOST_DEVICES: u32 = 8;
/// Milliseconds that finding the fastest tilings for a length may take.
const TUNING_MS: f64 = 3000.0;
/// Another tiling has to be this much faster: times are noisy, and what is in use was run more often.
const WORTH: f64 = 0.95;

/// A model on the devices of this machine.
pub struct Devices {
    graph: Graph,
    variants: Variants,
    isa: Isa,
    wish: Wish,
    now: fn() -> f64,
    /// SHA-256 of the pack.
    sha256: String,
    /// Kept as long as a GPU may need its weights.
    pack: RefCell<Option<Pack>>,
    cpu: RefCell<Option<Rc<CpuModel>>>,
    gpu: RefCell<Option<Rc<GpuModel>>>,
    tilings: Cell<Option<Tilings>>,
    opened: Cell<u32>,
    opening: Cell<bool>,
    /// Which lengths this device was found right for; whether it was found wrong.
    probed: Cell<[bool; 3]>,
    wrong: Cell<bool>,
    settled: Cell<bool>,
    account: RefCell<Account>,
}

/// What races: runs of both sizes that matter, and a part of the large one that stands for it on the processor, whose time is
/// even and which nobody wants to keep waiting.
pub struct Heat {
    pub one: Batch,
    pub many: Batch,
    pub sample: Batch,
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

    /// Whether so many items at once go to the GPU. Opens it first where the caller asked for it.
    pub async fn on_gpu(&self, items: usize) -> bool {
        if self.wish == Wish::Gpu && self.opened.get() == 0 {
            self.open_gpu().await;
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
                    self.open_gpu().await;
                }
                answer => return answer,
            }
        }
        self.run_on_cpu(batch)
    }

    /// The processor's model, made when it is first needed.
    fn cpu(&self) -> Result<Rc<CpuModel>> {
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

    /// Opens a GPU whose answers are right; the account says what came of it. One call opens, others do without meanwhile.
    async fn open_gpu(&self) {
        if self.gpu.borrow().is_some() || self.opening.get() || self.wrong.get() {
            return;
        }
        if self.opened.get() >= MOST_DEVICES {
            self.stay("WebGPU: the device was lost too often in this session");
            return;
        }
        self.opening.set(true);
        self.opened.set(self.opened.get() + 1);
        let opened = match Found::look().await {
            Ok(found) => self.try_gpu(found).await,
            Err(error) => Err(error),
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
    fn stay(&self, why: &str) {
        let mut account = self.account.borrow_mut();
        (account.few_on_gpu, account.many_on_gpu) = (false, false);
        account.why = why.to_owned();
    }

    async fn try_gpu(&self, found: Found) -> Result<Rc<GpuModel>> {
        self.account.borrow_mut().adapter = Some(found.about().key());
        let gpu = Rc::new(found.open().await?);
        let tilings = self.tilings.get().unwrap_or_else(|| Tilings::of(&gpu));
        self.use_tilings(tilings);
        self.probed.set([false; 3]);
        Ok(Rc::new(GpuModel::new(gpu, self.graph.clone(), self.kept_pack()?.file(), tilings).await?))
    }

    fn use_tilings(&self, tilings: Tilings) {
        self.tilings.set(Some(tilings));
        self.account.borrow_mut().tilings = Some(tilings.to_string());
    }

    /// The model with its products cut up otherwise, in the place of `model`.
    fn retile(&self, model: &Rc<GpuModel>, tilings: Tilings) -> Rc<GpuModel> {
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
    async fn trusted(&self, mut model: Rc<GpuModel>, batch: &Batch) -> Result<Rc<GpuModel>> {
        for length in model.lengths(batch) {
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

    /// Finds out which device is faster at what, where the caller leaves that open, and which tilings are the fastest here.
    /// `remembered` is what an earlier visit found; gives what the next one should remember, if that is new.
    ///
    /// Takes the time of a few items on the processor, and whatever the GPU takes while the processor is free. `batches`
    /// says whether more than a few items will ever come at once, `adapter` what the caller knows of the GPU.
    pub async fn settle(&self, adapter: &str, batches: bool, remembered: Option<&[u8]>, heat: impl FnOnce() -> Result<Heat>) -> Option<Vec<u8>> {
        if self.settled.replace(true) {
            return None;
        }
        let known = |key: &str| remembered.and_then(|bytes| serde_json::from_slice(bytes).ok()).and_then(|known| choice(&known, key));
        let key = |about: &Adapter| format!("{adapter} | {} | {} | {}", about.key(), self.sha256, self.isa.name());
        match self.wish {
            Wish::Cpu => None,
            Wish::Gpu => {
                let model = self.gpu.borrow().clone()?;
                let key = key(model.gpu().adapter());
                let known = known(&key);
                if let Some(tilings) = known.and_then(|known| known.tilings) {
                    // Found right on an earlier visit; whether they still are, the next runs ask.
                    self.forget_probes(model.tilings(), tilings);
                    self.retile(&model, tilings);
                    return None;
                }
                let tilings = self.tune(&model, &heat().ok()?).await.ok()?.tilings();
                let (few, many) = known.map_or((None, None), |known| (known.few, known.many));
                Some(Choice { few, many, tilings: Some(tilings) }.written(&key, None))
            }
            Wish::Auto => {
                let found = match Found::look().await {
                    Ok(found) => found,
                    Err(error) => {
                        self.stay(&error.to_string());
                        return None;
                    }
                };
                let key = key(found.about());
                self.choose(found, batches, known(&key), heat).await.map(|(choice, race)| choice.written(&key, Some(race)))
            }
        }
    }

    /// The race between the devices, unless `known` says who won. Gives what is new.
    async fn choose(&self, found: Found, batches: bool, known: Option<Choice>, heat: impl FnOnce() -> Result<Heat>) -> Option<(Choice, Race)> {
        let known = known.and_then(|known| Some(((known.few?, known.many?), known.tilings)));
        let used = |(few, many): (bool, bool)| few || (many && batches);
        if known.is_some_and(|(won, _)| !used(won)) {
            self.account.borrow_mut().adapter = Some(found.about().key());
            self.stay("faster in a race on an earlier visit");
            self.pack.borrow_mut().take();
            return None;
        }
        if let Some((_, Some(tilings))) = known {
            self.use_tilings(tilings);
        }
        self.opened.set(1);
        let model = match self.try_gpu(found).await {
            Ok(model) => model,
            Err(error) => {
                self.stay(&error.to_string());
                return None;
            }
        };
        // Its place, though nothing goes there yet: what the probe replaces is replaced there.
        *self.gpu.borrow_mut() = Some(Rc::clone(&model));
        let race = match known {
            Some(_) => None,
            None => match self.race(model, heat).await {
                Ok(race) => Some(race),
                Err(error) => {
                    self.gpu.borrow_mut().take();
                    self.stay(&error.to_string());
                    return None;
                }
            },
        };
        let won = race.map_or(known.map(|known| known.0), |race| Some((race[0][1] < race[0][0], race[1][1] < race[1][0])))?;
        let mut account = self.account.borrow_mut();
        (account.few_on_gpu, account.many_on_gpu, account.race) = (won.0, won.1 && batches, race);
        account.why = format!("faster in a race {}", if race.is_some() { "here" } else { "on an earlier visit" });
        if !used(won) {
            // A device that is not used is given back, and the pack with it.
            self.gpu.borrow_mut().take();
            self.pack.borrow_mut().take();
        }
        race.map(|race| (Choice { few: Some(won.0), many: Some(won.1), tilings: self.tilings.get() }, race))
    }

    /// Milliseconds of one item and of many, on the processor and on the GPU.
    async fn race(&self, model: Rc<GpuModel>, heat: impl FnOnce() -> Result<Heat>) -> Result<Race> {
        let heat = heat()?;
        let cpu = self.cpu()?;
        let rows = |batch: &Batch| self.graph.rows(Value(0), batch) as f64;
        let mut times = [[f64::INFINITY; 2]; 2];
        for _ in 0..3 {
            let start = (self.now)();
            cpu.run_shared(&heat.one)?;
            times[0][0] = times[0][0].min((self.now)() - start);
        }
        let start = (self.now)();
        cpu.run_shared(&heat.sample)?;
        times[1][0] = ((self.now)() - start) * rows(&heat.many) / rows(&heat.sample);
        let model = self.trusted(model, &heat.one).await?;
        times[0][1] = self.timed(&model, &heat.one, 3).await?;
        // So far behind with one item, it will not catch up with many: nobody's processor is heated for nothing.
        if times[0][1] > 6.0 * times[0][0] {
            return Ok(times);
        }
        let model = self.trusted(model, &heat.many).await?;
        let model = self.tune(&model, &heat).await?;
        times[0][1] = self.timed(&model, &heat.one, 3).await?;
        times[1][1] = self.timed(&model, &heat.many, 2).await?;
        Ok(times)
    }

    /// Milliseconds of the fastest of some runs.
    async fn timed(&self, model: &GpuModel, batch: &Batch, runs: usize) -> Result<f64> {
        let mut best = f64::INFINITY;
        for _ in 0..runs {
            let start = (self.now)();
            model.run(batch).await?;
            best = best.min((self.now)() - start);
        }
        Ok(best)
    }

    /// The model with the tilings that are the fastest here, of those whose answers are right. Devices that would take longer
    /// than [`TUNING_MS`] for it keep what they have.
    ///
    /// # Errors
    /// [`Error::Device`] where the device fails.
    async fn tune(&self, model: &Rc<GpuModel>, heat: &Heat) -> Result<Rc<GpuModel>> {
        let mut model = Rc::clone(model);
        for (batch, length, candidates) in [(&heat.one, Length::Short, &Tilings::SHORT[..]), (&heat.many, Length::Long, &Tilings::LONG)] {
            if model.lengths(batch).last() != Some(&length) {
                continue;
            }
            model = self.trusted(model, batch).await?;
            // The first run compiles.
            let mut best = self.timed(&model, batch, 2).await?;
            if best * (candidates.len() * 3) as f64 > TUNING_MS {
                continue;
            }
            let started = model.tilings();
            for &candidate in candidates {
                let tilings = started.with(length, candidate);
                if tilings == started || wrongness(model.gpu(), &self.variants, tilings, length).await?.is_some() {
                    continue;
                }
                let other = model.retiled(tilings);
                self.timed(&other, batch, 1).await?;
                let time = self.timed(&other, batch, 2).await?;
                if time < best * WORTH {
                    best = time;
                    model = self.retile(&model, tilings);
                }
            }
        }
        Ok(model)
    }

    /// What was found right of tilings that are not in use any more says nothing of those that are.
    fn forget_probes(&self, were: Tilings, are: Tilings) {
        let mut probed = self.probed.get();
        probed[Length::Short as usize] &= were.short == are.short;
        probed[Length::Long as usize] &= were.long == are.long;
        self.probed.set(probed);
    }
}

/// What the GPU gets wrong in runs of a length, `None` where nothing.
///
/// # Errors
/// [`Error::Device`] where the device fails.
async fn wrongness(gpu: &Rc<Gpu>, variants: &Variants, tilings: Tilings, length: Length) -> Result<Option<String>> {
    for &dtype in variants.dtypes() {
        for (whole, shape) in [false, true].into_iter().zip(probe::SHAPES[length as usize]) {
            let (packed, plain) = variants.weights(shape.side, dtype)?;
            let graph = variants.graph(&packed, whole, shape.side)?;
            let model = GpuModel::new(Rc::clone(gpu), graph, &packed, tilings).await?;
            let model = &model;
            let run = |batch: Batch| async move { model.run(&batch).await };
            if let Some(wrong) = probe::compare(&variants.graph(&plain, whole, shape.side)?, &plain, &variants.batch(shape), run).await? {
                return Ok(Some(wrong));
            }
        }
    }
    Ok(None)
}
