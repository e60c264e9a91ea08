//! The publisher's Ed25519 key (RFC 8032): made, kept in a file of its owner's, signed with.
//!
//! Not here: what is signed (`format::signature`), and the page's side of it (`platform::web::seal`).

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use aes_gcm::aead::{OsRng, rand_core::RngCore};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::folder;
use crate::error::{Error, Result};
use crate::math::hex::{hex, unhex};

/// First word of a key file; the rest is the secret as 64 hex digits.
const WORD: &str = "palate-ed25519";
/// Largest key file read, in bytes.
const MAX_BYTES: u64 = 1024;

/// A secret key. Its `Debug` shows nothing of it.
pub struct Signer {
    key: SigningKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.public())
    }
}

impl Signer {
    /// A key that nobody else has.
    ///
    /// # Errors
    /// [`Error::Internal`] where the system gives no random bytes.
    pub fn fresh() -> Result<Self> {
        let mut secret = [0; 32];
        OsRng.try_fill_bytes(&mut secret).map_err(|_| Error::Internal("the system gives no random bytes".to_owned()))?;
        Ok(Self { key: SigningKey::from_bytes(&secret) })
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Storage`], and [`Error::Input`] for a file that is no key.
    pub fn read(path: &Path) -> Result<Self> {
        let text = String::from_utf8(folder::read(path, MAX_BYTES)?).unwrap_or_default();
        let secret = text.trim().strip_prefix(WORD).and_then(|rest| unhex(rest.trim())).and_then(|bytes| bytes.try_into().ok());
        match secret {
            Some(secret) => Ok(Self { key: SigningKey::from_bytes(&secret) }),
            None => Err(Error::input(format!("{} is no key of palate. Make one with `palate key new FILE`.", path.display()))),
        }
    }

    /// Writes a new key file, readable by its owner alone; one that is there is never replaced.
    ///
    /// # Errors
    /// [`Error::Input`] where a file is there already, [`Error::Storage`].
    pub fn write_new(&self, path: &Path) -> Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let text = format!("{WORD} {}\n", hex(&self.key.to_bytes()));
        options.open(path).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())).map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => Error::input(format!("{} is there already, and a key is never replaced. Name another file.", path.display())),
            _ => Error::Storage(format!("Cannot write {}: {e}. Check the folder and its rights.", path.display())),
        })
    }

    /// The public key, 64 hex digits: what pages pass as `publicKey`.
    pub fn public(&self) -> String {
        hex(self.key.verifying_key().as_bytes())
    }

    /// The signature of a message, 128 hex digits.
    pub fn sign(&self, message: &[u8]) -> String {
        hex(&self.key.sign(message).to_bytes())
    }
}

/// Whether a signature of `message` is by the owner of `key`; a key that is no point of the curve owns none.
pub fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}
