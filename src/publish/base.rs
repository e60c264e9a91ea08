//! An earlier index that a build takes vectors from, and what changed against it.
//!
//! Not here: the build itself (`build`).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::build::Report;
use crate::error::Result;
use crate::format::manifest::{FILE, Kind, MAX_BYTES, Manifest, Model};
use crate::format::shard::Row;
use crate::index::catalog::{Catalog, TEXT};
use crate::platform::native::folder::Folder;

/// An earlier index.
pub struct Base {
    pub manifest: Manifest,
    pub catalog: Catalog,
}

impl Base {
    /// Reads and verifies an index.
    ///
    /// # Errors
    /// What keeps it from being read: missing, damaged, newer.
    pub fn open(folder: &Folder) -> Result<Self> {
        let manifest = Manifest::parse(&folder.read(FILE, MAX_BYTES as u64)?)?;
        let mut bytes = Vec::new();
        for shard in manifest.shards_of(&Kind::Items) {
            let content = folder.read(&shard.file, shard.bytes)?;
            shard.verify(&content)?;
            bytes.push(Arc::new(content));
        }
        let catalog = Catalog::open(&manifest, bytes)?;
        Ok(Self { manifest, catalog })
    }
}

/// Whether the base's vectors are of that model; the report says if not.
pub(super) fn same_model(base: &Base, model: &Model, report: &mut Report) -> bool {
    let old = base.catalog.text_model();
    let same = old.id.sha256 == model.id.sha256 && old.dim == model.dim;
    if !same {
        report.note = Some(format!("the base was encoded with another model ({}), so every item was encoded again", old.id.name));
    }
    same
}

/// The base's row of an item, with today's metadata, where the encoded text is the same.
pub(super) fn reusable(base: &Base, key: &str, hash: u64, metadata: &Map<String, Value>) -> Option<Row> {
    let ordinal = base.catalog.ordinal(key)?;
    let (shard, row) = base.catalog.place(ordinal)?;
    (shard.hash(row) == hash).then(|| {
        let mut row = Row { metadata: metadata.clone(), ..shard.to_row(row) };
        if let Some(text) = row.others.remove(TEXT) {
            (row.vector, row.scale) = (text.vector, text.scale);
        }
        row
    })
}

/// Counts what differs from the base.
pub(super) fn compare(rows: &[Row], base: &Base, report: &mut Report) {
    for row in rows {
        match base.catalog.ordinal(&row.key) {
            None => report.added += 1,
            Some(ordinal) => {
                let same = base.catalog.place(ordinal).is_some_and(|(shard, at)| {
                    let old = shard.to_row(at);
                    old.hash == row.hash && old.vector == row.vector && old.metadata == row.metadata && old.others == row.others
                });
                report.changed += usize::from(!same);
            }
        }
    }
    report.removed = base.catalog.len() - (rows.len() - report.added);
}
