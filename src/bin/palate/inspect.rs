//! `palate inspect`: what an index or a model pack holds, and whether it verifies.
//!
//! Not here: the checks themselves (`palate::format`, `palate::index`).

use std::path::PathBuf;

use clap::Args;
use palate::format::digest::sha256;
use palate::format::manifest::{FILE, FORMAT, Kind, MAX_BYTES, Manifest};
use palate::format::pack::Pack;
use palate::format::ranker::Ranker;
use palate::format::signature::{public_key, signed_part};
use palate::engine::snapshot::Snapshot;
use palate::platform::native::folder::Folder;
use palate::platform::native::signing::verify;
use palate::{Error, Result};
use serde_json::{Value, json};

use crate::pack::describe;
use crate::terminal::{bold, count, cross, dim, line, size, tick};

#[derive(Args)]
pub struct Inspect {
    /// The folder of an index or a model pack.
    dir: PathBuf,
    /// Check that the index is signed by the owner of this public key.
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
    /// Print one JSON object in place of text.
    #[arg(long)]
    json: bool,
}

/// One file's line in the report.
struct Checked {
    kind: String,
    file: String,
    bytes: u64,
    sha256: String,
    items: Option<u32>,
    problem: Option<Error>,
}

impl Inspect {
    pub fn run(self) -> Result<()> {
        let folder = Folder::new(&self.dir);
        if !folder.at(FILE).is_file() {
            return Err(Error::NotFound(format!(
                "There is no {} in {}, so it is neither an index nor a model pack (was a build stopped?). Run `palate build` or `palate model add` again.",
                FILE,
                self.dir.display()
            )));
        }
        let bytes = folder.read(FILE, MAX_BYTES as u64)?;
        let format = serde_json::from_slice::<Value>(&bytes).ok().and_then(|v| v["format"].as_str().map(String::from));
        match format.as_deref() {
            Some("palate-model") => self.pack(&folder, &bytes),
            Some(FORMAT) => self.index(&folder, &bytes),
            _ => Manifest::parse(&bytes).map(|_| ()),
        }
    }

    fn index(&self, folder: &Folder, bytes: &[u8]) -> Result<()> {
        let manifest = Manifest::parse(bytes)?;
        if let Some(key) = &self.public_key {
            let (message, signature) = signed_part(bytes)?;
            if !verify(&public_key(key)?, message, &signature) {
                return Err(Error::corrupt("the manifest", "its signature is not by the owner of the public key"));
            }
        }
        let mut files = Vec::new();
        let (mut contents, mut ranker) = (Vec::new(), None);
        for shard in &manifest.shards {
            let problem = folder.read(&shard.file, shard.bytes).and_then(|content| {
                shard.verify(&content)?;
                if shard.kind == Kind::Ranker {
                    ranker = Some(Ranker::parse(content.clone(), &shard.file)?);
                }
                contents.push((shard.kind.clone(), content));
                Ok(())
            });
            files.push(Checked {
                kind: shard.kind.as_str().into(),
                file: shard.file.clone(),
                bytes: shard.bytes,
                sha256: shard.sha256.clone(),
                items: Some(shard.items),
                problem: problem.err(),
            });
        }
        for model in manifest.models.values() {
            let beside = |file: &&String| folder.at(file).is_file() && !manifest.shards.iter().any(|shard| shard.file == **file);
            let Some(file) = model.file.as_ref().filter(beside) else { continue };
            let read = folder.read(file, u64::MAX - 1);
            let (size, problem) = match read {
                Ok(content) if sha256(&content) == model.id.sha256 => (content.len() as u64, None),
                Ok(content) => (content.len() as u64, Some(Error::corrupt(file, format!("its SHA-256 is {}, the manifest says {}", sha256(&content), model.id.sha256)))),
                Err(error) => (0, Some(error)),
            };
            files.push(Checked { kind: "model".into(), file: file.clone(), bytes: size, sha256: model.id.sha256.clone(), items: None, problem });
        }
        // Only when every file is whole can what is inside be judged.
        let inside = files.iter().all(|f| f.problem.is_none()).then(|| Snapshot::open(manifest.clone(), contents));
        let without_vector = match &inside {
            Some(Ok(Snapshot { catalog, .. })) => (0..catalog.len() as u32).filter(|&ordinal| !catalog.has_vector(ordinal)).count(),
            _ => 0,
        };
        let inside = inside.and_then(|opened| opened.err());
        let total: u64 = files.iter().map(|f| f.bytes).sum();
        if self.json {
            let models = manifest.models.iter().map(|(modality, m)| (modality.clone(), json!({"name": m.id.name, "sha256": m.id.sha256, "dim": m.dim, "file": m.file})));
            let fields = manifest.fields.iter().map(|(name, f)| (name.clone(), json!({"type": f.kind.as_str(), "items": f.items})));
            line(
                &json!({
                    "kind": "index", "items": manifest.items, "without_vector": without_vector, "bytes": total,
                    "models": Value::Object(models.collect()), "fields": Value::Object(fields.collect()),
                    "ranker": ranker.as_ref().map(ranker_json), "attribution": manifest.attribution, "signed": manifest.signature.is_some(),
                    "files": files.iter().map(Checked::to_json).collect::<Vec<_>>(),
                    "problem": inside.as_ref().map(Error::to_string),
                    "verified": inside.is_none() && files.iter().all(|f| f.problem.is_none()),
                })
                .to_string(),
            )?;
        } else {
            line(&format!("{} {} items, {}", bold("index"), count(manifest.items as usize), size(total)))?;
            for (modality, model) in &manifest.models {
                line(&format!("  {modality:<12} {} ({} numbers) {}", model.id.name, model.dim, dim(&model.id.sha256)))?;
            }
            for (name, field) in &manifest.fields {
                line(&format!("  {:<12} {} of {} items", name, field.kind.as_str(), count(field.items as usize)))?;
            }
            if let Some(ranker) = &ranker {
                let names: Vec<&str> = ranker.terms.iter().map(|term| term.name.as_str()).collect();
                line(&format!("  {:<12} {} from {} people", "ranker", names.join(", "), count(ranker.users as usize)))?;
            }
            if let Some(text) = &manifest.attribution {
                line(&format!("  {:<12} {text}", "attribution"))?;
            }
            if without_vector > 0 {
                line(&format!("  {} items have no vector", count(without_vector)))?;
            }
            if manifest.signature.is_some() {
                let by = if self.public_key.is_some() { "by the owner of the public key" } else { "(give --public-key to check by whom)" };
                line(&format!("  {:<12} {by}", "signed"))?;
            }
            files.iter().try_for_each(Checked::print)?;
        }
        finish(&files, inside)
    }

    fn pack(&self, folder: &Folder, bytes: &[u8]) -> Result<()> {
        let described = describe(bytes, &folder.at(FILE))?;
        let problem = folder.read(&described.file, u64::MAX - 1).and_then(|content| {
            let found = sha256(&content);
            if found != described.sha256 {
                return Err(Error::corrupt(&described.file, format!("its SHA-256 is {found}, the manifest says {}", described.sha256)));
            }
            Pack::parse(content).map(|_| ())
        });
        let file = Checked { kind: "model".into(), file: described.file, bytes: described.bytes, sha256: described.sha256, items: None, problem: problem.err() };
        if self.json {
            line(
                &json!({
                    "kind": "model", "name": described.name, "architecture": described.architecture, "dim": described.dim,
                    "bytes": file.bytes, "files": [file.to_json()], "verified": file.problem.is_none(),
                })
                .to_string(),
            )?;
        } else {
            line(&format!("{} {} ({}, {} numbers a vector), {}", bold("model"), described.name, described.architecture, described.dim, size(file.bytes)))?;
            file.print()?;
        }
        finish(&[file], None)
    }
}

impl Checked {
    fn to_json(&self) -> Value {
        json!({
            "kind": self.kind, "file": self.file, "bytes": self.bytes, "sha256": self.sha256, "items": self.items,
            "verified": self.problem.is_none(), "problem": self.problem.as_ref().map(Error::to_string),
        })
    }

    fn print(&self) -> Result<()> {
        let mark = if self.problem.is_none() { tick() } else { cross() };
        let items = self.items.map_or(String::new(), |n| format!("{} items, ", count(n as usize)));
        line(&format!("{mark} {} {}{}", self.file, items, size(self.bytes)))?;
        match &self.problem {
            Some(error) => line(&format!("    {error}")),
            None => line(&format!("    {}", dim(&self.sha256))),
        }
    }
}

fn ranker_json(ranker: &Ranker) -> Value {
    let terms: Vec<Value> = ranker.terms.iter().map(|term| json!({"name": term.name, "gain": term.gain, "tau": term.tau.is_finite().then_some(term.tau)})).collect();
    json!({"users": ranker.users, "scale": if ranker.by_deviation { "deviation" } else { "raw" }, "terms": terms})
}

/// The first problem, if any, so that the command fails.
fn finish(files: &[Checked], inside: Option<Error>) -> Result<()> {
    let bad = files.iter().filter(|f| f.problem.is_some()).count();
    match files.iter().find_map(|f| f.problem.clone()).or(inside) {
        Some(error) if bad > 1 => Err(Error::corrupt("it", format!("{bad} of {} files do not verify; the first: {error}", files.len()))),
        Some(error) => Err(error),
        None => Ok(()),
    }
}
