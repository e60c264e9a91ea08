//! The methods by name: from training sequences to the term that a device would run.
//!
//! Terms are trained once and shared: the hybrid takes those that other methods already trained. Not here: how each one
//! learns (its own file), evaluation.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::blend::choose;
use super::choices::Choices;
use super::clusters::clusters;
use super::content_map::fill_cold;
use super::covered::Covered;
use super::dense::Dense;
use super::ease::ease_with_heights;
use super::ease_content::ease_content;
use super::entries::{Centered, Entries, Keep, Popular};
use super::features::Features;
use super::ials::IalsSettings;
use super::inverse::Stand;
use super::kept::Kept;
use super::knn::item_knn;
use super::matrix::Csr;
use super::sequence::{SequenceSettings, train_sequence};
use super::transitions::{EVENTS, TransitionSettings, transitions};
use crate::evaluate::dataset::Sequence;
use crate::evaluate::split::Case;
use crate::rank::learned::content::Content;
use crate::rank::learned::factors::Factors;
use crate::rank::learned::neighbors::Neighbors;
use crate::rank::learned::popularity::Popularity;
use crate::rank::learned::sparse::SparseRows;
use crate::rank::learned::terms::Term;
use crate::{Error, Result};

/// Every method name, in the order of reports.
pub const METHODS: [&str; 11] = [
    "popularity", "item-knn", "ease", "ease-content", "transitions", "ials", "user-clusters", "sequence", "content",
    "content-map", "hybrid",
];

/// Catalogs up to here are known whole by dense item-item algebra: 20,000 squared floats are 1.6 GB, four times that is needed.
pub const DENSE_ITEMS: usize = 20_000;

/// What a method learns from.
pub struct Data<'a> {
    pub sequences: &'a [Sequence],
    pub items: usize,
    pub features: &'a Features,
    /// Cases to choose settings and gains by; none of their targets is in `sequences`.
    pub valid: &'a [Case],
    /// What may be recommended in the validation cases, and in the test (cold items are scored only where asked for).
    pub valid_candidates: Option<&'a [bool]>,
    pub test_candidates: Option<&'a [bool]>,
}

impl Data<'_> {
    /// Training users of each item.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0u32; self.items];
        for item in self.sequences.iter().flat_map(|s| &s.items) {
            counts[*item as usize] += 1;
        }
        counts
    }
}

/// Hyper-parameters of all methods, with defaults that hold across data sets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Entries kept per row of an item-item matrix, in the mean: where its first ten need more, up to twice as many, of small catalogs six times.
    pub row_entries: usize,
    /// Items that dense item-item algebra knows at most: n^2 floats, a few times. The most frequent ones.
    pub dense_items: usize,
    /// The hybrid's matrices shrink until it is no larger.
    pub budget_bytes: usize,
    /// The hybrid by deviations is taken where it is better by this factor: the other is linear in the events and gives exact reasons.
    pub deviation_earns: f64,
    /// Of people with n events each event weighs n^-balance: 0 alike, 1 people alike (EASE, item-kNN; iALS by the root).
    pub balance: f32,
    pub knn_shrink: f32,
    pub ease_lambda: f32,
    /// Weight of a unit content row against one user.
    pub content_alpha: f32,
    pub transitions: TransitionSettings,
    pub ials: IalsSettings,
    pub clusters: usize,
    pub anonymity: usize,
    pub map_lambda: f32,
    pub sequence: SequenceSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            row_entries: 50,
            dense_items: DENSE_ITEMS,
            budget_bytes: 4_000_000,
            deviation_earns: 1.02,
            balance: 0.0,
            knn_shrink: 10.0,
            ease_lambda: 200.0,
            content_alpha: 7.0,
            transitions: TransitionSettings { lambda: 100.0, past: 2.0, future: 2.0, window: 20 },
            ials: IalsSettings { dim: 64, alpha0: 0.1, lambda: 0.003, nu: 1.0, sweeps: 15, steps: 3, seed: 1 },
            clusters: 200,
            anonymity: 20,
            map_lambda: 0.5,
            sequence: SequenceSettings::default(),
        }
    }
}

/// The name under which the content map's second inversion is kept.
pub(super) const CONTENT: &str = "content-map-content";

/// How fast the past may fade, in events.
const TAUS: [f32; 7] = [f32::INFINITY, 50.0, 20.0, 8.0, 4.0, 2.0, 1.0];

/// Trains methods, each once.
pub struct Trainer<'a> {
    pub(super) data: Data<'a>,
    pub(super) settings: Settings,
    pub(super) matrix: Csr,
    /// What dense methods know of the catalog; `None`: all of it.
    pub(super) covered: Option<Arc<Covered>>,
    pub(super) trained: HashMap<String, Arc<dyn Term>>,
    /// The trained terms that are item-item matrices: these can be cut to fit a budget.
    pub(super) matrices: HashMap<String, (Neighbors, Entries)>,
    pub(super) choices: Choices,
    /// What to tell the person who waits.
    pub(super) note: &'a dyn Fn(&str),
    /// Where finished stages are kept.
    pub(super) kept: Kept<'a>,
}

impl<'a> Trainer<'a> {
    /// A trainer over `data`.
    pub fn new(data: Data<'a>, settings: Settings, note: &'a dyn Fn(&str)) -> Self {
        let matrix = Csr::binary(data.sequences, data.items).balanced(settings.balance);
        let covered = Covered::new(&data.counts(), settings.dense_items).map(Arc::new);
        Self { data, settings, matrix, covered, trained: HashMap::new(), matrices: HashMap::new(), choices: Choices::default(), note, kept: Kept::nothing() }
    }

    /// The same, which keeps what it has finished, and takes up what a stopped run of the same digest has left there.
    pub fn keeping(mut self, kept: Kept<'a>) -> Self {
        self.kept = kept;
        self.take_choices();
        self
    }

    /// The same, with choices that another trainer made on its validation cases.
    pub fn with_choices(self, choices: Choices) -> Self {
        Self { choices, ..self }
    }

    /// What was chosen so far.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// How fast the past fades for `method`: as chosen before, else what does best on the validation cases.
    fn tau(&mut self, method: &str, term: impl Fn(f32) -> Box<dyn Term>) -> f32 {
        let (valid, candidates) = (self.data.valid, self.data.valid_candidates);
        *self.choices.taus.entry(method.into()).or_insert_with(|| choose(&TAUS, valid, candidates, term))
    }

    /// The term of `method`.
    pub fn term(&mut self, method: &str) -> Result<Arc<dyn Term>> {
        if let Some(term) = self.trained.get(method) {
            return Ok(term.clone());
        }
        let term = match self.taken(method) {
            Some(term) => {
                (self.note)(&format!("{method}: learned before, taken from {}", self.kept.place()));
                term
            }
            None => {
                let start = Instant::now();
                let term = self.train(method)?;
                (self.note)(&format!("{method}: trained in {:.1} s", start.elapsed().as_secs_f64()));
                self.keep(method, term.as_ref())?;
                term
            }
        };
        self.trained.insert(method.into(), term.clone());
        Ok(term)
    }

    fn train(&mut self, method: &str) -> Result<Arc<dyn Term>> {
        let s = self.settings.clone();
        let n = self.data.items;
        Ok(match method {
            "popularity" => Arc::new(Popularity::from_counts(&self.data.counts(), self.data.sequences.len(), 1.0)),
            "item-knn" => {
                let rows = item_knn(&self.matrix, s.knn_shrink, s.row_entries);
                self.neighbors(method, SparseRows::from_rows(n, rows.into_iter(), s.row_entries))
            }
            "ease" => self.ease(method)?,
            "ease-content" => {
                self.need_content(method)?;
                let features = self.covered.as_ref().map_or(Cow::Borrowed(self.data.features), |covered| Cow::Owned(covered.features(self.data.features)));
                let (weights, heights) = ease_content(&self.covered_matrix(), &features, s.ease_lambda, s.content_alpha, &Stand::new(&self.kept, method, ""))?;
                self.matrix_term(method, weights, Some(heights))
            }
            "transitions" => {
                let stand = Stand::new(&self.kept, method, "");
                let weights = match &self.covered {
                    None => transitions(self.data.sequences, n, &s.transitions, EVENTS, &stand)?,
                    Some(covered) => transitions(&covered.sequences(self.data.sequences), covered.items.len(), &s.transitions, EVENTS, &stand)?,
                };
                self.matrix_term(method, weights, None)
            }
            "ials" => {
                let base = self.factors()?;
                let with = |tau: f32| Factors { tau, ..base.clone() };
                let tau = self.tau(method, |t| Box::new(with(t)));
                Arc::new(with(tau))
            }
            "user-clusters" => {
                let base = clusters(&self.matrix, s.clusters, s.anonymity, s.row_entries * 20, 1)?;
                (self.note)(&format!(
                    "user-clusters: {} centroids, the smallest of {} people; no item that fewer than 3 of them met",
                    base.centroids.rows(),
                    base.smallest
                ));
                let with = |tau: f32| crate::rank::learned::clusters::Clusters { tau, ..base.clone() };
                let tau = self.tau(method, |t| Box::new(with(t)));
                Arc::new(with(tau))
            }
            "content" => {
                self.need_content(method)?;
                let rows = content_rows(self.data.features, n);
                let with = |tau: f32| Content { rows: rows.clone(), tau };
                let tau = self.tau(method, |t| Box::new(with(t)));
                Arc::new(with(tau))
            }
            "content-map" => {
                self.need_content(method)?;
                if self.covered.is_some() {
                    return Err(Error::input(format!("The method `{method}` takes at most {} items. Leave it out.", s.dense_items)));
                }
                self.content_map(method)?
            }
            "sequence" => self.sequence()?,
            "hybrid" => self.hybrid()?,
            other => {
                return Err(Error::input(format!(
                    "The method `{other}` is not known. Use one of {}, or `all`.",
                    METHODS.join(", ")
                )));
            }
        })
    }

    fn need_content(&self, method: &str) -> Result<()> {
        if self.data.features.is_empty() {
            return Err(Error::input(format!(
                "The method `{method}` needs item content. Pass --items, --attributes or --features."
            )));
        }
        Ok(())
    }

    /// A neighbors term of a learned matrix, with heights where it is symmetric but for them: its fading and the entries that are
    /// shipped are chosen on the validation cases.
    pub(super) fn matrix_term(&mut self, method: &str, weights: Vec<f32>, heights: Option<Vec<f32>>) -> Arc<dyn Term> {
        let mut learned = Dense { heights: heights.map(Arc::new), ..self.dense(method, weights) };
        learned.tau = self.tau(method, |tau| Box::new(Dense { tau, ..learned.clone() }));
        let (least, valid, candidates) = (self.settings.row_entries, self.data.valid, self.data.valid_candidates);
        // Everybody's list is scored for it: only where it counts.
        let popular = || Popular::new(&learned, self.data.sequences);
        let (entries, k) = match self.choices.entries.get(method) {
            Some((Keep::EachRow, k)) => (Entries::each_row(), *k),
            Some((keep, k)) => (Entries::new(*keep, &popular()), *k),
            None => Entries::choose(&learned, &popular(), least, valid, candidates, self.note),
        };
        self.choices.entries.insert(method.into(), (entries.keep, k));
        self.shipped(entries.of(&Centered::new(&learned), k), entries)
    }

    /// A learned matrix over the covered items.
    pub(super) fn dense(&self, method: &str, weights: Vec<f32>) -> Dense {
        Dense { covered: self.covered.clone(), ..Dense::new(method, weights, self.data.items) }
    }

    /// The matrix of users and the covered items.
    pub(super) fn covered_matrix(&self) -> Cow<'_, Csr> {
        self.covered.as_ref().map_or(Cow::Borrowed(&self.matrix), |covered| Cow::Owned(covered.columns(&self.matrix)))
    }

    /// How many items dense methods know, and what share of the interactions is with them; `None`: all.
    pub fn coverage(&self) -> Option<(usize, f64)> {
        self.covered.as_ref().map(|covered| (covered.items.len(), covered.share(&self.data.counts())))
    }

    /// A neighbors term of sparse rows, whose fading is chosen on the validation cases.
    fn neighbors(&mut self, method: &str, weights: SparseRows) -> Arc<dyn Term> {
        let with = |tau: f32, weights: SparseRows| Neighbors { name: method.into(), weights, tau, window: usize::MAX };
        let tau = self.tau(method, |t| Box::new(with(t, weights.clone())));
        self.shipped(with(tau, weights), Entries::each_row())
    }

    fn shipped(&mut self, term: Neighbors, entries: Entries) -> Arc<dyn Term> {
        self.matrices.insert(term.name.clone(), (term.clone(), entries));
        Arc::new(term)
    }

    fn content_map(&mut self, method: &str) -> Result<Arc<dyn Term>> {
        let s = self.settings.clone();
        let n = self.data.items;
        let counts = self.data.counts();
        let has = |i: &u32| self.data.features.has(*i as usize);
        let warm: Vec<u32> = (0..n as u32).filter(|&i| counts[i as usize] > 0).filter(has).collect();
        let cold: Vec<u32> = (0..n as u32).filter(|&i| counts[i as usize] == 0).filter(has).collect();
        let (mut weights, _) = ease_with_heights(&self.matrix, s.ease_lambda, &Stand::new(&self.kept, method, ""))?;
        fill_cold(&mut weights, n, self.data.features, &warm, &cold, s.map_lambda, &Stand::new(&self.kept, CONTENT, ""))?;
        // Of each row, warm and cold entries are kept apart: the cold ones are smaller and would all be cut.
        let is_cold: Vec<bool> = counts.iter().map(|&c| c == 0).collect();
        let rows = weights.chunks_exact(n.max(1)).map(|row| {
            let part = |cold: bool| {
                let masked: Vec<f32> =
                    row.iter().zip(&is_cold).map(|(w, c)| if *c == cold { *w } else { 0.0 }).collect();
                crate::rank::learned::sparse::top_magnitudes(&masked, s.row_entries)
            };
            let mut entries = part(false);
            entries.extend(part(true));
            entries
        });
        let weights = SparseRows::from_rows(n, rows, usize::MAX);
        Ok(self.neighbors(method, weights))
    }

    fn sequence(&mut self) -> Result<Arc<dyn Term>> {
        let start = Instant::now();
        let mut settings = self.settings.sequence.clone();
        settings.epochs = self.choices.epochs.unwrap_or(settings.epochs);
        let clock = || start.elapsed().as_secs_f64();
        let features = (!self.data.features.is_empty()).then_some(self.data.features);
        let (minutes, window, epochs, patience) = (settings.budget_seconds / 60.0, settings.window, settings.epochs, settings.patience);
        (self.note)(&format!("sequence: a transformer over the last {window} events, at most {epochs} epochs and {minutes:.0} minutes, until {patience} epochs bring nothing"));
        let (encoder, epoch) = train_sequence(
            self.data.sequences,
            self.data.items,
            features,
            self.data.valid,
            self.data.valid_candidates,
            &settings,
            &clock,
            &self.kept,
            &mut |e| {
                (self.note)(&format!(
                    "sequence: epoch {}, loss {:.3}, validation NDCG@10 {:.4}, {:.0} s",
                    e.number,
                    e.loss,
                    e.validation_ndcg,
                    clock()
                ));
            },
        )?;
        (self.note)(&format!("sequence: kept epoch {epoch}"));
        self.choices.epochs = Some(epoch);
        Ok(Arc::new(encoder))
    }
}

fn content_rows(features: &Features, items: usize) -> SparseRows {
    let sparse = features.sparse.columns as u32;
    let columns = sparse as usize + features.dim;
    let rows = (0..items).map(|item| {
        let mut row: Vec<(u32, f32)> = match item < features.sparse.rows() {
            true => features.sparse.entries(item).collect(),
            false => Vec::new(),
        };
        row.extend(features.dense_row(item).iter().enumerate().map(|(c, &v)| (sparse + c as u32, v)));
        row
    });
    SparseRows::from_rows(columns, rows, usize::MAX)
}
