//! Where learning the sequence encoder stands after an epoch: what goes on from it ends where an unbroken run ends.
//!
//! Not here: learning (`sequence`), where it is kept (`kept`).

use std::collections::BTreeMap;

use super::kept::Kept;
use super::sequence::Adam;
use crate::Result;
use crate::format::tensors::Part;

/// The part of a checkpoint.
const EPOCH: &str = "sequence-epoch";

/// Everything that the next epoch depends on.
#[derive(Clone)]
pub struct State {
    /// Epochs that are done.
    pub epoch: usize,
    pub parameters: Vec<f32>,
    pub adam: Adam,
    /// The order that the windows were shuffled into, and where the random stream stands.
    pub order: Vec<u32>,
    pub random: [u64; 4],
    /// The best epoch, its quality and parameters.
    pub best_epoch: usize,
    pub best: f64,
    pub kept: Vec<f32>,
    /// Seconds that it took so far.
    pub seconds: f64,
}

impl State {
    /// Keeps it.
    ///
    /// # Errors
    /// As [`Kept::write`].
    pub fn write(&self, kept: &Kept<'_>) -> Result<()> {
        let part = |name: &str, values: &[f32]| Part::f32(name, &[values.len()], values);
        let parts = [
            part("parameters", &self.parameters),
            part("first", &self.adam.first),
            part("second", &self.adam.second),
            part("kept", &self.kept),
            Part::u32("order", &[self.order.len()], &self.order),
        ];
        let [a, b, c, d] = self.random;
        let numbers = [
            ("epoch", self.epoch as u64),
            ("steps", self.adam.steps as u64),
            ("random0", a),
            ("random1", b),
            ("random2", c),
            ("random3", d),
            ("best_epoch", self.best_epoch as u64),
            ("best", self.best.to_bits()),
            ("seconds", self.seconds.to_bits()),
        ];
        let metadata: BTreeMap<String, String> = numbers.iter().map(|(name, number)| ((*name).to_owned(), number.to_string())).collect();
        kept.write(EPOCH, &parts, metadata)
    }

    /// What a stopped run kept, of so many parameters and windows.
    pub fn read(kept: &Kept<'_>, parameters: usize, windows: usize) -> Option<Self> {
        let file = kept.read(EPOCH)?;
        let number = |name: &str| file.metadata().get(name)?.parse::<u64>().ok();
        let floats = |name: &str| file.f32s(name).ok().filter(|values| values.len() == parameters);
        let order = file.u32s("order").ok().filter(|order| order.len() == windows && order.iter().all(|&at| (at as usize) < windows))?;
        Some(Self {
            epoch: number("epoch")? as usize,
            parameters: floats("parameters")?,
            adam: Adam { first: floats("first")?, second: floats("second")?, steps: i32::try_from(number("steps")?).ok()? },
            order,
            random: [number("random0")?, number("random1")?, number("random2")?, number("random3")?],
            best_epoch: number("best_epoch")? as usize,
            best: f64::from_bits(number("best")?),
            kept: floats("kept")?,
            seconds: f64::from_bits(number("seconds")?),
        })
    }

    /// Drops it: the term is there.
    pub fn remove(kept: &Kept<'_>) {
        kept.remove(EPOCH);
    }
}
