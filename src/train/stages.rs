//! Finished stages of a trainer: terms that were learned and choices that were made, kept and taken up again.
//!
//! A term is kept as devices get it, which is what everything after it looks at. Not here: stages that are not finished
//! (`factors`, `sequence_state`), where parts are kept (`kept`).

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::choices::Choices;
use super::entries::{Entries, Keep};
use super::inverse::Stand;
use super::methods::{CONTENT, Trainer};
use super::sequence_state::State;
use super::ship;
use crate::format::ranker::{Ranker, write};
use crate::format::tensors::{DType, Part};
use crate::rank::learned::neighbors::Neighbors;
use crate::rank::learned::shipped::Shipped;
use crate::rank::learned::terms::Term;
use crate::Result;

/// Methods whose terms are kept: those that may take long and that shards can hold.
const KEPT: [&str; 7] = ["item-knn", "ease", "ease-content", "transitions", "ials", "content-map", "sequence"];
/// The part of a checkpoint with the choices that a blend closes.
const CHOICES: &str = "choices";

impl Trainer<'_> {
    /// The term that a stopped run has learned, with the choices that it made until then.
    pub(super) fn taken(&mut self, method: &str) -> Option<Arc<dyn Term>> {
        if !KEPT.contains(&method) {
            return None;
        }
        let file = self.kept.read(method)?;
        let choices = Choices::read(file.metadata().get("choices")?)?;
        let shard = Ranker::parse(file.typed("term", DType::U8).ok()?.bytes().to_vec(), method).ok()?;
        let term = Shipped::open(shard, method).ok()?.blend.terms.pop().filter(|term| term.items() == self.data.items)?;
        if let Some(matrix) = (term.as_ref() as &dyn Any).downcast_ref::<Neighbors>() {
            let keep = choices.entries.get(method).map_or(Keep::EachRow, |(keep, _)| *keep);
            let entries = Entries { keep, rows: file.f32s("rows").ok()?, columns: file.f32s("columns").ok()? };
            self.matrices.insert(method.into(), (matrix.clone(), entries));
        }
        // After the blend nothing is chosen any more.
        if self.choices.blend.is_none() {
            self.choices = choices;
        }
        Some(term)
    }

    /// Keeps a term that was learned, and drops where its learning stood.
    pub(super) fn keep(&self, method: &str, term: &dyn Term) -> Result<()> {
        if !self.kept.is_on() || !KEPT.contains(&method) {
            return Ok(());
        }
        let (popularity, terms) = (vec![0; self.data.items], vec![ship::part(term, 1.0)?]);
        let shard = write(&Ranker { keys: 0, users: 0, popularity, by_deviation: false, unit: 1.0, terms, clock: None })?;
        let none = Entries::each_row();
        let entries = self.matrices.get(method).map_or(&none, |(_, entries)| entries);
        let floats = |name: &str, values: &[f32]| Part::f32(name, &[values.len()], values);
        let parts = [Part::u8("term", &shard), floats("rows", &entries.rows), floats("columns", &entries.columns)];
        self.kept.write(method, &parts, self.choices_text())?;
        self.kept.remove(&Stand::part(method));
        match method {
            "content-map" => self.kept.remove(&Stand::part(CONTENT)),
            "ease" => self.drop_lambdas(),
            "ials" => self.drop_sweeps(),
            "sequence" => State::remove(&self.kept),
            _ => {}
        }
        Ok(())
    }

    /// Takes up the choices of a stopped run that had chosen its blend.
    pub(super) fn take_choices(&mut self) {
        let found = self.kept.read(CHOICES);
        if let Some(choices) = found.and_then(|file| Choices::read(file.metadata().get("choices")?)) {
            self.choices = choices;
        }
    }

    /// Keeps the choices.
    pub(super) fn keep_choices(&self) -> Result<()> {
        if self.kept.is_on() { self.kept.write(CHOICES, &[], self.choices_text()) } else { Ok(()) }
    }

    fn choices_text(&self) -> BTreeMap<String, String> {
        [("choices".to_owned(), self.choices.write())].into()
    }
}
