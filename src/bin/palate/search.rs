//! `palate search`: the items nearest to a text, by the exact scan that the page does too.
//!
//! Not here: the visitor's taste (`recommend`).

use std::path::PathBuf;

use clap::Args;
use palate::Result;
use palate::platform::native::folder::Folder;
use palate::publish::build::{Base, text_model};
use serde_json::{Value, json};

use crate::pack;
use crate::query::Asked;
use crate::terminal::{bold, clip, dim, line};

#[derive(Args)]
pub struct Search {
    /// The index's folder.
    #[arg(long, value_name = "DIR")]
    index: PathBuf,
    /// The text model [default: the one beside the index, else its name in models/].
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    /// How many items a query.
    #[arg(short, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    k: u32,
    /// Print one JSON line a query: {"query": ..., "hits": [{"key": ..., "score": ...}]}.
    #[arg(long)]
    json: bool,
}

impl Search {
    pub fn run(self) -> Result<()> {
        let queries = self.asked.queries()?;
        let base = Base::open(&Folder::new(&self.index))?;
        let catalog = &base.catalog;
        let encoder = pack::of_index(&self.index, text_model(&base.manifest)?, self.model.as_deref())?;
        let mut scores = vec![0.0; catalog.len()];
        for query in queries {
            let vectors = encoder.encode(&[query.text.as_str()])?;
            catalog.scan(&vectors[0], &mut scores)?;
            let hits = catalog.top_k(&scores, self.k as usize, |ordinal| catalog.has_vector(ordinal));
            if self.json {
                let hits: Vec<Value> = hits.iter().map(|&(ordinal, score)| json!({"key": catalog.key(ordinal), "score": score})).collect();
                line(&json!({"query": query.asked, "hits": hits}).to_string())?;
                continue;
            }
            line(&bold(&clip(&query.text, 96)))?;
            for (ordinal, score) in hits {
                let title = catalog.field(ordinal, "title");
                let title = title.as_ref().and_then(Value::as_str).unwrap_or_default();
                line(&format!("  {score:>6.3}  {}  {}", clip(title, 64), dim(catalog.key(ordinal))))?;
            }
        }
        Ok(())
    }
}
