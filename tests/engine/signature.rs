//! A public key: only an index that its owner signed is opened, swapped in, or taken from the device.

use palate::engine::Options;
use palate::format::signature::{public_key, signed_bytes, with_signature};
use palate::platform::Abort;
use palate::platform::native::{Signer, wait};

use super::fixture::{Device, URL, options, publish};

fn trusting(signer: &Signer) -> Options {
    Options { public_key: Some(public_key(&signer.public()).unwrap()), ..options() }
}

/// Serves an index of so many items a topic, signed.
fn publish_signed(device: &Device, per_topic: usize, signer: &Signer) {
    let unsigned = publish(&device.server, per_topic, 0).to_bytes();
    device.server.serve(URL, with_signature(&unsigned, &signer.sign(signed_bytes(&unsigned))));
}

#[test]
fn signature_of_the_publisher_opens_the_index() {
    let (device, signer) = (Device::new(), Signer::fresh().unwrap());
    publish_signed(&device, 10, &signer);
    assert_eq!(device.try_open(trusting(&signer)).unwrap().snapshot().catalog.len(), 40);
    // A page without a key does not care.
    assert!(device.try_open(options()).is_ok());
}

#[test]
fn signature_that_is_missing_or_another_ones_keeps_the_index_out() {
    let (device, signer) = (Device::new(), Signer::fresh().unwrap());
    publish(&device.server, 10, 0);
    let error = device.try_open(trusting(&signer)).err().unwrap();
    assert_eq!(error.code(), "corrupt");
    assert!(error.to_string().contains("no signature"), "{error}");
    publish_signed(&device, 10, &Signer::fresh().unwrap());
    let error = device.try_open(trusting(&signer)).err().unwrap();
    assert!(error.to_string().contains("not by the owner"), "{error}");
}

#[test]
fn signature_is_asked_of_what_is_on_the_device_too() {
    let (device, signer) = (Device::new(), Signer::fresh().unwrap());
    publish(&device.server, 10, 0);
    device.try_open(options()).unwrap();
    device.server.set_down(true);
    assert!(device.try_open(options()).is_ok(), "the index of the earlier visit");
    assert!(device.try_open(trusting(&signer)).is_err(), "which nobody signed");
    assert!(device.try_open(Options { from_device: true, ..trusting(&signer) }).is_err());
}

#[test]
fn signature_of_another_one_does_not_swap_the_index_in() {
    let (device, signer) = (Device::new(), Signer::fresh().unwrap());
    publish_signed(&device, 10, &signer);
    let session = device.try_open(trusting(&signer)).unwrap();
    publish_signed(&device, 20, &Signer::fresh().unwrap());
    assert!(wait(session.sync(&Abort::new(), &|_| ())).is_err());
    assert_eq!(session.snapshot().catalog.len(), 40, "the old one goes on");
    publish_signed(&device, 20, &signer);
    assert!(wait(session.sync(&Abort::new(), &|_| ())).unwrap());
    assert_eq!(session.snapshot().catalog.len(), 80);
}
