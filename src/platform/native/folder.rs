//! A folder that files are written to, each one whole or not at all.
//!
//! Not here: what stands in the files.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::files::write_atomic;
use crate::error::{Error, Result};

/// Opens a file for reading.
///
/// # Errors
/// [`Error::NotFound`] or [`Error::Storage`], naming the path.
pub fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|e| failed("open", path, &e))?;
    // Opening a folder succeeds on some systems and fails only when read.
    match file.metadata() {
        Ok(meta) if meta.is_dir() => Err(Error::input(format!("{} is a folder. Name a file.", path.display()))),
        Ok(_) => Ok(file),
        Err(e) => Err(failed("open", path, &e)),
    }
}

/// All bytes of a file of at most `limit` bytes.
///
/// # Errors
/// As [`open`]; [`Error::Input`] where the file is larger.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(limit.saturating_add(1));
    file.read_to_end(&mut bytes).map_err(|e| failed("read", path, &e))?;
    if bytes.len() as u64 > limit {
        return Err(Error::input(format!("{} has more than {limit} bytes, the most that is read of such a file.", path.display())));
    }
    Ok(bytes)
}

/// A folder that files are written to, each one whole or not at all.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A folder that need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of it is.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        read(&self.at(name), limit)
    }

    /// Writes a file whole or not at all, see [`write_atomic`].
    ///
    /// # Errors
    /// [`Error::Quota`] where the disk is full, [`Error::Storage`] else.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_atomic(&self.at(name), bytes)
    }

    /// Names of all files, in order; none where the folder is missing.
    ///
    /// # Errors
    /// [`Error::Storage`] where the folder can't be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("list", &self.path, &e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| failed("list", &self.path, &e))?;
            if entry.path().is_file() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// [`Error::Storage`] where it can't be.
    pub fn remove(&self, name: &str) -> Result<()> {
        fs::remove_file(self.at(name)).map_err(|e| failed("remove", &self.at(name), &e))
    }
}

fn failed(what: &str, path: &Path, e: &std::io::Error) -> Error {
    let path = path.display();
    match e.kind() {
        ErrorKind::NotFound => Error::NotFound(format!("There is no {path}. Check the path.")),
        ErrorKind::PermissionDenied => Error::Storage(format!("Cannot {what} {path}: permission denied. Change its rights or choose another place.")),
        _ => Error::Storage(format!("Cannot {what} {path}: {e}.")),
    }
}
