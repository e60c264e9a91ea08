//! `palate evaluate`: reads interactions, splits them by a protocol, trains methods and prints how good they are.
//!
//! Not here: metrics (`palate::evaluate`), training (`palate::train`).

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use palate::evaluate::dataset::{Cleaning, Interactions, Keys, Sequence};
use palate::evaluate::report::{Context, Figures, differences, figures, judge_cases, pool};
use palate::evaluate::split::{Case, Protocol, Split, split};
use palate::publish::interactions::ReadOptions;
use palate::rank::learned::terms::{Term, history_of};
use palate::publish::item_features::ItemContent;
use palate::train::features::Features;
use palate::train::rating_report::{RatingOutcome, rating_report};
use palate::train::methods::{Data, METHODS, Settings, Trainer};
use palate::{Error, Result};

use crate::interactions::{note_skipped, open, read, scale};

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
    /// leave-one-out, temporal, strong, cold-items or rating.
    #[arg(long, default_value = "leave-one-out")]
    protocol: String,
    /// Methods, comma-separated, or `all`.
    #[arg(long, value_delimiter = ',', default_value = "popularity,ease")]
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
    /// Keep only users and items with at least this many interactions.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// Leave out bad rows (counted and named) in place of stopping.
    #[arg(long)]
    skip_bad: bool,
    /// Method that differences are taken to.
    #[arg(long)]
    baseline: Option<String>,
    /// Entries per row of the item-item matrices that the device gets.
    #[arg(long, default_value_t = 50)]
    row_entries: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

struct Outcome {
    method: String,
    figures: Figures,
    download_bytes: usize,
    train_seconds: f64,
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
        let (content, catalog) = self.read_content()?;
        let interactions = self.read_interactions(&catalog)?;
        let cleaning = Cleaning { min_value: self.min_rating, core: self.core, ..Cleaning::default() };
        let (sequences, account) = interactions.sequences(&cleaning)?;
        self.note(&account.line());
        let items = interactions.items.len();
        let Some(protocol) = protocol else {
            return self.rate(&interactions);
        };
        let features = content.features(items);
        let folds = match protocol {
            Protocol::LeaveOneOut | Protocol::Temporal => 1,
            Protocol::Strong | Protocol::ColdItems => self.folds.min(5),
        };
        let mut statement = String::new();
        let mut of_folds: Vec<Vec<Outcome>> = Vec::new();
        for fold in 0..folds {
            let split = split(protocol, &sequences, items, self.seed, fold, folds)?;
            self.note(&split.statement);
            of_folds.push(self.measure(&split, items, &features)?);
            statement = split.statement;
        }
        let outcomes = self.pool(of_folds);
        if self.json {
            self.print_json(&statement, &outcomes)
        } else {
            self.print_table(&outcomes)
        }
        Ok(())
    }

    /// Joins the folds of each method.
    fn pool(&self, mut folds: Vec<Vec<Outcome>>) -> Vec<Outcome> {
        if folds.len() == 1 {
            return folds.pop().unwrap_or_default();
        }
        let methods = folds.first().map_or(0, Vec::len);
        (0..methods)
            .map(|m| {
                let of: Vec<&Outcome> = folds.iter().map(|f| &f[m]).collect();
                let figures: Vec<Figures> = of.iter().map(|o| o.figures.clone()).collect();
                Outcome {
                    method: of[0].method.clone(),
                    figures: pool(&figures, &self.k, self.seed),
                    download_bytes: of.iter().map(|o| o.download_bytes).max().unwrap_or(0),
                    train_seconds: of.iter().map(|o| o.train_seconds).sum(),
                }
            })
            .collect()
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
            println!(
                "{}",
                serde_json::json!({"protocol": "rating", "statement": statement, "folds": folds, "seed": self.seed,
                    "users": users, "results": results})
            );
        } else {
            report.iter().for_each(|outcome| println!("{}", outcome.line()));
        }
        Ok(())
    }

    fn rating_methods(&self) -> Vec<String> {
        let known = ["popularity", "ials", "item-knn", "hybrid"];
        let chosen: Vec<String> = self.method.iter().filter(|m| known.contains(&m.as_str())).cloned().collect();
        if chosen.is_empty() || self.method.iter().any(|m| m == "all") {
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
            ..ReadOptions::default()
        };
        let (interactions, skipped) = read(&self.interactions, options)?;
        note_skipped(&skipped);
        Ok(interactions)
    }

    fn measure(&self, split: &Split, items: usize, features: &Features) -> Result<Vec<Outcome>> {
        let learned: &[Sequence] = if self.fit == "train" { &split.train } else { &split.train_and_valid };
        let data = Data {
            sequences: learned,
            items,
            features,
            valid: &split.valid,
            valid_candidates: split.valid_candidates.as_deref(),
            test_candidates: split.test_candidates.as_deref(),
        };
        let settings = Settings { row_entries: self.row_entries, ..Settings::default() };
        let mut context = Context::new(data.counts(), learned.len(), &self.k, self.seed);
        let vectors: Vec<Vec<(u32, f32)>> =
            (0..features.sparse.rows()).map(|i| features.sparse.entries(i).collect()).collect();
        if !features.sparse.indices.is_empty() {
            context.vectors = &vectors;
        }
        context.categories = &features.categories;
        context.category_count = features.category_count;
        context.candidates = split.test_candidates.as_deref();
        let names: Vec<&str> = match self.method.iter().any(|m| m == "all") {
            true => METHODS.to_vec(),
            false => self.method.iter().map(String::as_str).collect(),
        };
        let longest = self.k.iter().copied().max().unwrap_or(10);
        let mut outcomes = Vec::new();
        let note = |text: &str| self.note(text);
        let mut trainer = Trainer::new(data, settings, &note);
        for name in names {
            let start = Instant::now();
            let term = trainer.term(name)?;
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

    fn print_json(&self, statement: &str, outcomes: &[Outcome]) {
        let interval = |i: &palate::math::stats::Interval| {
            serde_json::json!({"value": i.value, "low": i.low, "high": i.high})
        };
        let results: Vec<serde_json::Value> = outcomes
            .iter()
            .map(|o| {
                let metrics: serde_json::Map<String, serde_json::Value> =
                    o.figures.metrics.iter().map(|(name, i)| (name.clone(), interval(i))).collect();
                let mut result = serde_json::json!({
                    "method": o.method, "metrics": metrics, "download_bytes": o.download_bytes,
                    "ms_per_recommendation": o.figures.ms_per_recommendation, "train_seconds": o.train_seconds,
                });
                if let Some(base) = self.baseline.as_ref().and_then(|b| outcomes.iter().find(|o| &o.method == b)) {
                    let versus: serde_json::Map<String, serde_json::Value> =
                        differences(&o.figures, &base.figures, self.seed)
                            .iter()
                            .map(|(name, i)| (name.clone(), interval(i)))
                            .collect();
                    result["difference"] = serde_json::json!({"to": base.method, "metrics": versus});
                }
                result
            })
            .collect();
        let report = serde_json::json!({
            "protocol": self.protocol, "statement": statement, "fit": self.fit, "seed": self.seed,
            "users": outcomes.first().map_or(0, |o| o.figures.users), "results": results,
        });
        println!("{report}");
    }

    fn print_table(&self, outcomes: &[Outcome]) {
        println!("{} users tested; learned from {}; seen items excluded; 95 % intervals", outcomes.first().map_or(0, |o| o.figures.users), self.fit);
        let k = self.k.first().copied().unwrap_or(10);
        let longest = self.k.iter().copied().max().unwrap_or(10);
        let mut names = vec![format!("hr@{k}"), format!("ndcg@{k}"), format!("recall@{longest}")];
        names.extend([format!("ndcg@{longest}"), format!("coverage@{k}"), format!("novelty@{k}")]);
        names.dedup();
        print!("{:<14}", "method");
        for name in &names {
            print!(" {name:>22}");
        }
        println!(" {:>10} {:>8}", "download", "ms");
        for outcome in outcomes {
            print!("{:<14}", outcome.method);
            for name in &names {
                match outcome.figures.metrics.get(name) {
                    Some(i) if i.value.abs() < 1.0 => {
                        print!(" {:>22}", format!("{:.4} ({:.4}-{:.4})", i.value, i.low, i.high));
                    }
                    Some(i) => print!(" {:>22}", format!("{:.2} ({:.2}-{:.2})", i.value, i.low, i.high)),
                    None => print!(" {:>22}", "-"),
                }
            }
            println!(
                " {:>10} {:>8.3}",
                format!("{:.2} MB", outcome.download_bytes as f64 / 1e6),
                outcome.figures.ms_per_recommendation
            );
        }
        if std::io::stdout().is_terminal() {
            println!("Every metric of every method: --json");
        }
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
