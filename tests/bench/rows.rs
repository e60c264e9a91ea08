//! What many interactions take: `cargo bench --features publisher --bench rows -- write ROWS FILE`, then `-- read FILE`.
//!
//! `write` makes up a log of ROWS lines in the order of time, by ROWS / 100 people over 100,000 items, popular ones first; Parquet where
//! the file's name ends so, CSV else. `write ROWS FILE one` gives all rows to one user. `read` reads it as `palate build` does, cleans it
//! and makes the matrix, and prints one JSON object: seconds and the process's peak resident memory after each step.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::sync::Arc;
use std::time::Instant;

use palate::evaluate::dataset::Cleaning;
use palate::math::rng::Rng;
use palate::publish::interaction_columns::read_parquet;
use palate::publish::interaction_text::read_text;
use palate::publish::interactions::ReadOptions;
use palate::train::matrix::Csr;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const ITEMS: usize = 100_000;

/// One line of the log.
fn row(at: usize, people: usize, rng: &mut Rng) -> (usize, usize, i64, f64) {
    let item = (ITEMS as f64 * rng.unit().powi(3)) as usize;
    (rng.below(people), item, 1_600_000_000 + at as i64 / 10, 0.5 + 0.5 * rng.below(10) as f64)
}

fn write(rows: usize, people: usize, path: &str) {
    let mut rng = Rng::new(1);
    let file = BufWriter::with_capacity(1 << 20, File::create(path).expect("the file can be made"));
    if !path.ends_with(".parquet") {
        let mut file = file;
        writeln!(file, "user,item,timestamp,rating").expect("written");
        for at in 0..rows {
            let (user, item, time, rating) = row(at, people, &mut rng);
            writeln!(file, "u{user},i{item},{time},{rating}").expect("written");
        }
        return file.flush().expect("written");
    }
    let schema = parse_message_type("message log { required binary user (UTF8); required binary item (UTF8); required int64 timestamp; required double rating; }");
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema.expect("a schema")), properties).expect("a writer");
    let mut left = rows;
    while left > 0 {
        let of = left.min(1_000_000);
        let group: Vec<_> = (0..of).map(|at| row(rows - left + at, people, &mut rng)).collect();
        let text = |letter: char, number: usize| ByteArray::from(format!("{letter}{number}").into_bytes());
        let mut groups = writer.next_row_group().expect("a row group");
        let mut column = groups.next_column().expect("columns").expect("users");
        column.typed::<ByteArrayType>().write_batch(&group.iter().map(|r| text('u', r.0)).collect::<Vec<_>>(), None, None).expect("written");
        column.close().expect("closed");
        let mut column = groups.next_column().expect("columns").expect("items");
        column.typed::<ByteArrayType>().write_batch(&group.iter().map(|r| text('i', r.1)).collect::<Vec<_>>(), None, None).expect("written");
        column.close().expect("closed");
        let mut column = groups.next_column().expect("columns").expect("times");
        column.typed::<Int64Type>().write_batch(&group.iter().map(|r| r.2).collect::<Vec<_>>(), None, None).expect("written");
        column.close().expect("closed");
        let mut column = groups.next_column().expect("columns").expect("ratings");
        column.typed::<DoubleType>().write_batch(&group.iter().map(|r| r.3).collect::<Vec<_>>(), None, None).expect("written");
        column.close().expect("closed");
        groups.close().expect("closed");
        left -= of;
    }
    writer.close().expect("closed");
}

/// Peak resident memory of this process in bytes, where the system says it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn read(path: &str, options: ReadOptions) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let start = Instant::now();
    let file = File::open(path).expect("the file opens");
    let read = if path.ends_with(".parquet") { read_parquet(path, file, options) } else { read_text(path, BufReader::with_capacity(1 << 20, file), options) };
    let (seconds, after_reading) = (start.elapsed().as_secs_f64(), peak());
    let (mut interactions, skipped) = match read {
        Ok(read) => read,
        Err(error) => {
            println!("{}", serde_json::json!({"refused": error.to_string(), "seconds": seconds, "peak_bytes": after_reading, "load": load.trim()}));
            return;
        }
    };
    let (rows, users, items) = (interactions.rows.len(), interactions.users.len(), interactions.items.len());
    // The log of a single user has no core.
    let core = if users > 1 { 5 } else { 0 };
    let (sequences, account) = interactions.sequences(&Cleaning { core, ..Cleaning::default() }).expect("sequences");
    let (cleaned, after_cleaning) = (start.elapsed().as_secs_f64() - seconds, peak());
    let matrix = Csr::binary(&sequences, items);
    let made = start.elapsed().as_secs_f64() - seconds - cleaned;
    println!(
        "{}",
        serde_json::json!({
            "rows": rows, "users": users, "items": items, "skipped": skipped.rows, "kept": account.kept, "entries": matrix.indices.len(),
            "seconds": {"reading": seconds, "cleaning": cleaned, "matrix": made},
            "peak_bytes": {"reading": after_reading, "cleaning": after_cleaning, "matrix": peak()},
            "load": load.trim(),
        })
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["write", rows, path] => write(rows.parse().expect("a number"), (rows.parse::<usize>().expect("a number") / 100).max(1), path),
        ["write", rows, path, "one"] => write(rows.parse().expect("a number"), 1, path),
        ["read", path] => read(path, ReadOptions::default()),
        ["read", path, "--skip-bad"] => read(path, ReadOptions { skip_bad: true, ..ReadOptions::default() }),
        ["read", path, "--any-user"] => read(path, ReadOptions { max_user_rows: 0, ..ReadOptions::default() }),
        _ => {
            eprintln!("Give `write ROWS FILE [one]` or `read FILE [--skip-bad | --any-user]`.");
            std::process::exit(2);
        }
    }
}
