//! A session of the encoder alone: one model, or an image model and what reads films, kept on the device.

use std::sync::Arc;

use palate::Result;
use palate::engine::download::IfFull;
use palate::engine::encoder;
use palate::engine::unsaved::Unsaved;
use palate::format::digest::sha256;
use palate::format::pack::ModelId;
use palate::format::pack_manifest::Pieces;
use palate::platform::native::wait;
use palate::platform::{Abort, Store};
use serde_json::json;

use super::fixture::Device;

const BASE: &str = "https://shop.example/models/";

/// Serves a model of these bytes in a folder; gives the folder.
fn publish(device: &Device, name: &str, bytes: &[u8]) -> String {
    let folder = format!("{BASE}{name}");
    let sha256 = sha256(bytes);
    let pieces = Pieces::of(bytes);
    let manifest = json!({"format": "palate-model", "version": 1, "name": name, "sha256": sha256, "file": "pack.safetensors", "bytes": bytes.len(), "dim": 4, "pieces": pieces});
    device.server.serve(&format!("{folder}/manifest.json"), manifest.to_string().into_bytes());
    device.server.serve(&format!("{folder}/pack.safetensors"), bytes.to_vec());
    folder
}

/// Opens models and stores what is in use; gives their names and bytes.
fn open(device: &Device, bases: &[String], if_full: IfFull) -> Result<Vec<(String, Vec<u8>)>> {
    let (world, unsaved) = (device.world(), Unsaved::default());
    let load = |packs: Vec<(Arc<Vec<u8>>, ModelId)>| Ok(packs.into_iter().map(|(bytes, id)| (id.name, bytes.to_vec())).collect());
    let (opened, upkeep) = wait(encoder::open(&world, bases, if_full, &unsaved, load, &Abort::new(), &|_| ()))?;
    wait(upkeep.run(&world))?;
    while !unsaved.is_empty() {
        wait(unsaved.store_piece(&world)).unwrap();
    }
    Ok(opened)
}

fn packs(device: &Device) -> Vec<String> {
    wait(device.store.list()).unwrap().into_iter().filter(|name| name.starts_with("pack-") || name.starts_with("part-")).collect()
}

#[test]
fn encoder_keeps_what_reads_films_beside_the_image_model() {
    let device = Device::new();
    let (eye, film) = (publish(&device, "eye", b"an eye"), publish(&device, "film", b"what reads films"));
    let both = [eye.clone(), film.clone()];
    let expected = vec![("eye".to_owned(), b"an eye".to_vec()), ("film".to_owned(), b"what reads films".to_vec())];
    assert_eq!(open(&device, &both, IfFull::UseMemory).unwrap(), expected);
    assert_eq!(packs(&device).len(), 2);
    device.server.set_down(true);
    assert_eq!(open(&device, &both, IfFull::UseMemory).unwrap(), expected, "without any network");
    device.server.set_down(false);

    // The image model alone leaves what reads films where it is; another one takes the place of the first.
    open(&device, std::slice::from_ref(&eye), IfFull::UseMemory).unwrap();
    assert_eq!(packs(&device).len(), 2);
    let served = device.server.served();
    publish(&device, "eye", b"a better eye");
    assert_eq!(open(&device, &both, IfFull::Fail).unwrap()[0].1, b"a better eye");
    assert_eq!(packs(&device).len(), 2, "the first eye is gone");
    assert!(device.server.served() - served < 1000, "what reads films was there");
}

/// A file that is still to be stored is locked until it is: whoever names it twice must not wait for himself.
#[test]
fn encoder_of_one_model_for_both_does_not_wait_for_itself() {
    let device = Device::new();
    let eye = publish(&device, "eye", b"an eye");
    let twice = open(&device, &[eye.clone(), eye], IfFull::UseMemory).unwrap();
    assert_eq!(twice[0], twice[1]);
}

/// What comes is verified piece by piece: a download of what is not the model ends at the first wrong piece.
#[test]
fn encoder_verifies_a_model_as_it_comes() {
    const PIECE: usize = 1 << 19;
    let bytes: Vec<u8> = (0..5 * PIECE as u32 + 77).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for if_full in [IfFull::UseMemory, IfFull::Fail] {
        let device = Device::new();
        let eye = publish(&device, "eye", &bytes);
        let pack = format!("{eye}/pack.safetensors");
        for flipped in [0, PIECE - 1, PIECE, 3 * PIECE + 5, bytes.len() - 1] {
            let mut wrong = bytes.clone();
            wrong[flipped] ^= 4;
            device.server.serve(&pack, wrong);
            let served = device.server.served();
            let error = open(&device, std::slice::from_ref(&eye), if_full).unwrap_err();
            assert_eq!(error.code(), "corrupt");
            assert!(packs(&device).is_empty(), "nothing wrong is kept");
            let until = (flipped / PIECE + 1) * PIECE;
            let most = 2 * until.min(bytes.len()) as u64 + 10_000;
            assert!(device.server.served() - served <= most, "twice to the wrong piece, not to the end");
        }
        device.server.serve(&pack, bytes.clone());
        device.server.break_after(2 * PIECE as u64 + 9000);
        assert_eq!(open(&device, &[eye], if_full).unwrap()[0].1, bytes, "broken off and gone on with");
        assert_eq!(packs(&device).len(), 1);
    }
}

/// What a broken visit left is verified, too, before anything is added to it.
#[test]
fn encoder_does_not_go_on_with_a_damaged_part() {
    const PIECE: usize = 1 << 19;
    let bytes: Vec<u8> = (0..3 * PIECE as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let device = Device::new();
    let eye = publish(&device, "eye", &bytes);
    let part = format!("part-{}", &sha256(&bytes)[..32]);
    let mut left = bytes[..2 * PIECE].to_vec();
    left[PIECE + 3] ^= 1;
    wait(device.store.write(&part, &left)).unwrap();
    assert_eq!(open(&device, &[eye], IfFull::UseMemory).unwrap()[0].1, bytes);
    assert_eq!(device.server.requests().iter().filter(|(url, _)| url.ends_with("pack.safetensors")).map(|(_, from)| *from).collect::<Vec<_>>(), [0]);
    assert_eq!(packs(&device).len(), 1);
}
