//! The items of a file, as several subcommands take them; bad rows are told.
//!
//! Not here: what a row may hold (`palate::publish::items`).

use std::path::Path;

use palate::Result;
use palate::platform::native::folder;
use palate::publish::items::{Bad, Item, Reader};
use palate::publish::table;

use crate::terminal::{counted, note, spinner};

/// The items, and the rows that were left out.
///
/// # Errors
/// Those of the file, and bad rows where they may not be left out.
pub fn read(path: &Path, skip_bad: bool) -> Result<(Vec<Item>, Bad)> {
    let name = path.display().to_string();
    let mut reader = Reader::new(&name);
    let spinner = spinner("reading items");
    table::read(&name, folder::open(path)?, &mut |row| {
        reader.push(row);
        spinner.set_position(reader.len() as u64);
        Ok(())
    })?;
    spinner.finish_and_clear();
    let (items, bad) = reader.finish(skip_bad)?;
    if bad.rows > 0 {
        let more = bad.rows - bad.named.len();
        let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        note(&format!("{} {} left out:\n  {}{more}", counted(bad.rows, "row"), if bad.rows == 1 { "was" } else { "were" }, bad.named.join("\n  ")));
    }
    Ok((items, bad))
}
