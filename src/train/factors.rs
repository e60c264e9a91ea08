//! The trainer's iALS: its regularization by trials, and sweeps that go on after a stop.
//!
//! Not here: the sweeps (`ials`), the fold-in (`rank::learned::factors`).

use std::collections::BTreeMap;

use super::blend::{sample, term_quality};
use super::ials::{IalsSettings, Sweeps, ials, ials_from};
use super::kept::{Kept, Trials};
use super::methods::Trainer;
use crate::Result;
use crate::format::tensors::Part;
use crate::rank::learned::factors::Factors;

/// Interactions up to which regularizations are tried.
const AFFORDABLE: usize = 400_000;
const CASES: usize = 500;
/// The part of a checkpoint that says where the sweeps stand, and the one with the trials.
const SWEEPS: &str = "ials-sweeps";
const TRIALS: &str = "ials-trials";

impl Trainer<'_> {
    /// iALS item factors. Small data affords trying regularizations first, with half of the sweeps.
    pub(super) fn factors(&mut self) -> Result<Factors> {
        let mut settings = self.settings.ials;
        let from = read(&self.kept, settings.dim);
        if let Some((lambda, alpha0)) = self.choices.ials.or(from.as_ref().map(|(_, chosen)| *chosen)) {
            (settings.lambda, settings.alpha0) = (lambda, alpha0);
        } else if self.matrix.indices.len() <= AFFORDABLE && !self.data.valid.is_empty() {
            settings = self.searched(settings)?;
            (self.note)(&format!("ials: lambda {:.5}, alpha0 {:.3}", settings.lambda, settings.alpha0));
        }
        let from = from.map(|(sweeps, _)| sweeps);
        if let Some(from) = &from {
            (self.note)(&format!("ials: going on after sweep {} of {}", from.done, settings.sweeps));
        }
        let Sweeps { items, .. } = ials_from(&self.matrix, &settings, from, &mut |sweeps| {
            if sweeps.done < settings.sweeps && self.kept.is_due() { write(&self.kept, &settings, sweeps) } else { Ok(()) }
        })?;
        self.choices.ials = Some((settings.lambda, settings.alpha0));
        Ok(quantized(&items, &settings))
    }

    /// The settings with the regularization, and the weight of unobserved pairs, that do best on validation cases.
    fn searched(&self, mut settings: IalsSettings) -> Result<IalsSettings> {
        let cases = sample(self.data.valid, CASES);
        let mut trials = Trials::open(&self.kept, TRIALS);
        let (lambda, alpha0) = (settings.lambda, settings.alpha0);
        let mut best = f64::MIN;
        let mut consider = |lambda: f32, alpha0: f32| -> Result<bool> {
            let tried = IalsSettings { lambda, alpha0, sweeps: settings.sweeps.div_ceil(2), ..settings };
            let reached = trials.of(&format!("{tried:?}"), &|| 0.0, || {
                let (_, items) = ials(&self.matrix, &tried);
                Ok(term_quality(&quantized(&items, &tried), &cases, self.data.valid_candidates))
            })?;
            let better = reached > best;
            if better {
                best = reached;
                (settings.lambda, settings.alpha0) = (lambda, alpha0);
            }
            Ok(better)
        };
        consider(lambda, alpha0)?;
        let mut best_lambda = lambda;
        for direction in [3.0, 1.0 / 3.0] {
            let mut tried = lambda * direction;
            let mut found = false;
            while consider(tried, alpha0)? {
                (best_lambda, found) = (tried, true);
                tried *= direction;
            }
            if found {
                break;
            }
        }
        // The same pull to zero with another weight of the unobserved pairs.
        for direction in [3.0, 1.0 / 3.0] {
            let (mut alpha, mut lambda, mut found) = (alpha0 * direction, best_lambda / direction, false);
            while consider(lambda, alpha)? {
                (alpha, lambda, found) = (alpha * direction, lambda / direction, true);
            }
            if found {
                break;
            }
        }
        Ok(settings)
    }

    /// Drops where the sweeps stand: the term is there.
    pub(super) fn drop_sweeps(&self) {
        self.kept.remove(SWEEPS);
        self.kept.remove(TRIALS);
    }
}

fn quantized(items: &[f32], settings: &IalsSettings) -> Factors {
    Factors::quantize(items, settings.dim, settings.alpha0, settings.lambda, settings.nu)
}

fn write(kept: &Kept<'_>, settings: &IalsSettings, sweeps: &Sweeps) -> Result<()> {
    let d = settings.dim;
    let part = |name: &str, values: &[f32]| Part::f32(name, &[values.len() / d.max(1), d], values);
    let (lambda, alpha0) = (settings.lambda.to_bits(), settings.alpha0.to_bits());
    let numbers = [("done", sweeps.done as u64), ("lambda", lambda.into()), ("alpha0", alpha0.into())];
    let metadata: BTreeMap<String, String> = numbers.iter().map(|(name, number)| ((*name).to_owned(), number.to_string())).collect();
    kept.write(SWEEPS, &[part("users", &sweeps.users), part("items", &sweeps.items)], metadata)
}

/// Where the sweeps of a stopped run stood, and what it had chosen.
fn read(kept: &Kept<'_>, dim: usize) -> Option<(Sweeps, (f32, f32))> {
    let file = kept.read(SWEEPS)?;
    let number = |name: &str| file.metadata().get(name)?.parse::<u32>().ok();
    let rows = |name: &str| file.f32s(name).ok().filter(|values| values.len() % dim.max(1) == 0);
    let sweeps = Sweeps { done: number("done")? as usize, users: rows("users")?, items: rows("items")? };
    Some((sweeps, (f32::from_bits(number("lambda")?), f32::from_bits(number("alpha0")?))))
}
