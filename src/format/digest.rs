//! Hashes that stand in files: SHA-256 of contents, and the small stable hash that deals keys to buckets.
//!
//! Not here: signatures (`manifest`) and anything secret.

use sha2::{Digest, Sha256};

use super::pack::hex;
pub use crate::math::hex::{is_hex, unhex};

/// SHA-256 of `bytes`, lower-case hex (64 characters).
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first eight bytes of SHA-256, big-endian: enough to see that a text changed, small enough to keep per item.
pub fn short(bytes: &[u8]) -> u64 {
    let full = Sha256::digest(bytes);
    full.iter().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Whether `text` is a SHA-256 as written in our files: 64 lower-case hex digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

/// Stable 64-bit hash of an item key: FNV-1a (Fowler, Noll, Vo) and the finalizer of MurmurHash3 (Appleby), so that
/// the high bits are spread too.
pub fn key_hash(key: &str) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for byte in key.bytes() {
        h = (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    h = (h ^ h >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ h >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ h >> 33
}

/// Hash of keys in their order: tells catalogs apart whose ordinals mean other items. No defence against forgers, who
/// are stopped by SHA-256.
pub fn keys_hash<'a>(keys: impl Iterator<Item = &'a str>) -> u64 {
    keys.fold(0, |hash: u64, key| (hash.rotate_left(5) ^ key_hash(key)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The bucket of a key among `buckets`, a power of two: the hash's high bits, so that doubling splits every bucket.
pub fn bucket(key: &str, buckets: u32) -> u32 {
    let bits = buckets.max(1).trailing_zeros();
    if bits == 0 { 0 } else { (key_hash(key) >> (64 - bits)) as u32 }
}
