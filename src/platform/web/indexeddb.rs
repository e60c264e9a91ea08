//! Blobs in IndexedDB, for browsers without a usable private file system.
//!
//! | object store | key | value |
//! | --- | --- | --- |
//! | `blobs` | `[name, n]` | piece n of the blob, `Uint8Array`: an append adds a piece |
//! | `sizes` | `name` | `[bytes, pieces]` |
//!
//! Each operation is one transaction, so each is whole or not at all.

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbTransaction, IdbTransactionMode};

use super::fault::{answered, settled, storage};
use super::scope;
use crate::error::{Error, Result};

const BLOBS: &str = "blobs";
const SIZES: &str = "sizes";

type Thrown<T> = std::result::Result<T, JsValue>;

/// A database of blobs.
pub struct Indexed {
    database: IdbDatabase,
}

/// Opens a database whose object stores are `stores`, made where they are missing.
pub async fn open_database(name: &str, stores: &[&str]) -> Thrown<IdbDatabase> {
    let factory = scope().indexed_db()?.ok_or(JsValue::UNDEFINED)?;
    let request = factory.open_with_u32(name, 1)?;
    let names: Vec<String> = stores.iter().map(|name| (*name).to_owned()).collect();
    let opening = request.clone();
    let upgrade = wasm_bindgen::closure::Closure::once(move || {
        let Ok(database) = opening.result().map(|value| value.unchecked_into::<IdbDatabase>()) else { return };
        for name in names {
            // Fails only where it exists already, which is what is wanted.
            let _ = database.create_object_store(&name);
        }
    });
    request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
    let database = answered(&request).await?;
    request.set_onupgradeneeded(None);
    Ok(database.unchecked_into())
}

/// A transaction's end.
pub async fn completed(transaction: &IdbTransaction) -> Thrown<()> {
    let promise = Promise::new(&mut |resolve: Function, reject: Function| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
        transaction.set_onerror(Some(&reject));
    });
    match settled(promise).await {
        Ok(_) => Ok(()),
        Err(_) => Err(transaction.error().map_or(JsValue::UNDEFINED, JsValue::from)),
    }
}

/// The blob's size and its number of pieces.
struct Size {
    bytes: f64,
    pieces: u32,
}

struct Step {
    transaction: IdbTransaction,
    blobs: IdbObjectStore,
    sizes: IdbObjectStore,
}

impl Step {
    async fn size(&self, name: &str) -> Thrown<Option<Size>> {
        let found = answered(&self.sizes.get(&JsValue::from_str(name))?).await?;
        if found.is_undefined() {
            return Ok(None);
        }
        let pair: Array = found.unchecked_into();
        let number = |at| pair.get(at).as_f64().unwrap_or(0.0);
        Ok(Some(Size { bytes: number(0), pieces: number(1) as u32 }))
    }

    fn set_size(&self, name: &str, bytes: f64, pieces: u32) -> Thrown<()> {
        let pair = Array::of2(&JsValue::from_f64(bytes), &JsValue::from_f64(f64::from(pieces)));
        self.sizes.put_with_key(&pair, &JsValue::from_str(name)).map(|_| ())
    }

    fn put(&self, name: &str, piece: u32, value: &JsValue) -> Thrown<()> {
        self.blobs.put_with_key(value, &key(name, piece)).map(|_| ())
    }

    fn clear(&self, name: &str) -> Thrown<()> {
        self.blobs.delete(&range(name)?)?;
        self.sizes.delete(&JsValue::from_str(name)).map(|_| ())
    }
}

fn key(name: &str, piece: u32) -> JsValue {
    Array::of2(&JsValue::from_str(name), &JsValue::from_f64(f64::from(piece))).into()
}

fn range(name: &str) -> Thrown<JsValue> {
    Ok(IdbKeyRange::bound(&key(name, 0), &key(name, u32::MAX))?.into())
}

impl Indexed {
    /// Opens (or makes) the database of `space`.
    pub async fn open(space: &str) -> Result<Indexed> {
        let database = open_database(&format!("palate:{space}"), &[BLOBS, SIZES]).await;
        database.map(|database| Indexed { database }).map_err(|thrown| storage(&thrown, "use its database"))
    }

    fn step(&self, mode: IdbTransactionMode) -> Thrown<Step> {
        let names = Array::of2(&JsValue::from_str(BLOBS), &JsValue::from_str(SIZES));
        let transaction = self.database.transaction_with_str_sequence_and_mode(&names, mode)?;
        Ok(Step { blobs: transaction.object_store(BLOBS)?, sizes: transaction.object_store(SIZES)?, transaction })
    }

    /// See [`crate::platform::Store::peek`].
    pub async fn peek(&self, name: &str, from: u64, most: u64) -> Result<Option<(u64, Vec<u8>)>> {
        let read = async {
            let step = self.step(IdbTransactionMode::Readonly)?;
            let Some(size) = step.size(name).await? else { return Ok(None) };
            let total = size.bytes as u64;
            let (start, end) = (from.min(total), from.saturating_add(most).min(total));
            let mut bytes = Vec::with_capacity((end - start) as usize);
            let (mut piece, mut at) = (0, 0u64);
            while at < end && piece < size.pieces {
                let value = answered(&step.blobs.get(&key(name, piece))?).await?;
                if !value.is_instance_of::<Uint8Array>() {
                    break;
                }
                let value: Uint8Array = value.unchecked_into();
                let len = u64::from(value.length());
                let (low, high) = (start.saturating_sub(at).min(len), (end - at).min(len));
                if low < high {
                    bytes.extend_from_slice(&value.subarray(low as u32, high as u32).to_vec());
                }
                at += len;
                piece += 1;
            }
            Ok(Some((total, bytes)))
        };
        let outcome: Thrown<_> = read.await;
        outcome.map_err(|thrown| storage(&thrown, "read its data"))
    }

    /// See [`crate::platform::Store::write`].
    pub async fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let written = async {
            let step = self.step(IdbTransactionMode::Readwrite)?;
            step.clear(name)?;
            step.put(name, 0, &Uint8Array::from(bytes))?;
            step.set_size(name, bytes.len() as f64, 1)?;
            completed(&step.transaction).await
        };
        written.await.map_err(|thrown| storage(&thrown, "store its data"))
    }

    /// See [`crate::platform::Store::append`].
    pub async fn append(&self, name: &str, bytes: &[u8]) -> Result<u64> {
        let appended = async {
            let step = self.step(IdbTransactionMode::Readwrite)?;
            let size = step.size(name).await?.unwrap_or(Size { bytes: 0.0, pieces: 0 });
            let total = size.bytes + bytes.len() as f64;
            step.put(name, size.pieces, &Uint8Array::from(bytes))?;
            step.set_size(name, total, size.pieces + 1)?;
            completed(&step.transaction).await?;
            Ok(total as u64)
        };
        let outcome: Thrown<u64> = appended.await;
        outcome.map_err(|thrown| storage(&thrown, "store its data"))
    }

    /// See [`crate::platform::Store::append_to`].
    pub async fn append_to(&self, name: &str, len: u64, head: &[u8], bytes: &[u8]) -> Result<Option<u64>> {
        let appended = async {
            let step = self.step(IdbTransactionMode::Readwrite)?;
            let Some(size) = step.size(name).await?.filter(|size| size.bytes as u64 == len) else { return Ok(None) };
            let first = answered(&step.blobs.get(&key(name, 0))?).await?;
            if !first.is_instance_of::<Uint8Array>() {
                return Ok(None);
            }
            let first: Uint8Array = first.unchecked_into();
            if first.subarray(0, (head.len() as u32).min(first.length())).to_vec() != head {
                return Ok(None);
            }
            let total = size.bytes + bytes.len() as f64;
            step.put(name, size.pieces, &Uint8Array::from(bytes))?;
            step.set_size(name, total, size.pieces + 1)?;
            completed(&step.transaction).await?;
            Ok(Some(total as u64))
        };
        let outcome: Thrown<Option<u64>> = appended.await;
        outcome.map_err(|thrown| storage(&thrown, "store its data"))
    }

    /// See [`crate::platform::Store::rename`].
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let renamed = async {
            let step = self.step(IdbTransactionMode::Readwrite)?;
            let Some(size) = step.size(from).await? else { return Ok(false) };
            step.clear(to)?;
            for piece in 0..size.pieces {
                let value = answered(&step.blobs.get(&key(from, piece))?).await?;
                step.put(to, piece, &value)?;
            }
            step.set_size(to, size.bytes, size.pieces)?;
            step.clear(from)?;
            completed(&step.transaction).await?;
            Ok(true)
        };
        let outcome: Thrown<bool> = renamed.await;
        if outcome.map_err(|thrown| storage(&thrown, "rename its data"))? {
            return Ok(());
        }
        Err(Error::NotFound(format!("The store has no {from}. Write it first.")))
    }

    /// See [`crate::platform::Store::remove`].
    pub async fn remove(&self, name: &str) -> Result<()> {
        let removed = async {
            let step = self.step(IdbTransactionMode::Readwrite)?;
            step.clear(name)?;
            completed(&step.transaction).await
        };
        removed.await.map_err(|thrown| storage(&thrown, "remove its data"))
    }

    /// See [`crate::platform::Store::list`].
    pub async fn list(&self) -> Result<Vec<String>> {
        let listed = async {
            let step = self.step(IdbTransactionMode::Readonly)?;
            let keys: Array = answered(&step.sizes.get_all_keys()?).await?.unchecked_into();
            let mut names: Vec<String> = keys.iter().filter_map(|key| key.as_string()).collect();
            names.sort_unstable();
            Ok(names)
        };
        let outcome: Thrown<Vec<String>> = listed.await;
        outcome.map_err(|thrown| storage(&thrown, "list its data"))
    }
}

impl Drop for Indexed {
    fn drop(&mut self) {
        self.database.close();
    }
}
