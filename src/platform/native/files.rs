//! Files that are there whole or not at all.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// The whole file.
///
/// # Errors
/// [`Error::NotFound`] where it is missing, [`Error::Storage`] where it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound(format!("{} does not exist. Check the path.", path.display())),
        _ => Error::Storage(format!("{} cannot be read: {e}. Check its permissions.", path.display())),
    })
}

/// Writes to a temporary file beside `path`, flushes it to the disk and renames it: a reader, or a crash, sees the old
/// file or the new one. Makes the folder where it is missing.
///
/// # Errors
/// [`Error::Quota`] where the disk is full, else [`Error::Storage`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::StorageFull => Error::Quota(format!("The disk is full: {} was not written. Free some space.", path.display())),
        _ => Error::Storage(format!("{} cannot be written: {e}. Check the folder's permissions.", path.display())),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(fail)?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = folder.join(name);
    let result = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result.map_err(fail)
}
