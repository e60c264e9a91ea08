//! What every [`Seal`] promises.

use palate::platform::Seal;
use palate::platform::native::{KeySeal, wait};
use palate::platform::seal::{OVERHEAD, hex};

#[test]
fn seal_opens_what_it_sealed_and_nothing_else() {
    let seal = KeySeal::fresh();
    let sealed = wait(seal.seal(b"bound", b"plain")).unwrap();
    assert_eq!(sealed.len(), 5 + OVERHEAD);
    assert!(!sealed.windows(5).any(|five| five == b"plain"));
    assert_eq!(wait(seal.open(b"bound", &sealed)).unwrap(), b"plain");
    assert_eq!(wait(seal.open(b"other", &sealed)).unwrap_err().code(), "corrupt");
    assert_eq!(wait(KeySeal::fresh().open(b"bound", &sealed)).unwrap_err().code(), "corrupt");
    for at in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1;
        assert_eq!(wait(seal.open(b"bound", &flipped)).unwrap_err().code(), "corrupt", "byte {at}");
        assert_eq!(wait(seal.open(b"bound", &sealed[..at])).unwrap_err().code(), "corrupt", "cut at {at}");
    }
}

#[test]
fn seal_never_repeats_a_nonce() {
    let seal = KeySeal::new(&[7; 32]);
    let nonces: std::collections::BTreeSet<Vec<u8>> = (0..500).map(|_| wait(seal.seal(b"", b"x")).unwrap()[..12].to_vec()).collect();
    assert_eq!(nonces.len(), 500);
    assert_ne!(seal.random().unwrap(), seal.random().unwrap());
}

#[test]
fn seal_digest_is_sha256() {
    // FIPS 180-2, appendix B.1.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex(&wait(KeySeal::fresh().sha256(b"abc")).unwrap()), expected);
}
