//! Interactions from Parquet, one row group's record at a time.
//!
//! Not here: the rules for rows (`interactions`).

use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::Field;

use super::interactions::{Columns, ReadOptions, Reader, Row, Skipped};
use crate::evaluate::dataset::Interactions;
use crate::{Error, Result};

/// Reads a Parquet file with columns named as in [`Columns::find`]. "Lines" in messages are row numbers from 1.
pub fn read_parquet(
    file: &str,
    chunks: impl ChunkReader + 'static,
    options: ReadOptions,
) -> Result<(Interactions, Skipped)> {
    let broken = |e: parquet::errors::ParquetError| Error::corrupt(file, e.to_string());
    let parquet = SerializedFileReader::new(chunks).map_err(broken)?;
    let schema = parquet.metadata().file_metadata().schema();
    let names: Vec<String> = schema.get_fields().iter().map(|f| f.name().to_owned()).collect();
    let columns = Columns::find(names.iter().map(String::as_str)).ok_or_else(|| {
        Error::input(format!(
            "{file} names no user and item columns (found {}). Name them `user` and `item`.",
            names.join(", ")
        ))
    })?;
    let mut reader = Reader::new(file, options);
    for (at, row) in parquet.get_row_iter(None).map_err(broken)?.enumerate() {
        let row = row.map_err(broken)?;
        let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
        let text = |column: usize| fields.get(column).map(|f| key_text(f)).unwrap_or_default();
        let (user, item) = (text(columns.user), text(columns.item));
        let event = columns.event.map(text);
        let number = |column: Option<usize>| column.and_then(|c| fields.get(c)).and_then(|f| number(f));
        reader.push(
            at + 1,
            Row {
                user: &user,
                item: &item,
                time: number(columns.time).map(|t| t as i64),
                rating: number(columns.rating).map(|v| v as f32),
                weight: number(columns.weight).map(|v| v as f32),
                event: event.as_deref(),
            },
        )?;
    }
    reader.finish()
}

fn key_text(field: &Field) -> String {
    match field {
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        Field::Null => String::new(),
        other => other.to_string(),
    }
}

fn number(field: &Field) -> Option<f64> {
    Some(match field {
        Field::Byte(v) => f64::from(*v),
        Field::Short(v) => f64::from(*v),
        Field::Int(v) => f64::from(*v),
        Field::Long(v) => *v as f64,
        Field::UByte(v) => f64::from(*v),
        Field::UShort(v) => f64::from(*v),
        Field::UInt(v) => f64::from(*v),
        Field::ULong(v) => *v as f64,
        Field::Float(v) => f64::from(*v),
        Field::Double(v) => *v,
        Field::TimestampMillis(v) | Field::TimestampMicros(v) => *v as f64,
        Field::Date(v) => f64::from(*v) * 86_400.0,
        Field::Str(text) => super::interactions::parse_time(text)? as f64,
        _ => return None,
    })
}
