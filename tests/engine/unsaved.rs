//! Models that are in use before they are stored.

use palate::engine::download::{Downloads, IfFull, Wanted};
use palate::engine::model;
use palate::engine::unsaved::Unsaved;
use palate::format::digest::sha256;
use palate::platform::memory::MemoryLock;
use palate::platform::native::wait;
use palate::platform::{Abort, Store};

use super::fixture::Device;

const URL: &str = "https://shop.example/models/large.safetensors";

/// A device, a server with 5 MB, and what is wanted of it.
fn large() -> (Device, Wanted, Vec<u8>) {
    let device = Device::new();
    let bytes: Vec<u8> = (0..5_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    device.server.serve(URL, bytes.clone());
    let wanted = Wanted { kind: "pack", url: URL.into(), name: "the model".into(), sha256: sha256(&bytes), bytes: Some(bytes.len() as u64), most: bytes.len() as u64, pieces: None };
    (device, wanted, bytes)
}

/// Brings it as a session does.
fn bring(device: &Device, wanted: &Wanted, unsaved: &Unsaved<MemoryLock>, if_full: IfFull) -> Vec<u8> {
    let (world, abort) = (device.world(), Abort::new());
    let mut downloads = Downloads::new(&world, &abort, if_full);
    wait(model::fetched(&mut downloads, wanted, unsaved, &|_| ())).unwrap().to_vec()
}

fn stored(device: &Device, wanted: &Wanted) -> Option<Vec<u8>> {
    wait(device.store.read(&wanted.blob())).unwrap()
}

#[test]
fn unsaved_model_is_stored_in_pieces_after_it_is_in_use() {
    let (device, wanted, bytes) = large();
    let unsaved = Unsaved::default();
    assert_eq!(bring(&device, &wanted, &unsaved, IfFull::UseMemory), bytes);
    assert!(!unsaved.is_empty() && device.store.at_rest().is_empty(), "nothing waited for the store");
    let mut pieces = 0;
    while !unsaved.is_empty() {
        assert_eq!(stored(&device, &wanted), None, "half a file has no name");
        wait(unsaved.store_piece(&device.world())).unwrap();
        pieces += 1;
    }
    assert_eq!((pieces, stored(&device, &wanted)), (3, Some(bytes)));
    assert_eq!(wait(device.store.list()).unwrap(), [wanted.blob()], "no part is left");
}

#[test]
fn unsaved_model_of_a_session_that_ended_goes_on_where_it_stopped() {
    let (device, wanted, bytes) = large();
    let unsaved = Unsaved::default();
    bring(&device, &wanted, &unsaved, IfFull::UseMemory);
    wait(unsaved.store_piece(&device.world())).unwrap();
    drop(unsaved);
    let next = Unsaved::default();
    assert_eq!(bring(&device, &wanted, &next, IfFull::UseMemory), bytes);
    assert_eq!(device.server.requests().last().unwrap().1, 2 << 20, "only the rest is asked for");
    assert!(next.is_empty());
    assert_eq!(stored(&device, &wanted), Some(bytes));
}

#[test]
fn unsaved_model_is_waited_for_by_other_tabs_which_fetch_nothing() {
    let (device, wanted, bytes) = large();
    let tabs = [Unsaved::default(), Unsaved::default()];
    bring(&device, &wanted, &tabs[0], IfFull::UseMemory);
    let (world, abort) = (device.world(), Abort::new());
    let mut downloads = Downloads::new(&world, &abort, IfFull::UseMemory);
    let second = wait(async {
        let mut second = Box::pin(model::fetched(&mut downloads, &wanted, &tabs[1], &|_| ()));
        for _ in 0..3 {
            assert!(futures_lite::future::poll_once(&mut second).await.is_none(), "the first tab holds the lock");
            tabs[0].store_piece(&device.world()).await.unwrap();
        }
        second.await.unwrap()
    });
    assert_eq!((second.as_slice(), device.server.requests().len()), (bytes.as_slice(), 1));
    assert!(tabs.iter().all(Unsaved::is_empty));
}

#[test]
fn unsaved_model_is_given_up_where_its_part_was_cleared() {
    let (device, wanted, _) = large();
    let unsaved = Unsaved::default();
    bring(&device, &wanted, &unsaved, IfFull::UseMemory);
    wait(unsaved.store_piece(&device.world())).unwrap();
    wait(device.store.remove(&wanted.part())).unwrap();
    wait(unsaved.store_piece(&device.world())).unwrap();
    assert!(unsaved.is_empty() && device.store.at_rest().is_empty());
}

#[test]
fn unsaved_model_that_does_not_fit_is_told_once_and_dropped() {
    let (device, wanted, bytes) = large();
    device.store.set_quota(Some(3_000_000));
    let unsaved = Unsaved::default();
    assert_eq!(bring(&device, &wanted, &unsaved, IfFull::UseMemory), bytes);
    wait(unsaved.store_piece(&device.world())).unwrap();
    assert_eq!(wait(unsaved.store_piece(&device.world())).unwrap_err().code(), "quota");
    assert!(unsaved.is_empty() && device.store.at_rest().is_empty(), "no part takes the room that is left");
}

#[test]
fn unsaved_never_where_the_store_was_asked_for_by_name() {
    let (device, wanted, bytes) = large();
    let unsaved = Unsaved::default();
    bring(&device, &wanted, &unsaved, IfFull::Fail);
    assert!(unsaved.is_empty());
    assert_eq!(stored(&device, &wanted), Some(bytes));
}
