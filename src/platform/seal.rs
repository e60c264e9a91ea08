//! The platform's cryptography as a trait: authenticated encryption at rest, signatures, a digest, fresh randomness.
//!
//! Which key, where it is kept and whether it can be read out is the adapter's business.

use crate::error::Result;

/// AES-256-GCM under one key that belongs to this device. A sealed value is `nonce (12) | ciphertext | tag (16)`.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs Send futures")]
pub trait Seal {
    /// Encrypts `plain` under a fresh random nonce; `bound` is authenticated, not stored.
    async fn seal(&self, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>>;

    /// The plain bytes, `Error::Corrupt` where the key, `bound` or a single bit differs.
    async fn open(&self, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>>;

    /// Whether an Ed25519 signature of `message` is by the owner of `key`.
    ///
    /// `Error::Device` where the platform has no Ed25519.
    async fn verify(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<bool>;

    /// SHA-256 of `bytes`.
    async fn sha256(&self, bytes: &[u8]) -> Result<[u8; 32]>;

    /// Sixteen bytes from the platform's random source.
    fn random(&self) -> Result<[u8; 16]>;
}

/// Bytes that [`Seal::seal`] adds: the nonce before, the tag behind.
pub const OVERHEAD: usize = 12 + 16;

/// Lower-case hexadecimal of a digest.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}
