//! Rows in, shards and a manifest out: how items are dealt to shards. Pure; who writes the files is `publish`.
//!
//! The bytes depend on the items alone: not on their order, nor on how an earlier index was divided.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::{FUSION, TEXT};
use crate::error::{Error, Result};
use crate::format::digest::bucket;
use crate::format::manifest::{Field, FieldKind, Kind, MAX_SHARD_BYTES, Manifest, Model, Shard};
use crate::format::shard::{Row, write_items};
use crate::format::space::Models;
use crate::math::scan::quantize_row;

/// Most items a bucket gets on average; there are half as many at least, once there are several buckets.
pub const ITEMS_PER_SHARD: usize = 4096;

/// A row from an item's key, vector (`[dim]`, empty for none) and metadata.
///
/// `hash` stands for what was encoded; see [`crate::format::digest::short`].
pub fn row(key: &str, vector: &[f32], dim: usize, hash: u64, metadata: serde_json::Map<String, Value>) -> Row {
    let (vector, scale) = if vector.is_empty() { (vec![0; dim], 0.0) } else { quantize_row(vector) };
    Row { key: key.to_string(), vector, scale, hash, metadata, others: BTreeMap::new() }
}

/// How many buckets a catalog of `items` gets: a power of two.
pub fn buckets(items: usize) -> u32 {
    let whole = items.div_ceil(ITEMS_PER_SHARD).max(1).next_power_of_two();
    u32::try_from(whole).unwrap_or(1 << 31)
}

/// Deals rows to shards and gives each one's bytes to `emit`, in the manifest's order.
///
/// # Errors
/// As [`build_with_others`].
pub fn build(model: Model, rows: Vec<Row>, emit: impl FnMut(&Shard, Vec<u8>) -> Result<()>) -> Result<Manifest> {
    build_with_others(model, Models::new(), rows, emit)
}

/// As [`build`]; `model` made the vectors that lists are ranked by, `others` those of further modalities.
///
/// # Errors
/// [`Error::Input`] for duplicate keys, wrong dimensions or a shard past its size; what `emit` returns.
pub fn build_with_others(model: Model, others: Models, rows: Vec<Row>, mut emit: impl FnMut(&Shard, Vec<u8>) -> Result<()>) -> Result<Manifest> {
    let items = u32::try_from(rows.len()).map_err(|_| Error::input(format!("{} items are more than an index holds. Split them.", rows.len())))?;
    let fields = fields(&rows);
    // A model in the space of the texts has no vectors of its own.
    let apart: Models = others.iter().filter(|(_, model)| !model.in_text_space).map(|(name, model)| (name.clone(), model.clone())).collect();
    let of = buckets(rows.len());
    let mut dealt: BTreeMap<u32, Vec<Row>> = BTreeMap::new();
    for row in rows {
        dealt.entry(bucket(&row.key, of)).or_default().push(row);
    }
    let mut shards = Vec::with_capacity(dealt.len());
    for (at, rows) in dealt {
        let count = rows.len() as u32;
        let bytes = write_items(&model.id, model.dim, (at, of), rows, &apart)?;
        if bytes.len() as u64 > MAX_SHARD_BYTES {
            return Err(Error::input(format!(
                "{count} items of one shard take {} bytes, at most {MAX_SHARD_BYTES} are read. Leave long fields out of the metadata.",
                bytes.len()
            )));
        }
        let shard = Shard::of(Kind::Items, &bytes, count);
        emit(&shard, bytes)?;
        shards.push(shard);
    }
    let mut models = others;
    // Where texts have vectors of their own, those that are ranked by are a fusion's.
    let ranked = if models.contains_key(TEXT) { FUSION } else { TEXT };
    models.insert(ranked.to_string(), model);
    Ok(Manifest { items, models, shards, fields, ..Manifest::default() })
}

/// The metadata fields of all rows, with what they hold.
fn fields(rows: &[Row]) -> BTreeMap<String, Field> {
    let mut fields: BTreeMap<String, Field> = BTreeMap::new();
    for (name, value) in rows.iter().flat_map(|row| &row.metadata) {
        let kind = match value {
            Value::Null => continue,
            Value::String(_) => FieldKind::Text,
            Value::Number(_) => FieldKind::Number,
            _ => FieldKind::Json,
        };
        let field = fields.entry(name.clone()).or_insert(Field { kind, items: 0 });
        field.items += 1;
        if field.kind != kind {
            field.kind = FieldKind::Json;
        }
    }
    fields
}
