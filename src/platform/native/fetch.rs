//! Files of this machine as a source of bytes: a URL is a path.
//!
//! Not here: the network; the publisher's side reads what lies on its disk.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::folder;
use crate::error::{Error, Result};
use crate::platform::fetch::name_of;
use crate::platform::{Abort, Ask, Body, Fetch, Reply};

/// Bytes of one chunk.
const CHUNK: usize = 1 << 20;

/// Reads files by path.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileFetch;

/// A file that is being read.
pub struct FileBody {
    file: File,
    name: String,
}

impl Fetch for FileFetch {
    type Body = FileBody;

    async fn get(&self, ask: Ask<'_>, abort: &Abort) -> Result<Reply<FileBody>> {
        abort.check()?;
        let mut file = folder::open(Path::new(ask.url))?;
        let name = name_of(ask.url).to_owned();
        let from = file.seek(SeekFrom::Start(ask.from)).map_err(|e| failed(&name, &e))?;
        Ok(Reply { from, body: FileBody { file, name } })
    }
}

impl Body for FileBody {
    type Piece = Vec<u8>;

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        (&mut self.file).take(CHUNK as u64).read_to_end(&mut bytes).map_err(|e| failed(&self.name, &e))?;
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

fn failed(name: &str, e: &std::io::Error) -> Error {
    Error::Storage(format!("Cannot read {name}: {e}. Check the disk and its rights."))
}
