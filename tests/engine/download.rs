//! Getting the index: whole, resumed, damaged, aborted, on a full device.

use palate::Error;
use palate::engine::download::IfFull;
use palate::engine::{Options, Session};
use palate::platform::native::wait;
use palate::platform::{Abort, Store};

use super::fixture::{Device, URL, load, options, publish};

#[test]
fn download_open_asks_once_and_again_only_for_the_manifest() {
    let device = Device::with_shop(50);
    let session = device.open();
    assert_eq!(session.report().items, 200);
    let requests = device.server.requests();
    assert_eq!(requests.len(), 1 + session.report().shards);
    assert_eq!(session.report().origin, "fetched");
    drop(session);
    let again = device.open();
    assert_eq!(device.server.requests().len(), requests.len() + 1, "one more manifest, nothing else");
    assert_eq!(again.report().origin, "unchanged");
}

#[test]
fn download_broken_in_the_middle_goes_on_where_it_broke() {
    let device = Device::with_shop(200);
    device.server.break_after(9_000);
    let session = device.open();
    assert_eq!(session.report().items, 800);
    let resumed: Vec<u64> = device.server.requests().iter().map(|(_, from)| *from).filter(|from| *from > 0).collect();
    assert_eq!(resumed.len(), 1, "one request was resumed");
    let total: u64 = session.report().index_bytes;
    let manifest = wait(device.store.read("index.json")).unwrap().unwrap().len() as u64;
    assert_eq!(device.server.served(), total + manifest, "not one byte twice");
}

#[test]
fn download_aborted_goes_on_at_the_next_visit() {
    let device = Device::with_shop(200);
    device.server.abort_after(12_000);
    let aborted = wait(Session::open(device.world(), options(), Box::new(load), &Abort::new(), &|_| ()));
    assert_eq!(aborted.err().unwrap(), Error::Aborted);
    let before = device.server.served();
    assert!(before > 5_000);
    let session = device.open();
    assert!(device.server.requests().iter().any(|(_, from)| *from > 0), "resumed by range");
    assert!(device.server.served() < before + session.report().index_bytes);
}

#[test]
fn download_from_a_server_without_ranges_starts_over() {
    let device = Device::with_shop(200);
    device.server.set_ignores_ranges(true);
    device.server.break_after(9_000);
    assert_eq!(device.open().report().items, 800);
}

#[test]
fn download_flipped_or_cut_anywhere_is_refused_and_says_so() {
    let device = Device::new();
    let manifest = publish(&device.server, 10, 0);
    let url = URL.replace("manifest.json", &manifest.shards[0].file);
    let whole = fetch(&device, &url);
    let mut variants: Vec<Vec<u8>> = Vec::new();
    for at in (0..whole.len()).step_by(97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        variants.push(flipped);
        variants.push(whole[..at].to_vec());
    }
    variants.push([whole.as_slice(), b"x"].concat());
    for bytes in variants {
        let device = Device { store: Default::default(), ..device.clone() };
        device.server.serve(&url, bytes);
        let error = device.try_open(options()).err().unwrap();
        assert_eq!(error.code(), "corrupt");
        assert!(error.to_string().contains("Fetch or build it again"), "{error}");
        assert_eq!(wait(device.store.read("index.json")).unwrap(), None, "nothing half is left in use");
    }
    device.server.serve(&url, whole);
    assert_eq!(device.open().report().items, 40, "and the next try works");
}

fn fetch(device: &Device, url: &str) -> Vec<u8> {
    use palate::platform::{Ask, Body, Fetch};
    wait(async {
        let mut reply = device.server.get(Ask { url, from: 0, fresh: false }, &Abort::new()).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = reply.body.chunk().await.unwrap() {
            bytes.extend(piece);
        }
        bytes
    })
}

#[test]
fn download_damaged_manifests_are_refused_whatever_is_wrong() {
    let device = Device::with_shop(3);
    let whole = fetch(&device, URL);
    for at in 0..whole.len() {
        for bytes in [whole[..at].to_vec(), { let mut b = whole.clone(); b[at] ^= 0x15; b }] {
            let device = Device { store: Default::default(), ..device.clone() };
            device.server.serve(URL, bytes);
            // Some flips stand in free text; whatever opens must still be the whole index.
            match device.try_open(options()) {
                Ok(session) => assert_eq!(session.report().items, 12),
                Err(error) => {
                    assert!(["corrupt", "version", "not-found", "mismatch"].contains(&error.code()), "byte {at}: {error}");
                    assert!(!error.to_string().contains("bug"), "byte {at}: {error}");
                }
            }
        }
    }
}

#[test]
fn download_damaged_on_the_device_is_fetched_again() {
    let device = Device::with_shop(50);
    device.open();
    let blob = wait(device.store.list()).unwrap().into_iter().find(|name| name.starts_with("shard-")).unwrap();
    let mut bytes = wait(device.store.read(&blob)).unwrap().unwrap();
    bytes[1000] ^= 1;
    wait(device.store.write(&blob, &bytes)).unwrap();
    let session = device.open();
    assert_eq!((session.report().items, session.report().damaged_files), (200, 1));
    // Evicted by the browser: the same.
    wait(device.store.remove(&blob)).unwrap();
    assert_eq!(device.open().report().items, 200);
}

#[test]
fn download_of_a_newer_version_names_both() {
    let device = Device::with_shop(3);
    let newer = String::from_utf8(fetch(&device, URL)).unwrap().replace("\"version\": 1", "\"version\": 9");
    device.server.serve(URL, newer.into_bytes());
    let error = device.try_open(options()).err().unwrap();
    assert_eq!(error.code(), "version");
    assert!(error.to_string().contains('9') && error.to_string().contains("Update palate"), "{error}");
}

#[test]
fn download_on_a_full_device_works_from_memory_or_says_so() {
    let device = Device::with_shop(50);
    device.store.set_quota(Some(5_000));
    let session = device.open();
    assert_eq!(session.report().items, 200);
    assert_eq!(session.report().unstored.unwrap().code(), "quota");
    let strict = Options { if_full: IfFull::Fail, ..options() };
    assert_eq!(device.try_open(strict).err().unwrap().code(), "quota");
}

#[test]
fn download_nothing_served_is_not_found_and_no_network_says_so() {
    let device = Device::new();
    assert_eq!(device.try_open(options()).err().unwrap().code(), "not-found");
    device.server.set_down(true);
    assert_eq!(device.try_open(options()).err().unwrap().code(), "network");
}
