//! AES-256-GCM under a key held in memory.
//!
//! Keeping the key is the caller's business: a native session that wants to read its log again passes the same one.

use aes_gcm::aead::{Aead, AeadCore, KeyInit, OsRng, Payload, rand_core::RngCore};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::platform::Seal;
use crate::platform::seal::OVERHEAD;

/// Seals under one key.
#[derive(Clone)]
pub struct KeySeal {
    cipher: Aes256Gcm,
}

impl KeySeal {
    /// Seals under `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key)) }
    }

    /// Seals under a key that nobody else has.
    pub fn fresh() -> Self {
        Self { cipher: Aes256Gcm::new(&Aes256Gcm::generate_key(OsRng)) }
    }
}

impl Seal for KeySeal {
    async fn seal(&self, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = Aes256Gcm::generate_nonce(OsRng);
        let sealed = self
            .cipher
            .encrypt(&nonce, Payload { msg: plain, aad: bound })
            .map_err(|_| Error::Internal(format!("{} bytes could not be encrypted", plain.len())))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    async fn open(&self, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        if sealed.len() < OVERHEAD {
            return Err(Error::corrupt("A sealed record", format!("it has {} bytes, at least {OVERHEAD} are needed", sealed.len())));
        }
        let (nonce, rest) = sealed.split_at(12);
        self.cipher
            .decrypt(Nonce::from_slice(nonce), Payload { msg: rest, aad: bound })
            .map_err(|_| Error::corrupt("A sealed record", "its authentication tag does not match"))
    }

    async fn verify(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<bool> {
        Ok(super::signing::verify(key, message, signature))
    }

    async fn sha256(&self, bytes: &[u8]) -> Result<[u8; 32]> {
        Ok(Sha256::digest(bytes).into())
    }

    fn random(&self) -> Result<[u8; 16]> {
        let mut bytes = [0; 16];
        OsRng.try_fill_bytes(&mut bytes).map_err(|_| Error::Internal("the system gives no random bytes".to_owned()))?;
        Ok(bytes)
    }
}
