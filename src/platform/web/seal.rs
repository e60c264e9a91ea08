//! AES-GCM by WebCrypto, under a key that never leaves the browser.
//!
//! The key is made not extractable and kept in IndexedDB: a page can use it, nobody can read it out.

use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CryptoKey, IdbTransactionMode, SubtleCrypto};

use super::fault::{answered, settled};
use super::indexeddb::{completed, open_database};
use super::scope;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::platform::Seal;
use crate::platform::seal::OVERHEAD;

const DATABASE: &str = "palate-keys";
const KEYS: &str = "keys";

type Thrown<T> = std::result::Result<T, JsValue>;

/// Seals under one key.
pub struct WebSeal {
    subtle: SubtleCrypto,
    /// None of a session that seals nothing.
    key: Option<CryptoKey>,
    /// Whether the key will be there at the next visit.
    pub lasting: bool,
    /// Whether it was there before this visit.
    pub known: bool,
}

impl WebSeal {
    /// Digests and signatures only: for sessions that have nothing to hide.
    ///
    /// `Error::Storage` as of [`WebSeal::open`].
    pub fn keyless() -> Result<WebSeal> {
        Ok(WebSeal { subtle: subtle()?, key: None, lasting: false, known: false })
    }

    /// The key of `space`, made at the first visit. A browser that keeps no keys gives one for this visit only.
    ///
    /// `Error::Storage` where the page is not a secure context, which has no cryptography.
    pub async fn open(space: &str, keep: bool) -> Result<WebSeal> {
        let subtle = subtle()?;
        let kept = if keep { kept(&subtle, space).await } else { Err(JsValue::UNDEFINED) };
        match kept {
            Ok((key, known)) => Ok(WebSeal { subtle, key: Some(key), lasting: true, known }),
            Err(_) => {
                let key = generate(&subtle).await.map_err(|_| Error::Storage("The browser makes no AES-GCM key. Update the browser.".to_owned()))?;
                Ok(WebSeal { subtle, key: Some(key), lasting: false, known: false })
            }
        }
    }

    fn key(&self) -> Result<&CryptoKey> {
        self.key.as_ref().ok_or_else(|| Error::Internal("this session has no key".to_owned()))
    }

    fn parameters(&self, nonce: &[u8], bound: &[u8]) -> Thrown<Object> {
        let parameters = Object::new();
        Reflect::set(&parameters, &"name".into(), &"AES-GCM".into())?;
        Reflect::set(&parameters, &"iv".into(), &Uint8Array::from(nonce))?;
        Reflect::set(&parameters, &"additionalData".into(), &Uint8Array::from(bound))?;
        Ok(parameters)
    }
}

fn subtle() -> Result<SubtleCrypto> {
    let found = scope().crypto().ok().map(|crypto| crypto.subtle()).filter(|subtle| !subtle.is_undefined());
    found.ok_or_else(|| {
        Error::Storage("This page is no secure context, so the browser has no cryptography for it. Serve it over https, or from localhost.".to_owned())
    })
}

async fn generate(subtle: &SubtleCrypto) -> Thrown<CryptoKey> {
    let algorithm = Object::new();
    Reflect::set(&algorithm, &"name".into(), &"AES-GCM".into())?;
    Reflect::set(&algorithm, &"length".into(), &JsValue::from_f64(256.0))?;
    let usages = Array::of2(&"encrypt".into(), &"decrypt".into());
    Ok(settled(subtle.generate_key_with_object(&algorithm, false, &usages)?).await?.unchecked_into())
}

/// The key in IndexedDB and whether it was there before.
async fn kept(subtle: &SubtleCrypto, space: &str) -> Thrown<(CryptoKey, bool)> {
    // Two tabs of a first visit must end up with one key.
    let shared = Shared::join("keys");
    let _lock = shared.lock(space).await;
    let database = open_database(DATABASE, &[KEYS]).await?;
    let outcome = async {
        let reading = database.transaction_with_str(KEYS)?;
        let found = answered(&reading.object_store(KEYS)?.get(&JsValue::from_str(space))?).await?;
        if found.is_instance_of::<CryptoKey>() {
            return Ok((found.unchecked_into(), true));
        }
        let key = generate(subtle).await?;
        let writing = database.transaction_with_str_and_mode(KEYS, IdbTransactionMode::Readwrite)?;
        writing.object_store(KEYS)?.put_with_key(&key, &JsValue::from_str(space))?;
        completed(&writing).await?;
        Ok((key, false))
    };
    let outcome: Thrown<_> = outcome.await;
    database.close();
    outcome
}

impl Seal for WebSeal {
    async fn seal(&self, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| Error::Internal(format!("{} bytes could not be encrypted", plain.len()));
        let mut bytes = vec![0; 12];
        random(&mut bytes)?;
        let parameters = self.parameters(&bytes, bound).map_err(failed)?;
        let promise = self.subtle.encrypt_with_object_and_u8_array(&parameters, self.key()?, plain).map_err(failed)?;
        let sealed = settled(promise).await.map_err(failed)?;
        bytes.extend_from_slice(&Uint8Array::new(&sealed).to_vec());
        Ok(bytes)
    }

    async fn open(&self, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        if sealed.len() < OVERHEAD {
            return Err(Error::corrupt("A sealed record", format!("it has {} bytes, at least {OVERHEAD} are needed", sealed.len())));
        }
        let failed = |_| Error::corrupt("A sealed record", "its authentication tag does not match");
        let (nonce, rest) = sealed.split_at(12);
        let parameters = self.parameters(nonce, bound).map_err(failed)?;
        let promise = self.subtle.decrypt_with_object_and_u8_array(&parameters, self.key()?, rest).map_err(failed)?;
        let plain = settled(promise).await.map_err(failed)?;
        Ok(Uint8Array::new(&plain).to_vec())
    }

    async fn verify(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<bool> {
        let failed = |_| {
            Error::Device("This browser checks no Ed25519 signatures. Update it, or open without publicKey.".to_owned())
        };
        let raw = Uint8Array::from(key.as_slice());
        let import = self.subtle.import_key_with_str("raw", &raw, "Ed25519", false, &Array::of1(&"verify".into())).map_err(failed)?;
        let key: CryptoKey = settled(import).await.map_err(failed)?.unchecked_into();
        let message = Uint8Array::from(message);
        let answer = self.subtle.verify_with_str_and_u8_slice_and_u8_array("Ed25519", &key, signature, &message).map_err(failed)?;
        Ok(settled(answer).await.map_err(failed)?.is_truthy())
    }

    async fn sha256(&self, bytes: &[u8]) -> Result<[u8; 32]> {
        let failed = |_| Error::Internal("the browser computes no SHA-256".to_owned());
        let promise = self.subtle.digest_with_str_and_u8_array("SHA-256", bytes).map_err(failed)?;
        let digest = Uint8Array::new(&settled(promise).await.map_err(failed)?);
        let mut array = [0; 32];
        if digest.length() != 32 {
            return Err(Error::Internal("a SHA-256 has not 32 bytes".to_owned()));
        }
        digest.copy_to(&mut array);
        Ok(array)
    }

    fn random(&self) -> Result<[u8; 16]> {
        let mut bytes = [0; 16];
        random(&mut bytes)?;
        Ok(bytes)
    }
}

fn random(bytes: &mut [u8]) -> Result<()> {
    let failed = || Error::Internal("the browser gives no random bytes".to_owned());
    let crypto = scope().crypto().map_err(|_| failed())?;
    crypto.get_random_values_with_u8_array(bytes).map(|_| ()).map_err(|_| failed())
}
