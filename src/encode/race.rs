//! The fastest device for a model, and the fastest tilings on it: found when nobody waits, and remembered.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use super::choice::{Choice, Race, Wish, choice};
use super::device::{Devices, wrongness};
use crate::compute::graph::{Batch, Value};
use crate::compute::webgpu::{Adapter, Found, GpuModel, Length, Tiling, Tilings};
use crate::error::Result;

/// Milliseconds that finding the fastest tilings for a length may take.
const TUNING_MS: f64 = 3000.0;
/// Another tiling has to be this much faster: times are noisy, and what is in use was run more often.
const WORTH: f64 = 0.95;

/// What settling gives to remember; boxed, as every kind of model settles.
type Settling<'a> = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + 'a>>;

/// What races: runs of both sizes that matter, and a part of the large one that stands for it on the processor, whose time is
/// even and which nobody wants to keep waiting.
pub struct Heat {
    pub one: Batch,
    pub many: Batch,
    pub sample: Batch,
}

impl Devices {
    /// Finds out which device is faster at what, where the caller leaves that open, and which tilings are the fastest here.
    /// `remembered` is what an earlier visit found; gives what the next one should remember, if that is new.
    ///
    /// Takes the time of a few items on the processor, and whatever the GPU takes while the processor is free. `batches`
    /// says whether more than a few items will ever come at once, `adapter` what the caller knows of the GPU.
    pub fn settle<'a>(&'a self, adapter: &'a str, batches: bool, remembered: Option<&'a [u8]>, heat: &'a dyn Fn() -> Result<Heat>) -> Settling<'a> {
        Box::pin(self.find_out(adapter, batches, remembered, heat))
    }

    async fn find_out(&self, adapter: &str, batches: bool, remembered: Option<&[u8]>, heat: &dyn Fn() -> Result<Heat>) -> Option<Vec<u8>> {
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
                if let Some(tilings) = known.and_then(|known| known.tilings).filter(|tilings| tilings.fit(model.gpu().extras())) {
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
    async fn choose(&self, found: Found, batches: bool, known: Option<Choice>, heat: &dyn Fn() -> Result<Heat>) -> Option<(Choice, Race)> {
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
        let model = match self.try_gpu(found, &[]).await {
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
    async fn race(&self, model: Rc<GpuModel>, heat: &dyn Fn() -> Result<Heat>) -> Result<Race> {
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
            if GpuModel::lengths(&self.graph, batch).last() != Some(&length) {
                continue;
            }
            model = self.trusted(model, batch).await?;
            let candidates: Vec<Tiling> = candidates.iter().copied().filter(|candidate| candidate.fits(model.gpu().extras())).collect();
            // The first run compiles.
            let mut best = self.timed(&model, batch, 2).await?;
            if best * (candidates.len() * 3) as f64 > TUNING_MS {
                continue;
            }
            let started = model.tilings();
            for candidate in candidates {
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
