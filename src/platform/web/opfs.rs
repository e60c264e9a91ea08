//! Blobs as files of the origin-private file system.
//!
//! A write goes to a file of its own and is moved into place, so a crash leaves the old bytes or the new ones.
//! Access handles are exclusive and held for one operation only: another tab's operation waits its turn.

use std::cell::RefCell;

use js_sys::{Array, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions, FileSystemGetFileOptions,
    FileSystemReadWriteOptions, FileSystemSyncAccessHandle,
};

use super::fault::{method, name_of, settled, storage};
use super::scope;
use crate::error::{Error, Result};

/// The folder of this library.
const ROOT: &str = "palate";
/// Tries to get a file that another tab is writing.
const TRIES: u32 = 40;
/// Pause between them, in milliseconds.
const PAUSE: i32 = 25;
/// `base::File::FILE_ERROR_NO_SPACE`, which Chromium returns as the number of bytes written.
const CHROMIUM_NO_SPACE: i32 = -8;

/// A folder of files.
pub struct Opfs {
    folder: FileSystemDirectoryHandle,
    /// The file that was appended to last: looking it up again would cost a trip to the browser's process.
    last: RefCell<Option<(String, FileSystemFileHandle)>>,
}

type Thrown<T> = std::result::Result<T, JsValue>;

impl Opfs {
    /// Opens (or makes) the folder of `space`. Fails where the browser has no such file system, or denies it.
    pub async fn open(space: &str) -> Result<Opfs> {
        let opened = async {
            let manager = Reflect::get(&scope().navigator(), &JsValue::from_str("storage"))?;
            let get = method(&manager, "getDirectory").ok_or(JsValue::UNDEFINED)?;
            let root = settled(get.call0(&manager)?.unchecked_into::<Promise>()).await?;
            let options = FileSystemGetDirectoryOptions::new();
            options.set_create(true);
            let mut folder: FileSystemDirectoryHandle = root.unchecked_into();
            for name in [ROOT, space] {
                folder = settled(folder.get_directory_handle_with_options(name, &options)).await?.unchecked_into();
            }
            Ok(folder)
        };
        let folder: Thrown<FileSystemDirectoryHandle> = opened.await;
        let folder = folder.map_err(|thrown| storage(&thrown, "use its private file system"))?;
        // Both are needed, and a browser may have the file system without them.
        let file = js_sys::global();
        let prototype = |class: &str| {
            let class = Reflect::get(&file, &JsValue::from_str(class)).ok()?;
            Reflect::get(&class, &JsValue::from_str("prototype")).ok()
        };
        let has = |name: &str| prototype("FileSystemFileHandle").is_some_and(|proto| Reflect::has(&proto, &JsValue::from_str(name)).unwrap_or(false));
        if !has("createSyncAccessHandle") || !has("move") {
            return Err(Error::Storage("This browser's private file system cannot write from a worker. Open with store: 'indexeddb'.".to_owned()));
        }
        Ok(Opfs { folder, last: RefCell::default() })
    }

    async fn file(&self, name: &str, create: bool) -> Thrown<Option<FileSystemFileHandle>> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(create);
        match settled(self.folder.get_file_handle_with_options(name, &options)).await {
            Ok(handle) => Ok(Some(handle.unchecked_into())),
            Err(thrown) if name_of(&thrown) == "NotFoundError" => Ok(None),
            Err(thrown) => Err(thrown),
        }
    }

    /// An access handle, waiting for another tab's operation to end.
    async fn access(&self, name: &str) -> Thrown<(FileSystemFileHandle, FileSystemSyncAccessHandle)> {
        let mut tries = 0;
        loop {
            let file = self.file(name, true).await?.ok_or(JsValue::UNDEFINED)?;
            match settled(file.create_sync_access_handle()).await {
                Ok(handle) => return Ok((file, handle.unchecked_into())),
                Err(thrown) if tries < TRIES && name_of(&thrown) == "NoModificationAllowedError" => {
                    tries += 1;
                    pause().await?;
                }
                Err(thrown) => return Err(thrown),
            }
        }
    }

    /// See [`crate::platform::Store::peek`].
    pub async fn peek(&self, name: &str, from: u64, most: u64) -> Result<Option<(u64, Vec<u8>)>> {
        let mut tries = 0;
        loop {
            match self.peek_once(name, from, most).await {
                // The file was replaced or removed between the two steps.
                Err(thrown) if name_of(&thrown) == "NotFoundError" => return Ok(None),
                // Another tab wrote to it between them.
                Err(thrown) if tries < TRIES && name_of(&thrown) == "NotReadableError" => tries += 1,
                other => return other.map_err(|thrown| storage(&thrown, "read its data")),
            }
            pause().await.map_err(|thrown| storage(&thrown, "read its data"))?;
        }
    }

    async fn peek_once(&self, name: &str, from: u64, most: u64) -> Thrown<Option<(u64, Vec<u8>)>> {
        let Some(handle) = self.file(name, false).await? else { return Ok(None) };
        let file: File = settled(handle.get_file()).await?.unchecked_into();
        let size = file.size() as u64;
        let (start, end) = (from.min(size), from.saturating_add(most).min(size));
        if start == end {
            return Ok(Some((size, Vec::new())));
        }
        let part = file.slice_with_f64_and_f64(start as f64, end as f64)?;
        let buffer = settled(part.array_buffer()).await?;
        Ok(Some((size, Uint8Array::new(&buffer).to_vec())))
    }

    /// See [`crate::platform::Store::write`]. The caller lets one tab at a time replace `name`.
    pub async fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let written = async {
            let (file, handle) = self.access(&format!(".{name}")).await?;
            let outcome = handle.truncate_with_f64(0.0).and_then(|()| put(&handle, bytes, 0.0)).and_then(|()| handle.flush());
            handle.close();
            outcome?;
            self.move_to(&file, name).await
        };
        written.await.map_err(|thrown| storage(&thrown, "store its data"))
    }

    /// See [`crate::platform::Store::append`].
    pub async fn append(&self, name: &str, bytes: &[u8]) -> Result<u64> {
        let appended = async {
            let (_, handle) = self.access(name).await?;
            // Not flushed: what is appended this way is verified when it is whole.
            let outcome = handle.get_size().and_then(|size| put_at_end(&handle, bytes, size));
            handle.close();
            outcome
        };
        appended.await.map_err(|thrown| storage(&thrown, "store its data"))
    }

    /// See [`crate::platform::Store::append_to`]: one access handle for the look and the write.
    pub async fn append_to(&self, name: &str, len: u64, head: &[u8], bytes: &[u8]) -> Result<Option<u64>> {
        let appended = async {
            let Some(handle) = self.access_again(name).await? else { return Ok(None) };
            let append = || {
                let size = handle.get_size()?;
                if size as u64 != len {
                    return Ok(None);
                }
                let mut start = vec![0; head.len()];
                let options = FileSystemReadWriteOptions::new();
                options.set_at(0.0);
                handle.read_with_u8_array_and_options(&mut start, &options)?;
                if start != head {
                    return Ok(None);
                }
                let size = put_at_end(&handle, bytes, size)?;
                handle.flush()?;
                Ok(Some(size))
            };
            let outcome: Thrown<Option<u64>> = append();
            handle.close();
            outcome
        };
        let outcome: Thrown<Option<u64>> = appended.await;
        outcome.map_err(|thrown| storage(&thrown, "store its data"))
    }

    /// An access handle to a file that was appended to before, by the file handle of then; `None` where it is gone.
    async fn access_again(&self, name: &str) -> Thrown<Option<FileSystemSyncAccessHandle>> {
        let known = self.last.borrow().as_ref().filter(|(last, _)| last == name).map(|(_, file)| file.clone());
        if let Some(file) = known {
            match settled(file.create_sync_access_handle()).await {
                Ok(handle) => return Ok(Some(handle.unchecked_into())),
                Err(_) => self.last.borrow_mut().take(),
            };
        }
        if self.file(name, false).await?.is_none() {
            return Ok(None);
        }
        let (file, handle) = self.access(name).await?;
        *self.last.borrow_mut() = Some((name.to_owned(), file));
        Ok(Some(handle))
    }

    /// See [`crate::platform::Store::rename`].
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let renamed = async {
            let Some(file) = self.file(from, false).await? else { return Ok(false) };
            self.move_to(&file, to).await?;
            Ok(true)
        };
        let outcome: Thrown<bool> = renamed.await;
        if outcome.map_err(|thrown| storage(&thrown, "rename its data"))? {
            return Ok(());
        }
        Err(Error::NotFound(format!("The store has no {from}. Write it first.")))
    }

    async fn move_to(&self, file: &FileSystemFileHandle, name: &str) -> Thrown<()> {
        let step = method(file, "move").ok_or(JsValue::UNDEFINED)?;
        settled(step.call1(file, &JsValue::from_str(name))?.unchecked_into::<Promise>()).await.map(|_| ())
    }

    /// See [`crate::platform::Store::remove`].
    pub async fn remove(&self, name: &str) -> Result<()> {
        match settled(self.folder.remove_entry(name)).await {
            Err(thrown) if name_of(&thrown) != "NotFoundError" => Err(storage(&thrown, "remove its data")),
            _ => Ok(()),
        }
    }

    /// See [`crate::platform::Store::list`]. Files of unfinished writes are not listed.
    pub async fn list(&self) -> Result<Vec<String>> {
        let listed = async {
            let keys = self.folder.keys();
            let next = method(&keys, "next").ok_or(JsValue::UNDEFINED)?;
            let mut names = Vec::new();
            loop {
                let step = settled(next.call0(&keys)?.unchecked_into::<Promise>()).await?;
                if Reflect::get(&step, &JsValue::from_str("done"))?.is_truthy() {
                    break;
                }
                names.extend(Reflect::get(&step, &JsValue::from_str("value"))?.as_string().filter(|name| !name.starts_with('.')));
            }
            names.sort_unstable();
            Ok(names)
        };
        let outcome: Thrown<Vec<String>> = listed.await;
        outcome.map_err(|thrown| storage(&thrown, "list its data"))
    }
}

/// Writes all of `bytes` at `at`; they survive the end of the worker, and once flushed a power cut too.
fn put(handle: &FileSystemSyncAccessHandle, bytes: &[u8], at: f64) -> Thrown<()> {
    let options = FileSystemReadWriteOptions::new();
    options.set_at(at);
    let written = handle.write_with_u8_array_and_options(bytes, &options)?;
    if written as usize == bytes.len() {
        return Ok(());
    }
    // A short write is how some browsers say that the disk is full. Chromium gives its code of the failure instead, a
    // negative number that is read as 32 bits without a sign.
    let full = (written as usize) < bytes.len() || written as u32 as i32 == CHROMIUM_NO_SPACE;
    let error = js_sys::Error::new("not all was written");
    error.set_name(if full { "QuotaExceededError" } else { "AbortError" });
    Err(error.into())
}

/// Writes behind the file's `size` bytes and gives its new size; what a failure wrote is cut off again.
fn put_at_end(handle: &FileSystemSyncAccessHandle, bytes: &[u8], size: f64) -> Thrown<u64> {
    match put(handle, bytes, size) {
        Ok(()) => Ok(size as u64 + bytes.len() as u64),
        Err(thrown) => {
            let _ = handle.truncate_with_f64(size);
            Err(thrown)
        }
    }
}

async fn pause() -> Thrown<()> {
    let timer = method(&js_sys::global(), "setTimeout").ok_or(JsValue::UNDEFINED)?;
    let promise = Promise::new(&mut |resolve, _| {
        let _ = timer.apply(&JsValue::NULL, &Array::of2(&resolve, &JsValue::from_f64(f64::from(PAUSE))));
    });
    settled(promise).await.map(|_| ())
}
