//! The hybrid: which terms it takes, with what gains, cut to the device's budget.
//!
//! Not here: fitting gains (`blend`), the terms.

use std::sync::Arc;

use super::blend::Tables;
use super::methods::Trainer;
use crate::rank::learned::blend::{Blend, Scale};
use crate::rank::learned::neighbors::Neighbors;
use crate::rank::learned::terms::Term;
use crate::{Error, Result};

impl Trainer<'_> {
    /// Trains what is missing, fits the gains on the validation cases in both scales, and keeps the better one.
    pub(super) fn hybrid(&mut self) -> Result<Arc<dyn Term>> {
        let cold = self.data.test_candidates.is_some();
        let mut names = vec!["popularity"];
        match (cold, self.data.features.is_empty()) {
            (true, true) => {}
            (true, false) => names.extend(["content", "content-map"]),
            (false, true) => names.extend(["ease", "transitions", "ials", "user-clusters", "sequence"]),
            (false, false) => names.extend(["ease", "ease-content", "transitions", "ials", "user-clusters", "sequence", "content"]),
        }
        let mut terms = Vec::new();
        let mut trained = Vec::new();
        for name in &names {
            match self.term(name) {
                Ok(term) => {
                    terms.push(term);
                    trained.push(*name);
                }
                Err(Error::Input(why)) => (self.note)(&format!("hybrid: without {name}: {why}")),
                Err(other) => return Err(other),
            }
        }
        let names = trained;
        let (valid, candidates) = (self.data.valid, self.data.valid_candidates);
        let mut best: Option<(f64, Scale, Vec<f32>)> = None;
        for scale in [Scale::Raw, Scale::Deviation] {
            let tables = Tables::new(&terms, valid, candidates, scale);
            let (mut gains, mut reached) = tables.fit(&vec![true; terms.len()]);
            // The encoder is the one term that costs the device milliseconds: it must earn 2 %.
            if let Some(at) = names.iter().position(|n| *n == "sequence").filter(|&at| gains[at] > 0.0) {
                let mut allowed = vec![true; terms.len()];
                allowed[at] = false;
                let (without, least) = tables.fit(&allowed);
                if reached < 1.02 * least {
                    (gains, reached) = (without, least);
                }
            }
            let line: Vec<String> = terms.iter().zip(&gains).map(|(t, g)| format!("{} {g:.3}", t.name())).collect();
            (self.note)(&format!("hybrid: {scale:?} {} gives {reached:.4} on validation", line.join(", ")));
            if best.as_ref().is_none_or(|(b, ..)| reached > *b) {
                best = Some((reached, scale, gains));
            }
        }
        let (_, scale, gains) = best.ok_or_else(|| Error::Internal("no scale was tried".into()))?;
        let used = |(terms, gains): (&[Arc<dyn Term>], &[f32])| -> (Vec<Arc<dyn Term>>, Vec<f32>) {
            terms.iter().cloned().zip(gains.iter().copied()).filter(|(_, g)| *g != 0.0).unzip()
        };
        let (terms, gains) = used((&terms, &gains));
        let mut blend = Blend { terms, gains, scale };
        let mut entries = self.settings.row_entries;
        while blend.download_bytes() > self.settings.budget_bytes && entries > 10 {
            entries -= 2;
            for term in &mut blend.terms {
                if let Some(matrix) = self.matrices.get(term.name()) {
                    *term = Arc::new(Neighbors { weights: matrix.weights.cut(entries), ..matrix.clone() });
                }
            }
        }
        if entries < self.settings.row_entries {
            (self.note)(&format!("hybrid: rows cut to {entries} entries, {} bytes", blend.download_bytes()));
        }
        Ok(Arc::new(blend))
    }
}
