//! What a run keeps of what it has finished, so that the same command goes on after a stop, to the same bytes.
//!
//! Every part carries the digest of what the run learns from; one of another run is not used, a damaged one neither, and
//! both are told. Not here: where parts are kept (`platform::checkpoint`), what each stage keeps (its own file).

use std::cell::Cell;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::methods::Data;
use crate::Result;
use crate::evaluate::dataset::Sequence;
use crate::format::tensors::{Part, TensorFile, write};
use crate::math::hex::hex;
use crate::platform::Checkpoint;
use crate::platform::checkpoint::Nowhere;

/// The layout of parts.
const FORMAT: &str = "palate-kept-2";

/// A run's way to its checkpoint.
pub struct Kept<'a> {
    checkpoint: &'a dyn Checkpoint,
    run: String,
    stage: String,
    note: &'a dyn Fn(&str),
    told: Cell<bool>,
}

impl<'a> Kept<'a> {
    /// Keeps nothing.
    pub fn nothing() -> Kept<'static> {
        Kept { checkpoint: &Nowhere, run: String::new(), stage: String::new(), note: &|_| {}, told: Cell::new(false) }
    }

    /// Keeps in `checkpoint` under names that begin with `stage`, for the run of that digest; `note` hears what can't be used.
    pub fn new(checkpoint: &'a dyn Checkpoint, run: &str, stage: &str, note: &'a dyn Fn(&str)) -> Self {
        Self { checkpoint, run: run.into(), stage: stage.into(), note, told: Cell::new(false) }
    }

    fn name(&self, part: &str) -> String {
        format!("{}-{part}", self.stage)
    }

    /// A part that this very run kept.
    pub fn read(&self, part: &str) -> Option<TensorFile> {
        let name = self.name(part);
        let bytes = self.checkpoint.read(&name)?;
        let place = self.checkpoint.place();
        let Ok(file) = TensorFile::parse(bytes, &name) else {
            (self.note)(&format!("{name} in {place} is damaged and not used: that part is learned anew"));
            return None;
        };
        let says = |name: &str| file.metadata().get(name).map(String::as_str);
        if says("format") == Some(FORMAT) && says("run") == Some(&self.run) {
            return Some(file);
        }
        if !self.told.replace(true) {
            (self.note)(&format!(
                "what {place} holds is of a run with other interactions, items or options and is not used: everything is learned anew"
            ));
        }
        None
    }

    /// Keeps a part.
    ///
    /// # Errors
    /// As [`Checkpoint::write`].
    pub fn write(&self, part: &str, tensors: &[Part<'_>], mut metadata: BTreeMap<String, String>) -> Result<()> {
        metadata.insert("format".into(), FORMAT.into());
        metadata.insert("run".into(), self.run.clone());
        self.checkpoint.write(&self.name(part), &write(tensors, &metadata)?)
    }

    /// Drops a part.
    pub fn remove(&self, part: &str) {
        self.checkpoint.remove(&self.name(part));
    }

    /// Whether anything is kept at all.
    pub fn is_on(&self) -> bool {
        !self.run.is_empty()
    }

    /// Whether where an unfinished stage stands is worth keeping now.
    pub fn is_due(&self) -> bool {
        self.checkpoint.is_due()
    }

    /// Tells the person who waits.
    pub fn tell(&self, text: &str) {
        (self.note)(text);
    }

    /// Where it is, for messages.
    pub fn place(&self) -> String {
        self.checkpoint.place()
    }
}

/// Outcomes of trials by what was tried, kept one by one.
pub struct Trials<'k, 'a> {
    kept: &'k Kept<'a>,
    part: String,
    known: BTreeMap<String, String>,
    /// What was known already took so long, by the clock of the run that found it.
    pub remembered: f64,
}

impl<'k, 'a> Trials<'k, 'a> {
    /// Those that `part` holds.
    pub fn open(kept: &'k Kept<'a>, part: &str) -> Self {
        let known = kept.read(part).map(|file| file.metadata().clone()).unwrap_or_default();
        Self { kept, part: part.into(), known, remembered: 0.0 }
    }

    /// The outcome of what `tried` says in full: known, or found now and kept. `now`: a clock.
    ///
    /// # Errors
    /// As `find`, and as [`Kept::write`].
    pub fn of(&mut self, tried: &str, now: &dyn Fn() -> f64, find: impl FnOnce() -> Result<f64>) -> Result<f64> {
        if !self.kept.is_on() {
            return find();
        }
        let key = hex(&Sha256::digest(tried.as_bytes()));
        let number = |text: &str| u64::from_str_radix(text, 16).ok().map(f64::from_bits);
        let known = self.known.get(&key).and_then(|text| text.split_once(' '));
        let known = known.and_then(|(value, took)| Some((number(value)?, number(took)?)));
        if let Some((value, took)) = known {
            self.remembered += took;
            return Ok(value);
        }
        let start = now();
        let value = find()?;
        self.known.insert(key, format!("{:x} {:x}", value.to_bits(), (now() - start).to_bits()));
        self.kept.write(&self.part, &[], self.known.clone())?;
        Ok(value)
    }
}

/// Digest of everything that a trainer learns from, and of `options` in full.
pub fn digest(data: &Data<'_>, options: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{} {FORMAT} {} {options}", env!("CARGO_PKG_VERSION"), data.items));
    data.sequences.iter().for_each(|sequence| add(&mut hash, sequence));
    hash.update(b"valid");
    for case in data.valid {
        add(&mut hash, &case.history);
        case.targets.iter().for_each(|item| hash.update(item.to_le_bytes()));
    }
    for candidates in [data.valid_candidates, data.test_candidates] {
        hash.update(b"candidates");
        candidates.iter().for_each(|flags| hash.update(flags.iter().map(|&flag| u8::from(flag)).collect::<Vec<u8>>()));
    }
    let (sparse, dense) = (&data.features.sparse, &data.features.dense);
    hash.update(format!("content {} {}", sparse.columns, data.features.dim));
    sparse.offsets.iter().for_each(|at| hash.update((*at as u64).to_le_bytes()));
    sparse.indices.iter().for_each(|at| hash.update(at.to_le_bytes()));
    sparse.values.iter().chain(dense).for_each(|v| hash.update(v.to_le_bytes()));
    hex(&hash.finalize())
}

fn add(hash: &mut Sha256, sequence: &Sequence) {
    hash.update((sequence.len() as u64).to_le_bytes());
    sequence.items.iter().for_each(|item| hash.update(item.to_le_bytes()));
    sequence.times.iter().for_each(|time| hash.update(time.to_le_bytes()));
    sequence.values.iter().for_each(|value| hash.update(value.to_le_bytes()));
}
