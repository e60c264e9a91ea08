//! A made-up crowd whose right answer is known: four clubs of ten items each; everybody walks along the items of one
//! club in order. The texts say nothing about clubs, so that only the crowd can.

use std::fmt::Write;
use std::sync::Arc;

use palate::engine::snapshot::Snapshot;
use palate::evaluate::dataset::Interactions;
use palate::format::manifest::Kind;
use palate::index::Catalog;
use palate::platform::Checkpoint;
use palate::platform::checkpoint::Nowhere;
use palate::publish::build::{Base, Built, Options, build};
use palate::publish::interaction_text::read_text;
use palate::publish::interactions::ReadOptions;
use palate::publish::items::Item;
use palate::publish::ranker::{self, Learned, ranker};
use palate::train::methods::Settings;
use serde_json::json;

use super::{Words, item};

pub const CLUBS: usize = 4;
pub const PER_CLUB: usize = 10;

pub fn key(club: usize, n: usize) -> String {
    format!("c{club}-{n}")
}

/// The clubs' items, and `cold` ones that nobody met.
pub fn items(cold: usize) -> Vec<Item> {
    let met = (0..CLUBS * PER_CLUB).map(|at| key(at % CLUBS, at / CLUBS));
    let all = met.chain((0..cold).map(|n| format!("cold-{n}")));
    all.map(|id| item(json!({"id": id, "title": "a thing like any other"}))).collect()
}

/// What everybody did, as a file: 160 people, five steps each.
pub fn rows() -> String {
    let mut text = String::from("user,item,timestamp\n");
    for user in 0..160 {
        for step in 0..5 {
            let _ = writeln!(text, "u{user},{},{}", key(user % CLUBS, (user / CLUBS + step) % PER_CLUB), 1000 + step);
        }
    }
    text
}

pub fn interactions(text: &str) -> Interactions {
    read_text("crowd.csv", text.as_bytes(), ReadOptions::default()).expect("good rows").0
}

/// Small matrices, little regularization: the crowd is small.
pub fn options() -> ranker::Options {
    let mut settings = Settings { ease_lambda: 5.0, content_alpha: 1.0, row_entries: 20, ..Settings::default() };
    settings.transitions.lambda = 5.0;
    settings.ials.dim = 8;
    ranker::Options { settings, ..ranker::Options::default() }
}

/// An index of the items with a ranker from the interactions.
pub fn published(items: Vec<Item>, text: &str, options: &ranker::Options, base: Option<&Base>) -> palate::Result<(Built, Learned)> {
    kept(items, text, options, base, &Nowhere, &|_| {})
}

/// The same, which keeps what is finished.
pub fn kept(items: Vec<Item>, text: &str, options: &ranker::Options, base: Option<&Base>, checkpoint: &dyn Checkpoint, note: &dyn Fn(&str)) -> palate::Result<(Built, Learned)> {
    let interactions = interactions(text);
    let mut learned = None;
    let mut more = |catalog: &Catalog| {
        let (bytes, account) = ranker(catalog, interactions.clone(), options, checkpoint, note)?;
        learned = Some(account);
        Ok(vec![(Kind::Ranker, bytes)])
    };
    let built = build(items, &Words::new(16), base, &Options::default(), Some(&mut more), &mut |_, _| {})?;
    Ok((built, learned.expect("the ranker was learned")))
}

/// Opens what was built, as a device would.
pub fn opened(built: &Built) -> Snapshot {
    let bytes = |file: &String| Arc::unwrap_or_clone(built.files[file].clone());
    let shards = built.manifest.shards.iter().map(|shard| (shard.kind.clone(), bytes(&shard.file))).collect();
    Snapshot::open(built.manifest.clone(), shards).expect("the index is good")
}
