//! Which device computes texts: the processor, the GPU, or each what it is better at; and what happens when one fails.
//!
//! The processor is always right and always there, so it answers first and whenever the GPU does not. A GPU is used after
//! [`crate::compute::probe`] found its answers right, where a race won or the caller asked for it. A call that was on a device
//! when that got lost runs again, on a new device or on the processor: no call is ever lost with it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::json;

use super::choice::{Account, Wish, choice};
use super::text::{TextEncoder, TextInputs};
use crate::compute::cpu::isa::Isa;
use crate::compute::graph::Batch;
use crate::compute::probe::{self, Variants};
use crate::compute::webgpu::{Found, Gpu, GpuModel, Length, Tiling, Tilings};
use crate::error::{Error, Result};
use crate::format::pack::Pack;

/// Tokens of one run on a GPU: enough to fill it, and below the seconds after which an operating system takes it away.
const GPU_TOKENS: usize = 2048;
/// So many texts count as few: they have a device of their own.
const FEW: usize = 3;
/// Devices opened in a session before it stays on the processor.
const MOST_DEVICES: u32 = 8;
/// Words of the texts that race: one short text, and 32 mixed ones.
const SHORT_WORDS: usize = 14;
const MIXED: usize = 32;

/// A text model on the devices of this machine.
pub struct TextDevices {
    inputs: Arc<TextInputs>,
    isa: Isa,
    wish: Wish,
    now: fn() -> f64,
    /// Kept as long as a GPU may need its weights.
    pack: RefCell<Option<Pack>>,
    cpu: RefCell<Option<Rc<TextEncoder>>>,
    gpu: RefCell<Option<Rc<GpuModel>>>,
    tilings: Cell<Option<Tilings>>,
    opened: Cell<u32>,
    opening: Cell<bool>,
    /// Which lengths this device was found right for; whether it was found wrong.
    probed: Cell<[bool; 3]>,
    wrong: Cell<bool>,
    account: RefCell<Account>,
}

impl TextDevices {
    /// A model of a pack. `now` gives milliseconds of any origin.
    ///
    /// # Errors
    /// As [`TextEncoder::open`].
    pub fn new(pack: Pack, isa: Isa, wish: Wish, now: fn() -> f64) -> Result<Self> {
        let inputs = Arc::new(TextInputs::new(&pack)?);
        let cpu = match wish {
            Wish::Gpu => None,
            Wish::Auto | Wish::Cpu => Some(Rc::new(TextEncoder::with_inputs(Arc::clone(&inputs), &pack, isa)?)),
        };
        let why = match wish {
            Wish::Auto => "nothing else was tried yet",
            Wish::Gpu => "asked for; opened with the first text",
            Wish::Cpu => "asked for",
        };
        let account = Account { why: why.into(), ..Account::default() };
        Ok(Self {
            inputs,
            isa,
            wish,
            now,
            pack: RefCell::new((wish != Wish::Cpu).then_some(pack)),
            cpu: RefCell::new(cpu),
            gpu: RefCell::default(),
            tilings: Cell::new(None),
            opened: Cell::new(0),
            opening: Cell::new(false),
            probed: Cell::new([false; 3]),
            wrong: Cell::new(false),
            account: RefCell::new(account),
        })
    }

    /// What stands before the model.
    pub fn inputs(&self) -> &TextInputs {
        &self.inputs
    }

    /// The instruction set of the processor's part.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The devices' account of themselves.
    pub fn account(&self) -> Account {
        self.account.borrow().clone()
    }

    /// One unit vector a text, in order.
    ///
    /// # Errors
    /// [`Error::Input`] where the tokenizer refuses a text. Never because of a GPU.
    pub async fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        if self.wish == Wish::Gpu && self.opened.get() == 0 {
            self.open_gpu().await;
        }
        let on_gpu = {
            let account = self.account.borrow();
            if texts.len() <= FEW { account.few_on_gpu } else { account.many_on_gpu }
        };
        if !on_gpu {
            return self.cpu()?.encode(texts);
        }
        let mut outputs = Vec::new();
        for batch in &self.inputs.batches(texts, GPU_TOKENS)? {
            outputs.push(self.run(batch).await?);
        }
        Ok(self.inputs.rows(&outputs))
    }

    /// A run on the GPU, and again where that fails: at last on the processor.
    async fn run(&self, batch: &Batch) -> Result<Vec<f32>> {
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
        self.cpu()?.run(batch)
    }

    /// The processor's model, made when it is first needed.
    fn cpu(&self) -> Result<Rc<TextEncoder>> {
        if let Some(cpu) = &*self.cpu.borrow() {
            return Ok(Rc::clone(cpu));
        }
        let made = match &*self.pack.borrow() {
            Some(pack) => Rc::new(TextEncoder::with_inputs(Arc::clone(&self.inputs), pack, self.isa)?),
            None => return Err(Error::Internal("a model without its pack".into())),
        };
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
        let pack = self.kept_pack()?;
        let tilings = self.tilings.get().unwrap_or_else(|| Tilings::of(&gpu));
        self.use_tilings(tilings);
        self.probed.set([false; 3]);
        Ok(Rc::new(GpuModel::new(gpu, self.inputs.graph().clone(), pack.file(), tilings).await?))
    }

    fn use_tilings(&self, tilings: Tilings) {
        self.tilings.set(Some(tilings));
        self.account.borrow_mut().tilings = Some(tilings.to_string());
    }

    fn kept_pack(&self) -> Result<Pack> {
        self.pack.borrow().clone().ok_or_else(|| Error::Internal("a model without its pack".into()))
    }

    /// The model, once its answers for batches of this length were found right; another one of plainer tilings where only
    /// those are.
    ///
    /// # Errors
    /// [`Error::Device`] where none are right, or the device fails.
    async fn trusted(&self, model: Rc<GpuModel>, batch: &Batch) -> Result<Rc<GpuModel>> {
        let length = model.length(batch);
        if self.probed.get()[length as usize] {
            return Ok(model);
        }
        let pack = self.kept_pack()?;
        let plain = Tiling::Direct { rows: 4, cols4: 1 };
        let wanted = model.tilings();
        let mut wrong = String::new();
        for tilings in [wanted, Tilings { short: plain, long: plain }] {
            match wrongness(model.gpu(), &self.inputs, &pack, tilings, length).await? {
                Some(what) => wrong = what,
                None => {
                    let mut probed = self.probed.get();
                    probed[length as usize] = true;
                    self.probed.set(probed);
                    self.account.borrow_mut().probe = Some(if wrong.is_empty() { "right".into() } else { format!("right with plain tilings; {wrong} with others") });
                    if tilings == wanted {
                        return Ok(model);
                    }
                    self.use_tilings(tilings);
                    let plainer = Rc::new(GpuModel::new(Rc::clone(model.gpu()), self.inputs.graph().clone(), pack.file(), tilings).await?);
                    if self.gpu.borrow().as_ref().is_some_and(|held| Rc::ptr_eq(held, &model)) {
                        *self.gpu.borrow_mut() = Some(Rc::clone(&plainer));
                    }
                    return Ok(plainer);
                }
            }
        }
        self.account.borrow_mut().probe = Some(format!("wrong: {wrong}"));
        Err(Error::Device(format!("WebGPU: this GPU gives wrong answers ({wrong}), so it is not used. Nothing has to be done.")))
    }

    /// Finds out which device is faster at what, where the caller leaves that open: both compute one short text and 32 mixed
    /// ones. `remembered` is what an earlier visit found; gives what the next one should remember, if that is new.
    ///
    /// Takes the time of a few texts on the processor, and whatever the GPU takes while the processor is free. `batches`
    /// says whether more than a few texts will ever come at once, `adapter` what the caller knows of the GPU.
    pub async fn settle(&self, adapter: &str, batches: bool, remembered: Option<&[u8]>) -> Option<Vec<u8>> {
        if self.wish != Wish::Auto || self.opened.get() > 0 {
            return None;
        }
        let found = match Found::look().await {
            Ok(found) => found,
            Err(error) => {
                self.stay(&error.to_string());
                return None;
            }
        };
        let key = format!("{adapter} | {} | {} | {}", found.about().key(), self.inputs.model_id().sha256, self.isa.name());
        let known = remembered.and_then(|bytes| serde_json::from_slice(bytes).ok()).and_then(|known| choice(&known, &key));
        let used = |(few, many): (bool, bool)| few || (many && batches);
        if known.is_some_and(|known| !used(known)) {
            self.account.borrow_mut().adapter = Some(found.about().key());
            self.stay("faster in a race on an earlier visit");
            self.pack.borrow_mut().take();
            return None;
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
            None => match self.race(&model).await {
                Ok(race) => Some(race),
                Err(error) => {
                    self.gpu.borrow_mut().take();
                    self.stay(&error.to_string());
                    return None;
                }
            },
        };
        let won = race.map_or(known, |race| Some((race[0][1] < race[0][0], race[1][1] < race[1][0])))?;
        let mut account = self.account.borrow_mut();
        (account.few_on_gpu, account.many_on_gpu, account.race) = (won.0, won.1 && batches, race);
        account.why = format!("faster in a race {}", if race.is_some() { "here" } else { "on an earlier visit" });
        if !used(won) {
            // A device that is not used is given back, and the pack with it.
            self.gpu.borrow_mut().take();
            self.pack.borrow_mut().take();
        }
        race.map(|race| json!({ "adapter": key, "few": won.0, "many": won.1, "race": race }).to_string().into_bytes())
    }

    /// Milliseconds of one short text and of 32 mixed ones, on the processor and on the GPU.
    async fn race(&self, model: &Rc<GpuModel>) -> Result<[[f64; 2]; 2]> {
        let cpu = self.cpu()?;
        let text = |words: usize| "an ordinary sentence about nothing in particular ".repeat(words.div_ceil(7));
        let short = text(SHORT_WORDS);
        let mixed: Vec<String> = (0..MIXED).map(|at| text(8 + at * 48 / MIXED)).collect();
        let mixed: Vec<&str> = mixed.iter().map(String::as_str).collect();
        let one = self.inputs.batches(&[&short], GPU_TOKENS)?;
        let all = self.inputs.batches(&mixed, usize::MAX)?;
        // The processor's time is even: four texts stand for 32, and nobody waits long for a worker that is busy with a race.
        let some = self.inputs.batches(&[mixed[0], mixed[10], mixed[21], mixed[31]], usize::MAX)?;
        let tokens = |batch: &Batch| f64::from(batch.offsets[0][batch.items]);
        let mut times = [[f64::INFINITY; 2]; 2];
        for _ in 0..3 {
            let start = (self.now)();
            cpu.run(&one[0])?;
            times[0][0] = times[0][0].min((self.now)() - start);
        }
        let start = (self.now)();
        cpu.run(&some[0])?;
        times[1][0] = ((self.now)() - start) * tokens(&all[0]) / tokens(&some[0]);
        let model = &self.trusted(Rc::clone(model), &one[0]).await?;
        for _ in 0..3 {
            let start = (self.now)();
            model.run(&one[0]).await?;
            times[0][1] = times[0][1].min((self.now)() - start);
        }
        // So far behind with one text, it will not catch up with many: nobody's processor is heated for nothing.
        if times[0][1] > 6.0 * times[0][0] {
            return Ok(times);
        }
        let model = &self.trusted(Rc::clone(model), &all[0]).await?;
        for _ in 0..2 {
            let start = (self.now)();
            model.run(&all[0]).await?;
            times[1][1] = times[1][1].min((self.now)() - start);
        }
        Ok(times)
    }
}

/// What the GPU gets wrong in runs of a length, `None` where nothing.
///
/// # Errors
/// [`Error::Device`] where the device fails.
async fn wrongness(gpu: &Rc<Gpu>, inputs: &TextInputs, pack: &Pack, tilings: Tilings, length: Length) -> Result<Option<String>> {
    let variants = Variants::of(inputs.graph(), pack.file());
    let (packed, plain) = variants.weights()?;
    for (whole, lens) in [false, true].into_iter().zip(probe::SHAPES[length as usize]) {
        let graph = variants.graph(&packed, whole)?;
        let model = GpuModel::new(Rc::clone(gpu), graph, &packed, tilings).await?;
        let model = &model;
        let run = |batch: Batch| async move { model.run(&batch).await };
        if let Some(wrong) = probe::compare(&variants.graph(&plain, whole)?, &plain, lens, run).await? {
            return Ok(Some(wrong));
        }
    }
    Ok(None)
}
