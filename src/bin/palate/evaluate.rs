//! `palate evaluate`: reads interactions, splits them by a protocol, trains methods and prints how good they are.
//!
//! Not here: metrics (`palate::evaluate`), training (`palate::train`).

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use clap::builder::PossibleValuesParser;
use palate::evaluate::dataset::{Interactions, Keys, Sequence};
use palate::evaluate::report::{Context, Figures, figures, judge_cases, pool};
use palate::evaluate::split::{Case, Protocol, Split, split};
use palate::platform::Checkpoint;
use palate::platform::checkpoint::Nowhere;
use palate::platform::native::FolderCheckpoint;
use palate::platform::native::files::write_atomic;
use palate::publish::interactions::ReadOptions;
use palate::rank::learned::terms::{Term, history_of};
use palate::publish::item_features::ItemContent;
use palate::train::features::Features;
use palate::train::rating_report::{RatingOutcome, rating_report};
use palate::train::kept::{Kept, digest};
use palate::train::knobs;
use palate::train::methods::{Data, METHODS, Settings, Trainer};
use palate::train::tune::{Search, searchable, tune};
use palate::{Error, Result};

use crate::evaluation::{Evaluation, Outcome};
use crate::evaluation_page;
use crate::interactions::{Dropped, dense_items, note_skipped, open, read, scale, settings};
use crate::terminal::line;

/// Options of `palate evaluate`.
#[derive(Args)]
pub struct Evaluate {
    /// Items: JSON Lines with `id` and any of `title`, `description`, `tags`, `categories`, other fields.
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Interactions: CSV, TSV, Parquet, JSON Lines, RecBole `.inter`, MovieLens, or one sequence a line.
    #[arg(long, value_name = "FILE")]
    interactions: PathBuf,
    /// Attributes: a JSON object from item to a list of attribute ids.
    #[arg(long, value_name = "FILE")]
    attributes: Option<PathBuf>,
    /// Item vectors: JSON Lines of `id` and `embedding`.
    #[arg(long, value_name = "FILE")]
    features: Option<PathBuf>,
    /// How the interactions are split into what is learned from and what is to be found.
    #[arg(long, default_value = "leave-one-out", value_parser = ["leave-one-out", "temporal", "strong", "cold-items", "rating"])]
    protocol: String,
    /// Methods, comma-separated, or `all`.
    #[arg(long, value_delimiter = ',', default_value = "popularity,ease", value_parser = PossibleValuesParser::new(METHODS.into_iter().chain(["all"])))]
    method: Vec<String>,
    /// Cutoffs, comma-separated.
    #[arg(short, value_delimiter = ',', default_value = "10,20")]
    k: Vec<usize>,
    /// Learn from `train` or `train+valid` before the test.
    #[arg(long, default_value = "train", value_parser = ["train", "train+valid"])]
    fit: String,
    /// Seed of every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Average over this many folds (strong, cold-items, rating).
    #[arg(long, default_value_t = 1)]
    folds: usize,
    /// Ratings or weights below this are no positives.
    #[arg(long)]
    min_rating: Option<f32>,
    /// The rating scale, `LOW,HIGH`; inferred where not given.
    #[arg(long, value_delimiter = ',', num_args = 1)]
    scale: Option<Vec<f32>>,
    /// A person's rows beyond this many are bad: a robot, or a broken export. 0: no limit.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    max_user_rows: usize,
    /// Rows whose time goes backwards within a person are bad. Without it events are put in order.
    #[arg(long)]
    time_order: bool,
    #[command(flatten)]
    dropped: Dropped,
    /// Leave out bad rows (counted and named) in place of stopping.
    #[arg(long)]
    skip_bad: bool,
    /// Method that differences are taken to.
    #[arg(long)]
    baseline: Option<String>,
    /// Entries per row of the item-item matrices that the device gets, in the mean; up to twice as many where its first ten need them, of small catalogs six times [default: 50].
    #[arg(long)]
    row_entries: Option<usize>,
    /// Search for hyper-parameters first: so many seeded draws a method, judged on the validation cases by successive halving.
    #[arg(long, value_name = "DRAWS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    tune: Option<u32>,
    /// Most seconds of that search.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0, requires = "tune")]
    tune_seconds: f64,
    /// Where the hyper-parameters that were found go, for --settings here and in `palate build`.
    #[arg(long, value_name = "FILE", requires = "tune")]
    settings_out: Option<PathBuf>,
    /// Hyper-parameters: a JSON object, as --settings-out writes it; what it leaves out keeps its default.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Keep there what is finished, for the same command to go on after a stop; emptied at the end.
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,
    /// Write a report with plots: FILE.html or FILE.md, in one piece.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let protocol = match self.protocol.as_str() {
            "rating" => None,
            name => Some(Protocol::parse(name)?),
        };
        if self.k.is_empty() || self.k.contains(&0) || self.folds == 0 {
            return Err(Error::input("-k and --folds must be at least 1. Give larger ones."));
        }
        self.report.as_deref().map(evaluation_page::is_html).transpose()?;
        let mut settings = settings(&Settings::default(), self.settings.as_deref())?;
        settings.dense_items = dense_items(None);
        settings.row_entries = self.row_entries.unwrap_or(settings.row_entries);
        let (content, catalog) = self.read_content()?;
        let mut interactions = self.read_interactions(&catalog)?;
        let Some(protocol) = protocol else {
            return self.rate(&interactions);
        };
        let (mut sequences, account) = interactions.sequences(&self.dropped.cleaning(self.min_rating))?;
        self.note(&account.line());
        let items = interactions.items.len();
        let features = content.features(items);
        let folds = match protocol {
            Protocol::LeaveOneOut | Protocol::Temporal => 1,
            Protocol::Strong | Protocol::ColdItems => self.folds.min(5),
        };
        let note = |text: &str| self.note(text);
        let folder = self.checkpoint.as_ref().map(|path| FolderCheckpoint::new(path, &note));
        let checkpoint: &dyn Checkpoint = folder.as_ref().map_or(&Nowhere, |folder| folder as &dyn Checkpoint);
        let mut statement = String::new();
        let mut tuned = None;
        let mut of_folds: Vec<Vec<Outcome>> = Vec::new();
        for fold in 0..folds {
            let mut split = split(protocol, &sequences, items, self.seed, fold, folds)?;
            // What is not asked for any more makes room for what is learned.
            if fold + 1 == folds {
                sequences = Vec::new();
            }
            if self.fit == "train" {
                split.train_and_valid = Vec::new();
            }
            if fold == 0 {
                self.note(&split.statement);
            }
            if folds > 1 {
                self.note(&format!("fold {} of {folds}: {} users to test", fold + 1, split.test.len()));
            }
            if fold == 0 && self.tune.is_some() {
                let (found, account) = self.tuned(checkpoint, &split, items, &features, &settings)?;
                (settings, tuned) = (found, Some(account));
            }
            if self.fit != "train" {
                split.train = Vec::new();
            }
            of_folds.push(self.measure((checkpoint, fold), &split, items, &features, &settings)?);
            statement = split.statement;
        }
        let evaluation = Evaluation {
            protocol: self.protocol.clone(),
            statement,
            fit: self.fit.clone(),
            seed: self.seed,
            cutoffs: self.k.clone(),
            baseline: self.baseline.clone(),
            outcomes: self.pool(of_folds),
            tuned,
        };
        if self.baseline.is_some() && evaluation.base().is_none() {
            self.note("the baseline is none of the methods: no differences are given. Name it in --method too.");
        }
        if let Some(path) = &self.report {
            evaluation_page::write(path, &evaluation)?;
            self.note(&format!("report: {}", path.display()));
        }
        if let Some(folder) = &folder {
            folder.clear();
        }
        if self.json {
            line(&evaluation.json().to_string())
        } else {
            line(evaluation.table().trim_end())
        }
    }

    fn all(&self) -> bool {
        self.method.iter().any(|m| m == "all")
    }

    fn names(&self) -> Vec<&str> {
        match self.all() {
            true => METHODS.to_vec(),
            false => self.method.iter().map(String::as_str).collect(),
        }
    }

    /// Searches for hyper-parameters on the split's validation cases; what was found, for the report too.
    fn tuned(&self, checkpoint: &dyn Checkpoint, split: &Split, items: usize, features: &Features, settings: &Settings) -> Result<(Settings, serde_json::Value)> {
        let data = Data {
            sequences: &split.train,
            items,
            features,
            valid: &split.valid,
            valid_candidates: split.valid_candidates.as_deref(),
            test_candidates: split.test_candidates.as_deref(),
        };
        let methods = searchable(&self.names(), !features.is_empty());
        if methods.is_empty() {
            return Err(Error::input("--tune finds nothing to search for in these methods. Name one of item-knn, ease, ease-content, transitions, ials, user-clusters, content-map, hybrid."));
        }
        let search = Search { draws: self.tune.unwrap_or(1) as usize, seed: self.seed, budget_ms: self.tune_seconds * 1e3 };
        let note = |text: &str| self.note(text);
        let start = Instant::now();
        let now = || start.elapsed().as_secs_f64() * 1e3;
        let run = digest(&data, &format!("{settings:?} {search:?}"));
        let kept = Kept::new(checkpoint, &run, "search", &note);
        let (settings, found) = tune(&data, settings, &methods, &search, &kept, &now, &|text| self.note(text))?;
        let written = knobs::write(&settings);
        if let Some(path) = &self.settings_out {
            let text = serde_json::to_string_pretty(&written).map_err(|_| Error::Internal("settings do not serialize".into()))?;
            write_atomic(path, format!("{text}\n").as_bytes())?;
            self.note(&format!("settings: {}", path.display()));
        }
        let methods: Vec<serde_json::Value> = found
            .iter()
            .map(|f| serde_json::json!({"method": f.method, "quality": f.reached, "quality_before": f.defaults, "trainings": f.trainings}))
            .collect();
        Ok((settings, serde_json::json!({"seconds": now() / 1e3, "methods": methods, "settings": written})))
    }

    /// Joins the folds of each method that every fold has.
    fn pool(&self, mut folds: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        if folds.len() == 1 {
            return folds.pop().unwrap_or_default();
        }
        let of_all = |first: &Outcome| -> Option<Vec<&Outcome>> { folds.iter().map(|fold| fold.iter().find(|o| o.method == first.method)).collect() };
        let pooled = |of: Vec<&Outcome>| {
            let figures: Vec<Figures> = of.iter().map(|o| o.figures.clone()).collect();
            Outcome {
                method: of[0].method.clone(),
                figures: pool(&figures, &self.k, self.seed),
                download_bytes: of.iter().map(|o| o.download_bytes).max().unwrap_or(0),
                train_seconds: of.iter().map(|o| o.train_seconds).sum(),
            }
        };
        folds.first().into_iter().flatten().filter_map(of_all).map(pooled).collect()
    }

    /// The protocol `rating`: every rating is predicted once, from the other folds.
    fn rate(&self, interactions: &Interactions) -> Result<()> {
        if !interactions.has_rating {
            return Err(Error::input(format!(
                "{} has no ratings. Name a column `rating`, or take another protocol.",
                self.interactions.display()
            )));
        }
        let folds = if self.folds == 1 { 5 } else { self.folds };
        let report = rating_report(interactions, &self.rating_methods(), folds, self.seed, &|text| self.note(text))?;
        if self.json {
            let results: Vec<serde_json::Value> = report.iter().map(RatingOutcome::json).collect();
            let statement = format!("rating: {folds} seeded folds of the ratings, each predicted from the others");
            let users = interactions.users.len();
            let whole = serde_json::json!({"protocol": "rating", "statement": statement, "folds": folds, "seed": self.seed,
                "users": users, "results": results});
            line(&whole.to_string())
        } else {
            report.iter().try_for_each(|outcome| line(&outcome.line()))
        }
    }

    fn rating_methods(&self) -> Vec<String> {
        let known = ["popularity", "ials", "item-knn", "hybrid"];
        let chosen: Vec<String> = self.method.iter().filter(|m| known.contains(&m.as_str())).cloned().collect();
        if chosen.is_empty() || self.all() {
            known.map(str::to_owned).to_vec()
        } else {
            chosen
        }
    }

    fn note(&self, text: &str) {
        eprintln!("{text}");
    }

    /// The items' content, and the catalog's keys in order.
    fn read_content(&self) -> Result<(ItemContent, Keys)> {
        let mut content = ItemContent::default();
        let mut catalog = Keys::default();
        if let Some(path) = &self.items {
            let (name, input) = open(path)?;
            let skipped = content.read_items(&name, input, &mut catalog, self.skip_bad)?;
            if skipped > 0 {
                self.note(&format!("skipped: {skipped} bad items of {name}"));
            }
        }
        if let Some(path) = &self.attributes {
            let (name, input) = open(path)?;
            content.read_attributes(&name, input, &mut catalog)?;
        }
        if let Some(path) = &self.features {
            let (name, input) = open(path)?;
            content.read_vectors(&name, input, &catalog)?;
        }
        Ok((content, catalog))
    }

    fn read_interactions(&self, catalog: &Keys) -> Result<Interactions> {
        let options = ReadOptions {
            skip_bad: self.skip_bad,
            scale: scale(self.scale.as_deref())?,
            numbered: catalog.clone(),
            known_only: self.items.is_some(),
            max_user_rows: self.max_user_rows,
            require_time_order: self.time_order,
            ..ReadOptions::default()
        };
        let (interactions, skipped) = read(&self.interactions, options)?;
        note_skipped(&skipped);
        Ok(interactions)
    }

    fn measure(&self, (checkpoint, fold): (&dyn Checkpoint, usize), split: &Split, items: usize, features: &Features, settings: &Settings) -> Result<Vec<Outcome>> {
        let learned: &[Sequence] = if self.fit == "train" { &split.train } else { &split.train_and_valid };
        let data = Data {
            sequences: learned,
            items,
            features,
            valid: &split.valid,
            valid_candidates: split.valid_candidates.as_deref(),
            test_candidates: split.test_candidates.as_deref(),
        };
        let mut context = Context::new(data.counts(), learned.len(), &self.k, self.seed);
        let vectors: Vec<Vec<(u32, f32)>> =
            (0..features.sparse.rows()).map(|i| features.sparse.entries(i).collect()).collect();
        if !features.sparse.indices.is_empty() {
            context.vectors = &vectors;
        }
        context.categories = &features.categories;
        context.category_count = features.category_count;
        context.candidates = split.test_candidates.as_deref();
        let longest = self.k.iter().copied().max().unwrap_or(10);
        let mut outcomes = Vec::new();
        let note = |text: &str| self.note(text);
        let (run, stage) = (digest(&data, &format!("{settings:?}")), format!("fold{fold}"));
        let mut trainer = Trainer::new(data, settings.clone(), &note).keeping(Kept::new(checkpoint, &run, &stage, &note));
        for name in self.names() {
            let start = Instant::now();
            let term = match trainer.term(name) {
                // Of `all`, what the data don't allow is left out; what was named must be there.
                Err(Error::Input(why)) if self.all() => {
                    self.note(&format!("{name}: left out. {why}"));
                    continue;
                }
                term => term?,
            };
            let train_seconds = start.elapsed().as_secs_f64();
            let scorer = |case: &Case, out: &mut [f32]| term.add(&history_of(&case.history.items), 1.0, out);
            let judged = judge_cases(&split.test, items, context.candidates, longest, &scorer);
            let mut figures = figures(&split.test, &judged, &context);
            figures.ms_per_recommendation = time_one(term.as_ref(), &split.test, longest);
            outcomes.push(Outcome {
                method: name.to_owned(),
                figures,
                download_bytes: term.download_bytes(),
                train_seconds,
            });
        }
        Ok(outcomes)
    }
}

/// Milliseconds of one recommendation on one thread, the mean over up to 200 cases.
fn time_one(term: &dyn Term, cases: &[Case], k: usize) -> f64 {
    let sample = &cases[..cases.len().min(200)];
    let start = Instant::now();
    let mut scores = vec![0f32; term.items()];
    for case in sample {
        scores.fill(0.0);
        term.add(&history_of(&case.history.items), 1.0, &mut scores);
        palate::evaluate::report::mask(&mut scores, case, None);
        std::hint::black_box(palate::math::topk::top_k(&scores, k));
    }
    start.elapsed().as_secs_f64() * 1e3 / sample.len().max(1) as f64
}
