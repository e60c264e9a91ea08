//! Where a manifest's signature stands: last in the file, covering every byte before it.
//!
//! The signed bytes are the file's own, so nothing has to be written the same way twice to check them. Not here: the
//! cryptography, which `platform` has.

use super::digest::unhex;
use crate::error::{Error, Result};

/// What stands between the signed bytes and the signature.
const SIGNATURE_OPEN: &str = ",\n  \"signature\": \"";
const SIGNATURE_CLOSE: &str = "\"\n}\n";
/// Hex digits of an Ed25519 signature, which is 64 bytes.
pub const SIGNATURE_DIGITS: usize = 128;

/// An unsigned manifest's bytes with `signature` (hex) as the last member.
pub fn with_signature(unsigned: &[u8], signature: &str) -> Vec<u8> {
    let mut bytes = signed_bytes(unsigned).to_vec();
    bytes.extend_from_slice(SIGNATURE_OPEN.as_bytes());
    bytes.extend_from_slice(signature.as_bytes());
    bytes.extend_from_slice(SIGNATURE_CLOSE.as_bytes());
    bytes
}

/// What a signature of an unsigned manifest covers: everything up to its closing brace, without trailing space.
pub fn signed_bytes(unsigned: &[u8]) -> &[u8] {
    let body = unsigned.trim_ascii_end();
    body.strip_suffix(b"}").unwrap_or(body).trim_ascii_end()
}

/// The bytes that the signature of a signed manifest covers, and the signature.
///
/// # Errors
/// [`Error::Corrupt`] where the manifest has no signature in the place where the writer puts it.
pub fn signed_part(bytes: &[u8]) -> Result<(&[u8], [u8; 64])> {
    let missing = || Error::corrupt("the manifest", "it has no signature in its last line");
    let tail = SIGNATURE_OPEN.len() + SIGNATURE_DIGITS + SIGNATURE_CLOSE.len();
    let (body, tail) = bytes.split_at_checked(bytes.len().wrapping_sub(tail)).ok_or_else(missing)?;
    let digits = tail
        .strip_prefix(SIGNATURE_OPEN.as_bytes())
        .and_then(|t| t.strip_suffix(SIGNATURE_CLOSE.as_bytes()))
        .and_then(|d| std::str::from_utf8(d).ok())
        .and_then(unhex)
        .and_then(|signature| signature.try_into().ok())
        .ok_or_else(missing)?;
    Ok((body, digits))
}

/// A public key from its 64 hex digits.
///
/// # Errors
/// [`Error::Input`] for anything else.
pub fn public_key(text: &str) -> Result<[u8; 32]> {
    let bytes = unhex(&text.trim().to_ascii_lowercase()).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Error::input("The public key is not 64 hex digits. Pass what `palate key new` printed."))
}
