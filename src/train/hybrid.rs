//! The hybrid: which terms it takes, with what gains, cut to the device's budget.
//!
//! Not here: fitting gains (`blend`), the terms.

use std::sync::Arc;

use super::blend::Tables;
use super::choices::Blended;
use super::methods::Trainer;
use crate::rank::learned::blend::{Blend, Scale};
use crate::rank::learned::neighbors::Neighbors;
use crate::rank::learned::terms::Term;
use crate::{Error, Result};

/// Rows are not cut below so many entries; a term goes before that.
const LEAST_ENTRIES: usize = 10;

impl Trainer<'_> {
    /// The hybrid of the methods that fit the question: is it about items that nobody met yet?
    pub(super) fn hybrid(&mut self) -> Result<Arc<dyn Term>> {
        let cold = self.data.test_candidates.is_some();
        let mut names = vec!["popularity"];
        match (cold, self.data.features.is_empty()) {
            (true, true) => {}
            (true, false) => names.extend(["content", "content-map"]),
            (false, true) => names.extend(["ease", "transitions", "ials", "user-clusters", "sequence"]),
            (false, false) => names.extend(["ease", "ease-content", "transitions", "ials", "user-clusters", "sequence", "content"]),
        }
        if !cold && self.covered.is_some() {
            names.push("item-knn");
        }
        Ok(Arc::new(self.blend(&names)?))
    }

    /// The blend of some methods within the budget. What was not chosen yet is fitted on the validation cases: gains in
    /// both scales, the better one is kept; then rows are cut, and if that is not enough, the largest term goes.
    ///
    /// # Errors
    /// [`Error::Input`] where not even popularity fits the budget, and what the terms' training returns.
    pub fn blend(&mut self, names: &[&str]) -> Result<Blend> {
        let chosen = match self.choices.blend.clone() {
            Some(chosen) => chosen,
            None => {
                let chosen = self.choose_blend(names)?;
                self.choices.blend = Some(chosen.clone());
                self.keep_choices()?;
                chosen
            }
        };
        let mut terms = Vec::new();
        for (name, _) in &chosen.gains {
            self.term(name)?;
            terms.push(self.cut_term(name, chosen.row_entries)?);
        }
        let gains = chosen.gains.iter().map(|(_, gain)| *gain).collect();
        Ok(Blend { terms, gains, scale: chosen.scale })
    }

    fn choose_blend(&mut self, names: &[&str]) -> Result<Blended> {
        let mut names = names.to_vec();
        let mut terms: Vec<Arc<dyn Term>> = Vec::new();
        let mut trained = Vec::new();
        for name in names.drain(..) {
            match self.term(name) {
                Ok(term) => {
                    terms.push(term);
                    trained.push(name);
                }
                Err(Error::Input(why)) => (self.note)(&format!("hybrid: without {name}: {why}")),
                Err(other) => return Err(other),
            }
        }
        let names = trained;
        (self.note)(&format!("hybrid: weighing {} terms on {} validation cases", names.len(), self.data.valid.len()));
        let tables = [Scale::Raw, Scale::Deviation].map(|scale| (scale, Tables::new(&terms, self.data.valid, self.data.valid_candidates, scale)));
        let mut allowed = vec![true; names.len()];
        let alone = (0..names.len()).map(|at| (names[at].to_owned(), tables[0].1.alone(at)));
        let best_alone = alone.reduce(|a, b| if b.1 > a.1 { b } else { a }).ok_or_else(|| Error::input("No method could be trained. Give more interactions."))?;
        loop {
            let (scale, gains, reached) = self.fit(&tables, &allowed, &names);
            let used: Vec<usize> = (0..names.len()).filter(|&at| gains[at] != 0.0).collect();
            let whole = used.iter().map(|&at| self.entries_of(names[at])).max().unwrap_or(0);
            let mut row_entries = whole;
            let bytes = |entries: usize| used.iter().map(|&at| Ok(self.cut_term(names[at], entries)?.download_bytes())).sum::<Result<usize>>();
            while bytes(row_entries)? > self.settings.budget_bytes && row_entries > LEAST_ENTRIES {
                row_entries = (row_entries - 2).max(LEAST_ENTRIES);
            }
            let needed = bytes(row_entries)?;
            if needed <= self.settings.budget_bytes {
                if row_entries < whole {
                    (self.note)(&format!("hybrid: cut to {row_entries} weights an item to fit: {needed} bytes"));
                }
                let gains = used.iter().map(|&at| (names[at].to_owned(), gains[at])).collect();
                return Ok(Blended { scale, gains, row_entries, reached, best_alone });
            }
            let largest = used.into_iter().max_by_key(|&at| terms[at].download_bytes());
            let largest = largest.filter(|_| allowed.iter().filter(|a| **a).count() > 1).ok_or_else(|| {
                Error::input(format!("The smallest ranker takes {needed} bytes, {} are allowed. Allow more.", self.settings.budget_bytes))
            })?;
            (self.note)(&format!("hybrid: without {}: {needed} bytes do not fit {}", names[largest], self.settings.budget_bytes));
            allowed[largest] = false;
        }
    }

    /// The better scale with its gains and the quality reached.
    fn fit(&self, tables: &[(Scale, Tables); 2], allowed: &[bool], names: &[&str]) -> (Scale, Vec<f32>, f64) {
        let mut best = (Scale::Raw, vec![0.0; names.len()], f64::MIN);
        for (scale, tables) in tables {
            let (mut gains, mut reached) = tables.fit(allowed);
            // The encoder is the one term that costs the device milliseconds: it must earn 2 %.
            if let Some(at) = names.iter().position(|n| *n == "sequence").filter(|&at| gains[at] > 0.0) {
                let mut allowed = allowed.to_vec();
                allowed[at] = false;
                let (without, least) = tables.fit(&allowed);
                if reached < 1.02 * least {
                    (gains, reached) = (without, least);
                }
            }
            let used = names.iter().zip(&gains).filter(|(_, gain)| **gain != 0.0);
            let line: Vec<String> = used.map(|(name, gain)| format!("{gain:.3} {name}")).collect();
            let by = if *scale == Scale::Raw { "plain scores" } else { "scores over their deviations" };
            (self.note)(&format!("hybrid: of {by} {}: {reached:.4} on validation (mean of NDCG@10 and @100)", line.join(" + ")));
            let factor = if *scale == Scale::Deviation { self.settings.deviation_earns } else { 1.0 };
            if reached > factor * best.2 || best.2 == f64::MIN {
                best = (*scale, gains, reached);
            }
        }
        best
    }

    /// Entries of a method's matrix as it was trained, a row in the mean.
    fn entries_of(&self, name: &str) -> usize {
        self.choices.entries.get(name).map_or(self.settings.row_entries, |(_, k)| *k)
    }

    /// The term of a method that was trained, its rows cut to `entries` in the mean.
    fn cut_term(&self, name: &str, entries: usize) -> Result<Arc<dyn Term>> {
        match self.matrices.get(name) {
            Some((term, chosen)) if entries < self.entries_of(name) => Ok(Arc::new(Neighbors { weights: chosen.cut(&term.weights, entries), ..term.clone() })),
            _ => self.trained.get(name).cloned().ok_or_else(|| Error::Internal(format!("{name} was not trained"))),
        }
    }
}
